package ci_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	eventbridgesdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/golang-jwt/jwt/v5"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	appKey       = "example-linker-app"
	workspace    = "{11111111-2222-4333-8444-555555555555}"
	clientKey    = "ari:cloud:bitbucket::app/{11111111-2222-4333-8444-555555555555}/example-linker-app"
	sharedSecret = "shared-secret-of-one-workspace"
	email        = "ci@example.com"
	token        = "bitbucket-api-token-0123456789"
	clientID     = "33333333-4444-4555-8666-777777777777"
	clientSecret = "machine-password-13579"
	identity     = "99999999-aaaa-4bbb-8ccc-dddddddddddd"
	organization = "88888888-9999-4aaa-8bbb-cccccccccccc"
	issuer       = "https://ci.example.com"
	audience     = "https://infisical.example.com"
	role         = "arn:aws:iam::111122223333:role/linkersync"
	requestToken = "token-that-asks-github-for-tokens"
)

// issuerKey signs the identity tokens of every platform here.
var issuerKey = []byte("not-a-real-oidc-key")

// world is every service that a step may meet, on loopback.
type world struct {
	bitbucket *simbitbucket.Server
	infisical *siminfisical.Server
	cloud     *simaws.Server
	// deployment has connections of its own: on shared ones a call may meet the end of
	// a server that had the port before.
	deployment *http.Client
	// github answers for GitHub's identity tokens.
	github *httptest.Server
	// minted is every identity token that was given away, for the search for leaks.
	minted []string
}

func newWorld(ctx context.Context) (*world, error) {
	w := &world{bitbucket: simbitbucket.New(simbitbucket.Options{}), cloud: simaws.New(simaws.Options{}), deployment: &http.Client{Transport: &http.Transport{}}}
	if _, err := w.bitbucket.Start(); err != nil {
		return nil, err
	}
	w.infisical = siminfisical.New(siminfisical.Options{BitbucketURL: w.bitbucket.URL()})
	if _, err := w.infisical.Start(); err != nil {
		return nil, err
	}
	w.github = httptest.NewServer(http.HandlerFunc(w.serveToken))
	for _, seed := range []func(context.Context) error{w.seedBitbucket, w.seedStore, w.seedInfisical, w.seedDeployment} {
		if err := seed(ctx); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world) close() {
	w.cloud.Events.Wait() // a step may see its run done before the deployment has heard so
	w.deployment.CloseIdleConnections()
	w.github.Close()
	w.cloud.Close()
	_ = w.infisical.Close() // its listener is ours alone
	_ = w.bitbucket.Close()
}

func (w *world) seedBitbucket(context.Context) error {
	return w.bitbucket.Seed(simbitbucket.State{
		Apps: []simbitbucket.App{{Key: appKey, Descriptor: simbitbucket.Descriptor(appKey, "https://app.example.com", "issues", "builds")}},
		Users: []simbitbucket.User{{Email: email, Tokens: []simbitbucket.Token{
			{Value: token, Scopes: []string{"read:user:bitbucket"}},
			{Value: token + "\nsecond-line-of-the-token", Scopes: []string{"read:user:bitbucket"}},
		}}},
		Installations: []simbitbucket.Installation{{
			AppKey: appKey, ClientKey: clientKey, SharedSecret: sharedSecret,
			Principal: simbitbucket.Principal{UUID: workspace, Type: "team", DisplayName: "Acme | *Corp*", Username: "acme"},
			Values:    map[string][]string{"issues": {"OLD", "PROJ"}, "builds": {"main"}},
		}},
	})
}

func (w *world) store() *installation.SecretsManager {
	return installation.NewSecretsManager(secretsmanager.NewFromConfig(w.cloud.Config()), installation.Options{AppKey: appKey})
}

func (w *world) rename(ctx context.Context, name string) error {
	in, err := w.store().Get(ctx, clientKey)
	if err != nil {
		return err
	}
	in.Principal.DisplayName = name
	_, err = w.store().Update(ctx, in, "renamed")
	return err
}

func (w *world) seedStore(ctx context.Context) error {
	_, err := w.store().Create(ctx, installation.Installation{
		AppKey: appKey, ClientKey: clientKey, SharedSecret: redact.New(sharedSecret), State: installation.Installed,
		Principal: installation.Principal{UUID: workspace, Type: "team", DisplayName: "Acme | *Corp*"},
	}, "seed")
	return err
}

func (w *world) seedInfisical(context.Context) error {
	return w.infisical.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: organization, Slug: "acme"}},
		Issuers:       []siminfisical.Issuer{{URL: issuer, Keys: map[string]any{"": issuerKey}}},
		Identities: []siminfisical.Identity{
			{ID: identity, OrgID: organization, Permissions: siminfisical.Everything(), OIDC: &siminfisical.OIDCAuth{Issuer: issuer, Audiences: []string{audience}}},
			{ID: "bbbbbbbb-aaaa-4bbb-8ccc-dddddddddddd", OrgID: organization, Permissions: siminfisical.Everything(), Universal: &siminfisical.UniversalAuth{ClientID: clientID, Secrets: []siminfisical.ClientSecret{{Value: clientSecret}}}},
		},
	})
}

// seedDeployment plays the deployment behind via: event: whoever puts a change on
// the bus gets a run of two installations, one of which fails when the manifest
// has the value "BROKEN". Others make it do nothing ("DEAF"), refuse ("REFUSED"), be
// stopped ("STOPPED"), find a newer one in force ("OVERTAKEN"), and expect the yes
// to a large prune ("PRUNED").
func (w *world) seedDeployment(context.Context) error {
	w.cloud.Tables.Add("linkersync")
	_, err := w.cloud.Events.On("linkersync", `{"source":["linkersync"],"detail-type":["Linker Values Changed"]}`, func(ctx context.Context, event eventbridge.Event) {
		if err := w.dispatch(ctx, event.ID, event.Detail); err != nil {
			panic(err) // a test's own world is broken
		}
	})
	return err
}

func (w *world) dispatch(ctx context.Context, id string, detail []byte) error {
	change, err := rollout.Decode[rollout.Change](detail)
	if err != nil {
		return err
	}
	config := w.cloud.Config()
	config.Retryer, config.HTTPClient = awsenv.NewRetryer, w.deployment
	table := &rollout.Table{DynamoDB: dynamodb.NewFromConfig(config), Name: "linkersync"}
	if strings.Contains(change.Manifest, "DEAF") {
		return nil // nobody takes it
	}
	if change.AllowPrune != strings.Contains(change.Manifest, "PRUNED") {
		return fmt.Errorf("allow_prune is %t", change.AllowPrune)
	}
	if strings.Contains(change.Manifest, "REFUSED") {
		_, err := table.RefuseRun(ctx, id, change.App, "linkersync.yaml has a value that this deployment doesn't take")
		return err
	}
	if strings.Contains(change.Manifest, "STOPPED") {
		_, err := table.RefuseRun(ctx, id, change.App, "linker updates are stopped")
		return err
	}
	run, err := table.OpenRun(ctx, id, change.App)
	if err != nil {
		return err
	}
	page, err := table.OpenPage(ctx, run, []string{"one", "two"})
	if err != nil {
		return err
	}
	if run, err = table.AdvanceRun(ctx, run, page, 2, ""); err != nil {
		return err
	}
	if strings.Contains(change.Manifest, "OVERTAKEN") {
		if err := table.NoteRun(ctx, run, "a newer manifest is in force, not this one"); err != nil {
			return err
		}
	}
	first, second := rollout.Result{Outcome: rollout.Changed, Added: 3, Removed: 1}, rollout.Result{Outcome: rollout.Unchanged}
	if containsBroken(change.Manifest) {
		second.Outcome = rollout.Failed
	}
	for clientKey, result := range map[string]rollout.Result{"one": first, "two": second} {
		reported, err := table.Report(ctx, queue.Message{Run: id, Page: page, ClientKey: clientKey}, result)
		if err != nil {
			return err
		}
		if reported.ID != "" {
			run = reported
		}
	}
	_, _, err = rollout.Announce(ctx, table, rollout.Bus{EventBridge: eventbridgesdk.NewFromConfig(config), Name: "linkersync"}, run)
	return err
}

// mint makes an identity token.
func (w *world) mint(aud string) string {
	claims := jwt.MapClaims{"iss": issuer, "sub": "repo:acme/app", "aud": aud, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(issuerKey)
	if err != nil {
		panic(err) // the key is a constant
	}
	w.minted = append(w.minted, signed)
	return signed
}

// serveToken answers as GitHub's token endpoint does.
// Source: https://docs.github.com/en/actions/reference/security/oidc
func (w *world) serveToken(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+requestToken || r.URL.Query().Get("api-version") != "2.0" {
		http.Error(rw, "who are you?", http.StatusUnauthorized)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(map[string]string{"value": w.mint(r.URL.Query().Get("audience"))}) // the client's concern
}

func TestMain(m *testing.M) { runMain(m) }
