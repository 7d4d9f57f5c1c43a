package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/action/internal/cli"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
)

const (
	safeEmail   = "ci@example.com"
	safeToken   = "safe-token-0123456789"
	otherToken  = "other-token-9876543210"
	narrowToken = "narrow-token-without-the-scope"
	safeClient  = "33333333-4444-4555-8666-777777777777"
	safePass    = "machine-password-13579"
	safeProject = "bbbbbbbb-0000-4000-8000-000000000001"
)

// safeWorld is an Infisical that asks a Bitbucket about tokens, both on loopback,
// and a folder with a manifest.
type safeWorld struct {
	t         *testing.T
	infisical *siminfisical.Server
	bitbucket *simbitbucket.Server
	folder    string
	env       map[string]string
}

func newSafeWorld(t *testing.T) *safeWorld {
	t.Helper()
	w := &safeWorld{t: t, bitbucket: simbitbucket.New(simbitbucket.Options{}), folder: t.TempDir()}
	url, err := w.bitbucket.Start()
	w.must(err)
	t.Cleanup(func() { w.must(w.bitbucket.Close()) })
	w.infisical = siminfisical.New(siminfisical.Options{BitbucketURL: url, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	_, err = w.infisical.Start()
	w.must(err)
	t.Cleanup(func() { w.must(w.infisical.Close()) })
	scopes := []string{"read:user:bitbucket"}
	w.must(w.bitbucket.Seed(simbitbucket.State{Users: []simbitbucket.User{{Email: safeEmail, Tokens: []simbitbucket.Token{
		{Value: safeToken, Scopes: scopes}, {Value: otherToken, Scopes: scopes}, {Value: narrowToken, Scopes: []string{"read:repository:bitbucket"}},
	}}}}))
	w.must(w.infisical.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: "org", Slug: "acme"}},
		Projects:      []siminfisical.Project{{ID: safeProject, OrgID: "org", Name: "Project", Slug: "project", Type: "secret-manager"}},
	}))
	w.identity(siminfisical.Everything())
	w.env = map[string]string{"TOKEN": safeToken, "LINKERSYNC_INFISICAL_CLIENT_SECRET": safePass}
	w.manifest("  - {name: ci, email: " + safeEmail + ", token: env:TOKEN}\n")
	return w
}

func (w *safeWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// identity makes the machine identity, with these permissions.
func (w *safeWorld) identity(may []siminfisical.Action) {
	w.t.Helper()
	w.must(w.infisical.Seed(siminfisical.State{Identities: []siminfisical.Identity{{
		ID: "99999999-aaaa-4bbb-8ccc-dddddddddddd", OrgID: "org", TokenTTL: time.Hour,
		Permissions: may, Projects: map[string][]siminfisical.Action{safeProject: may},
		Universal: &siminfisical.UniversalAuth{ClientID: safeClient, Secrets: []siminfisical.ClientSecret{{Value: safePass}}},
	}}}))
}

// manifest writes the manifest with these connections.
func (w *safeWorld) manifest(connections string) {
	w.t.Helper()
	w.must(os.WriteFile(w.file(), []byte("version: 1\napp: example-linker-app\nconnections:\n"+connections), 0o600))
}

func (w *safeWorld) file() string { return filepath.Join(w.folder, "linkersync.yaml") }

// theirs puts a connection into Infisical that linkersync did not make.
func (w *safeWorld) theirs(name string, inUse bool) {
	w.t.Helper()
	text := "by hand"
	w.must(w.infisical.Seed(siminfisical.State{Connections: []siminfisical.Connection{{
		ID: "cccccccc-0000-4000-8000-000000000001", Name: name, App: "bitbucket", Method: "api-token", OrgID: "org",
		Description: &text, Email: safeEmail, APIToken: "theirs", InUse: inUse,
	}}}))
}

// answer is what a run of the command left behind.
type answer struct {
	code           int
	stdout, stderr string
}

// run runs "linkersync connections <args>" and checks that the login is ended.
func (w *safeWorld) run(args ...string) answer {
	w.t.Helper()
	got := w.race(args...)
	if n := w.infisical.ActiveTokens(); n != 0 {
		w.t.Errorf("%v left %d logins", args, n)
	}
	return got
}

// race is run beside others. What the verbs of the manifest need is added.
func (w *safeWorld) race(args ...string) answer {
	line := append([]string{"connections"}, args...)
	switch args[0] {
	case "ensure", "rotate", "doctor":
		line = append(line, "--file", w.file())
	}
	line = append(line, "--infisical-url", w.infisical.URL(), "--infisical-method", "universal", "--infisical-client-id", safeClient,
		"--bitbucket-url", w.bitbucket.URL(), "--requests-per-second", "1000")
	var stdout, stderr bytes.Buffer
	code := cli.Run(w.t.Context(), line, cli.Process{
		Getenv: func(name string) string { return w.env[name] },
		Stdin:  strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Version: "test",
	})
	got := answer{code, w.plain(stdout.String()), w.plain(stderr.String())}
	for _, secret := range []string{safeToken, otherToken, narrowToken, safePass} {
		if strings.Contains(got.stdout+got.stderr, secret) {
			w.t.Errorf("%v printed a secret:\n%s%s", args, got.stdout, got.stderr)
		}
	}
	return got
}

// changing are the parts of the output that differ from run to run.
var changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|fp [0-9a-f]{12}(?: [0-9a-f]{8})?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`)

// plain takes the changing parts, but for known ids, out of an output.
func (w *safeWorld) plain(text string) string {
	text = strings.ReplaceAll(text, w.folder+string(filepath.Separator), "")
	text = strings.ReplaceAll(text, w.infisical.URL(), "INFISICAL")
	return changing.ReplaceAllStringFunc(text, func(found string) string {
		switch {
		case found == safeProject || found == safeClient:
			return found
		case strings.HasPrefix(found, "fp "):
			return "fp XXX"
		case strings.ContainsAny(found, ": "):
			return "TIME"
		}
		return "ID"
	})
}

// calls returns what Infisical was asked, and forgets it.
func (w *safeWorld) calls() []string {
	calls := []string{}
	for _, call := range w.infisical.Faults().Calls() {
		path := strings.TrimPrefix(call.Path, "/api/v1/")
		if call.Query != "" {
			path += "?" + call.Query
		}
		calls = append(calls, w.plain(fmt.Sprint(call.Method, " ", path)))
	}
	w.infisical.Faults().ResetCalls()
	return calls
}

// tokens are the stored ones by name.
func (w *safeWorld) tokens() map[string]string {
	tokens := map[string]string{}
	for _, row := range w.infisical.Snapshot().Connections {
		tokens[row.Name] = row.APIToken
	}
	return tokens
}
