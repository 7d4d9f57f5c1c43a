package infisical_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	simulator "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	account   = "ops@example.com"
	robotID   = "aaaaaaaa-0000-4000-8000-000000000001"
	readerID  = "aaaaaaaa-0000-4000-8000-000000000002"
	projectID = "bbbbbbbb-0000-4000-8000-000000000001"
	issuerURL = "https://token.actions.githubusercontent.com"
	issuerKey = "a key that the issuer signs with"
)

// world is a simulated Infisical beside a simulated Bitbucket, with one clock.
type world struct {
	t         *testing.T
	infisical *simulator.Server
	bitbucket *bitbucket.Server
	url       string
	mu        sync.Mutex
	now       time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: start()}
	w.bitbucket = bitbucket.New(bitbucket.Options{Now: w.clock})
	bitbucketURL, err := w.bitbucket.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.bitbucket.Close() })
	w.infisical = simulator.New(simulator.Options{Now: w.clock, BitbucketURL: bitbucketURL, Sleep: w.sleep})
	if w.url, err = w.infisical.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.infisical.Close() })
	user := bitbucket.User{Email: account, Tokens: []bitbucket.Token{
		{Value: "good-token", Scopes: []string{"read:user:bitbucket"}},
		{Value: "new-token", Scopes: []string{"read:user:bitbucket"}},
		{Value: "narrow-token", Scopes: []string{"read:repository:bitbucket"}},
	}}
	if err := w.bitbucket.Seed(bitbucket.State{Users: []bitbucket.User{user}}); err != nil {
		t.Fatal(err)
	}
	w.seed(population())
	return w
}

func (w *world) seed(state simulator.State) {
	w.t.Helper()
	if err := w.infisical.Seed(state); err != nil {
		w.t.Fatal(err)
	}
}

func population() simulator.State {
	return simulator.State{
		Organizations: []simulator.Organization{{ID: "org", Slug: "acme"}, {ID: "team", Slug: "team-a", ParentID: "org"}},
		Projects:      []simulator.Project{{ID: projectID, OrgID: "org", Name: "Project", Slug: "project", Type: "secret-manager"}},
		Identities: []simulator.Identity{
			{
				ID: robotID, OrgID: "org", SubOrganizations: []string{"team"}, TokenTTL: time.Hour,
				Permissions: simulator.Everything(), Projects: map[string][]simulator.Action{projectID: simulator.Everything()},
				Universal: &simulator.UniversalAuth{ClientID: "robot", Secrets: []simulator.ClientSecret{{Value: clientSecret}}},
				OIDC:      &simulator.OIDCAuth{Issuer: issuerURL, Subject: "repo:acme/app:*", Audiences: []string{"https://github.com/acme"}},
				AWS:       &simulator.AWSAuth{AccountIDs: []string{"111122223333"}},
			},
			{
				ID: readerID, OrgID: "org", Permissions: []simulator.Action{simulator.Read},
				Universal: &simulator.UniversalAuth{ClientID: "reader", Secrets: []simulator.ClientSecret{{Value: clientSecret}}},
			},
		},
		Issuers: []simulator.Issuer{{URL: issuerURL, Keys: map[string]any{"k": []byte(issuerKey)}}},
		AWSKeys: []simulator.AWSKey{
			{AccessKeyID: accessKey, Secret: secretKey, SessionToken: "session", Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/ci/run"},
			{AccessKeyID: "AKIDOTHER", Secret: secretKey, Account: "444455556666", ARN: "arn:aws:iam::444455556666:user/x"},
		},
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) sleep(ctx context.Context, d time.Duration) error {
	w.advance(d)
	return ctx.Err()
}

// client logs in as a client of Universal Auth; its sleep moves the common clock.
func (w *world) client(clientID string) *infisical.Client {
	return &infisical.Client{
		BaseURL: w.url, Now: w.clock, Sleep: w.sleep,
		Login: infisical.UniversalAuth{ClientID: clientID, ClientSecret: redact.New(clientSecret)},
	}
}

// ciToken is what a CI's issuer hands out.
func (w *world) ciToken(subject, audience, key string) infisical.OIDCAuth {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": issuerURL, "sub": subject, "aud": audience, "exp": w.clock().Add(5 * time.Minute).Unix(),
	})
	token.Header["kid"] = "k"
	signed, err := token.SignedString([]byte(key))
	if err != nil {
		w.t.Fatal(err)
	}
	return infisical.OIDCAuth{IdentityID: robotID, Token: func(context.Context) (redact.Secret, error) { return redact.New(signed), nil }}
}

func wanted(name, token string) infisical.NewConnection {
	return infisical.NewConnection{
		Name: name, Description: "managed", ProjectID: projectID,
		Credentials: infisical.Credentials{Email: account, APIToken: redact.New(token)},
	}
}

func (w *world) create(client *infisical.Client, name string) infisical.Connection {
	w.t.Helper()
	created, err := client.Create(w.t.Context(), wanted(name, "good-token"))
	if err != nil {
		w.t.Fatal(err)
	}
	return created
}
