package infisical_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/clock"
	"github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

const (
	org, subOrg, otherOrg = "org-1", "org-2", "org-3"
	project               = "project-1"
	robot                 = "identity-1"
	reader                = "identity-2"
	email                 = "robot@example.com"
	connectionsURL        = "/api/v1/app-connections/bitbucket"
	loginURL              = "/api/v1/auth/universal-auth/login"
)

// rig is a started server beside a started Bitbucket that knows one account.
type rig struct {
	t         *testing.T
	sim       *infisical.Server
	bitbucket *bitbucket.Server
	url       string
	clock     *clock.Manual

	mu    sync.Mutex
	slept []time.Duration
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, clock: clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}
	r.bitbucket = bitbucket.New(bitbucket.Options{Now: r.clock.Now})
	bitbucketURL, err := r.bitbucket.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.bitbucket.Close() })
	err = r.bitbucket.Seed(bitbucket.State{Users: []bitbucket.User{{
		Email: email, Tokens: []bitbucket.Token{
			{Value: "good", Scopes: []string{"read:user:bitbucket"}},
			{Value: "better", Scopes: []string{"read:user:bitbucket"}},
			{Value: "narrow", Scopes: []string{"read:repository:bitbucket"}},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	r.sim = infisical.New(infisical.Options{Now: r.clock.Now, BitbucketURL: bitbucketURL, Sleep: r.sleep})
	if r.url, err = r.sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.sim.Close() })
	r.seed(world())
	return r
}

func (r *rig) sleep(_ context.Context, d time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slept = append(r.slept, d)
	return nil
}

func (r *rig) seed(state infisical.State) {
	r.t.Helper()
	if err := r.sim.Seed(state); err != nil {
		r.t.Fatal(err)
	}
}

func world() infisical.State {
	return infisical.State{
		Organizations: []infisical.Organization{
			{ID: org, Slug: "example"},
			{ID: subOrg, Slug: "example-sub", ParentID: org},
			{ID: "org-2b", Slug: "closed-sub", ParentID: org},
			{ID: otherOrg, Slug: "other"},
		},
		Projects: []infisical.Project{
			{ID: project, OrgID: org, Name: "Project", Slug: "project", Type: "secret-manager"},
			{ID: "project-2", OrgID: org, Name: "Second", Slug: "second", Type: "secret-manager"},
		},
		Identities: []infisical.Identity{
			{
				ID: robot, OrgID: org, SubOrganizations: []string{subOrg}, Permissions: infisical.Everything(),
				Projects:  map[string][]infisical.Action{project: infisical.Everything(), "project-2": infisical.Everything()},
				Universal: &infisical.UniversalAuth{ClientID: "robot", Secrets: []infisical.ClientSecret{{Value: "secret"}}},
			},
			{
				ID: reader, OrgID: org, Permissions: []infisical.Action{infisical.Read},
				Universal: &infisical.UniversalAuth{ClientID: "reader", Secrets: []infisical.ClientSecret{{Value: "secret"}}},
			},
			{
				ID: "stranger", OrgID: otherOrg, Permissions: infisical.Everything(),
				Universal: &infisical.UniversalAuth{ClientID: "stranger", Secrets: []infisical.ClientSecret{{Value: "secret"}}},
			},
		},
	}
}

// request is one call; contentType is JSON when there is a body.
type request struct {
	method, path, body, contentType string
	token                           string
	header                          http.Header
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
}

func (r *rig) do(q request) answer {
	r.t.Helper()
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	httpRequest, err := http.NewRequestWithContext(r.t.Context(), q.method, r.url+q.path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if q.body != "" {
		httpRequest.Header.Set("Content-Type", "application/json")
	}
	if q.contentType != "" {
		httpRequest.Header.Set("Content-Type", q.contentType)
	}
	if q.token != "" {
		httpRequest.Header.Set("Authorization", "Bearer "+q.token)
	}
	for name, values := range q.header {
		httpRequest.Header[http.CanonicalHeaderKey(name)] = values
	}
	response, err := loopback.Client().Do(httpRequest)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(content)}
}

// want fails the test unless the call is answered with the status and, when it is
// not empty, with an error of the name and the message.
func (r *rig) want(status int, name, message string, q request) answer {
	r.t.Helper()
	got := r.do(q)
	if got.status != status {
		r.t.Fatalf("%s %s: status %d, want %d: %s", q.method, q.path, got.status, status, got.body)
	}
	if name == "" {
		return got
	}
	var envelope struct {
		ReqID      string `json:"reqId"`
		StatusCode int    `json:"statusCode"`
		Error      string `json:"error"`
		Message    any    `json:"message"`
	}
	got.decode(r.t, &envelope)
	if envelope.StatusCode != status || envelope.Error != name || len(envelope.ReqID) != len("req-")+14 {
		r.t.Errorf("%s %s: envelope %s", q.method, q.path, got.body)
	}
	if text, ok := envelope.Message.(string); ok && text != message {
		r.t.Errorf("%s %s: message\n got %s\nwant %s", q.method, q.path, text, message)
	} else if !ok && message != "" {
		r.t.Errorf("%s %s: message is %v, want a text", q.method, q.path, envelope.Message)
	}
	return got
}

type login struct {
	AccessToken       string `json:"accessToken"`
	ExpiresIn         int64  `json:"expiresIn"`
	AccessTokenMaxTTL int64  `json:"accessTokenMaxTTL"`
	TokenType         string `json:"tokenType"`
}

// login returns a token of the client.
func (r *rig) login(clientID string) string {
	r.t.Helper()
	var got login
	r.want(200, "", "", loginRequest(clientID, "secret", "")).decode(r.t, &got)
	return got.AccessToken
}

func loginRequest(clientID, secret, slug string) request {
	fields := map[string]string{"clientId": clientID, "clientSecret": secret}
	if slug != "" {
		fields["organizationSlug"] = slug
	}
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return request{method: "POST", path: loginURL, body: string(body)}
}

// connection is a connection as answered; Raw has all its fields.
type connection struct {
	ID              string  `json:"id"`
	Name            string  `json:"name"`
	Description     *string `json:"description"`
	OrgID           string  `json:"orgId"`
	ProjectID       *string `json:"projectId"`
	App             string  `json:"app"`
	Method          string  `json:"method"`
	CredentialsHash string  `json:"credentialsHash"`
	CreatedAt       string  `json:"createdAt"`
	UpdatedAt       string  `json:"updatedAt"`
	Credentials     struct {
		Email string `json:"email"`
	} `json:"credentials"`
	Project *struct{ ID, Name, Type, Slug string } `json:"project"`
}

// one decodes the envelope of a single connection.
func (a answer) one(t *testing.T) connection {
	t.Helper()
	var envelope struct{ AppConnection connection }
	a.decode(t, &envelope)
	return envelope.AppConnection
}

// names decodes the names of a list.
func (a answer) names(t *testing.T) []string {
	t.Helper()
	var envelope struct{ AppConnections []connection }
	a.decode(t, &envelope)
	names := []string{}
	for _, c := range envelope.AppConnections {
		names = append(names, c.Name)
	}
	return names
}

// creation is a correct body of a create, with some fields changed; nil removes one.
func creation(changes map[string]any) string {
	fields := map[string]any{
		"name": "bitbucket-main", "method": "api-token",
		"credentials": map[string]any{"email": email, "apiToken": "good"},
	}
	for name, value := range changes {
		fields[name] = value
		if value == nil {
			delete(fields, name)
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(body)
}

func (r *rig) create(token string, changes map[string]any) connection {
	r.t.Helper()
	return r.want(200, "", "", request{method: "POST", path: connectionsURL, token: token, body: creation(changes)}).one(r.t)
}
