// Command ci plays the services that a CI job meets, for `make test-action` and
// `make bench-action`: a Bitbucket with one workspace that has the app, its secret
// in Secrets Manager, and an Infisical. It writes the variables that reach them to
// the file named by its first argument, and stays until it is ended.
//
// Each line of standard input is a command: "break" makes Bitbucket fail from then
// on, "mend" ends that.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// What the world holds. None of it opens anything outside of it.
const (
	appKey       = "example-linker-app"
	sharedSecret = "simulated-shared-secret-0123456789"
	email        = "ci@example.com"
	token        = "simulated-bitbucket-api-token"
	clientID     = "33333333-4444-4555-8666-777777777777"
	clientSecret = "simulated-infisical-client-secret"
	organization = "88888888-9999-4aaa-8bbb-cccccccccccc"
)

func main() {
	if err := run(os.Args[1:], os.Stdin); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "ci:", err)
		os.Exit(1)
	}
}

func run(args []string, commands io.Reader) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) != 1 {
		return errors.New("usage: ci FILE")
	}
	bitbucket := simbitbucket.New(simbitbucket.Options{})
	if _, err := bitbucket.Start(); err != nil {
		return err
	}
	defer func() { _ = bitbucket.Close() }() // the process ends
	infisical := siminfisical.New(siminfisical.Options{BitbucketURL: bitbucket.URL()})
	if _, err := infisical.Start(); err != nil {
		return err
	}
	defer func() { _ = infisical.Close() }() // the process ends
	cloud := simaws.New(simaws.Options{})
	defer cloud.Close()
	if err := errors.Join(seedBitbucket(ctx, bitbucket, cloud), seedInfisical(infisical)); err != nil {
		return err
	}
	if err := writeEnvironment(args[0], environment(bitbucket, infisical, cloud)); err != nil {
		return err
	}
	go obey(commands, bitbucket.Faults())
	<-ctx.Done()
	return nil
}

// seedBitbucket installs the app in one workspace and keeps its secret where the
// lifecycle function would.
func seedBitbucket(ctx context.Context, bitbucket *simbitbucket.Server, cloud *simaws.Server) error {
	principal := simbitbucket.Principal{UUID: "{11111111-2222-4333-8444-555555555555}", Type: "team", DisplayName: "example-workspace", Username: "example-workspace"}
	err := bitbucket.Seed(simbitbucket.State{
		Apps: []simbitbucket.App{{Key: appKey, Descriptor: simbitbucket.Descriptor(appKey, "https://app.example.com", "issues", "builds")}},
		Users: []simbitbucket.User{{Email: email, DisplayName: "CI", Tokens: []simbitbucket.Token{
			{Value: token, Scopes: []string{"read:user:bitbucket", "read:repository:bitbucket"}},
		}}},
		Installations: []simbitbucket.Installation{{AppKey: appKey, SharedSecret: sharedSecret, Principal: principal}},
	})
	if err != nil {
		return fmt.Errorf("seed Bitbucket: %w", err)
	}
	store := installation.NewSecretsManager(secretsmanager.NewFromConfig(cloud.Config()), installation.Options{AppKey: appKey})
	for _, in := range bitbucket.Snapshot().Installations {
		_, err := store.Create(ctx, installation.Installation{
			AppKey: appKey, ClientKey: in.ClientKey, SharedSecret: redact.New(sharedSecret), State: installation.Installed,
			Principal: installation.Principal{UUID: connect.WorkspaceUUID(principal.UUID), Type: principal.Type, DisplayName: principal.DisplayName},
		}, "seed")
		if err != nil {
			return fmt.Errorf("seed Secrets Manager: %w", err)
		}
	}
	return nil
}

func seedInfisical(infisical *siminfisical.Server) error {
	err := infisical.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: organization, Slug: "example"}},
		Identities: []siminfisical.Identity{{
			ID: "99999999-aaaa-4bbb-8ccc-dddddddddddd", Name: "linkersync", OrgID: organization, Permissions: siminfisical.Everything(),
			Universal: &siminfisical.UniversalAuth{ClientID: clientID, Secrets: []siminfisical.ClientSecret{{Value: clientSecret}}},
		}},
	})
	if err != nil {
		return fmt.Errorf("seed Infisical: %w", err)
	}
	return nil
}

// environment are the variables of a step that reaches the world.
func environment(bitbucket *simbitbucket.Server, infisical *siminfisical.Server, cloud *simaws.Server) map[string]string {
	variables := map[string]string{
		"LINKERSYNC_BITBUCKET_URL": bitbucket.URL(), "LINKERSYNC_BITBUCKET_AUTH_URL": bitbucket.URL(),
		"LINKERSYNC_REQUESTS_PER_SECOND": "1000",
		"LINKERSYNC_INFISICAL_URL":       infisical.URL(), "LINKERSYNC_INFISICAL_CLIENT_ID": clientID,
		"LINKERSYNC_INFISICAL_CLIENT_SECRET": clientSecret, "BITBUCKET_API_TOKEN": token,
		"SIMULATED_SHARED_SECRET": sharedSecret,
	}
	for _, variable := range cloud.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	return variables
}

// writeEnvironment makes the file appear whole: who waits for it reads no half of it.
func writeEnvironment(path string, variables map[string]string) error {
	encoded, err := json.Marshal(variables)
	if err != nil {
		return fmt.Errorf("encode the variables: %w", err)
	}
	if err := os.WriteFile(path+".partial", encoded, 0o600); err != nil {
		return fmt.Errorf("write the variables: %w", err)
	}
	if err := os.Rename(path+".partial", path); err != nil {
		return fmt.Errorf("write the variables: %w", err)
	}
	return nil
}

func obey(commands io.Reader, faults *fault.Injector) {
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		switch lines.Text() {
		case "break":
			faults.Add(fault.Path("GET", "/2.0/addon/linkers/.*"), fault.Always(), fault.Respond(403, nil, `{"type":"error","error":{"message":"this workspace is locked"}}`))
		case "mend":
			faults.Clear()
		}
	}
}
