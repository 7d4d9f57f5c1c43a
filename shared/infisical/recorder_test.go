package infisical_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	loginPath    = "POST /api/v1/auth/universal-auth/login"
	revokePath   = "POST /api/v1/auth/token/revoke"
	listPath     = "GET /api/v1/app-connections/bitbucket"
	createPath   = "POST /api/v1/app-connections/bitbucket"
	listAllPath  = "GET /api/v1/app-connections"
	connectionID = "123e4567-e89b-12d3-a456-426614174000"
	identityID   = "00000000-1111-2222-3333-444444444444"
	clientSecret = "client-secret-canary"
	apiToken     = "ATATT3xFfGF0canary<&>\"token\""
)

// start is the tests' first moment. It lies behind the real clock, so that no
// deadline of the real one cuts a wait short.
func start() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

// reply is one scripted answer.
type reply struct {
	status int
	header http.Header
	body   string
}

func ok(body string) reply { return reply{status: http.StatusOK, body: body} }

// refuse is an answer in Infisical's envelope; message is JSON.
func refuse(status int, code, message string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"reqId":"req-abc123","statusCode":%d,"message":%s,"error":%q}`, status, message, code)}
}

// call is one recorded request.
type call struct {
	Route  string // method and escaped path
	Query  url.Values
	Header http.Header
	Body   string
}

// recorder is an Infisical that says what it is told to and keeps what it hears.
// The last reply of a route is repeated; an unknown route fails the test.
type recorder struct {
	t       *testing.T
	url     string
	mu      sync.Mutex
	replies map[string][]reply
	calls   []call
	logins  int
	waits   []time.Duration
	now     time.Time
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{t: t, replies: map[string][]reply{}, now: start()}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// on scripts the replies of a route, one after another.
func (r *recorder) on(route string, replies ...reply) *recorder {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replies[route] = replies
	return r
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Errorf("read request: %v", err)
	}
	next := r.record(call{Route: req.Method + " " + req.URL.EscapedPath(), Query: req.URL.Query(), Header: req.Header, Body: string(body)})
	for name, values := range next.header {
		w.Header()[name] = values
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.body)
}

func (r *recorder) record(c call) reply {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
	scripted := r.replies[c.Route]
	switch {
	case len(scripted) > 1:
		r.replies[c.Route] = scripted[1:]
		return scripted[0]
	case len(scripted) == 1:
		return scripted[0]
	case strings.HasPrefix(c.Route, "POST /api/v1/auth/") && strings.HasSuffix(c.Route, "/login"):
		r.logins++
		return ok(fmt.Sprintf(`{"accessToken":"access-%d","expiresIn":2592000,"accessTokenMaxTTL":2592000,"tokenType":"Bearer"}`, r.logins))
	case c.Route == revokePath:
		return ok(`{"message":"Successfully revoked access token"}`)
	default:
		r.t.Errorf("unexpected call %s", c.Route)
		return reply{status: http.StatusNotImplemented}
	}
}

// client returns one with Universal Auth whose clock and sleep are the recorder's.
func (r *recorder) client() *infisical.Client {
	return &infisical.Client{
		BaseURL: r.url,
		Login:   infisical.UniversalAuth{ClientID: "client-1", ClientSecret: redact.New(clientSecret)},
		Now:     r.clock,
		Sleep:   r.sleep,
	}
}

func (r *recorder) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *recorder) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *recorder) sleep(ctx context.Context, d time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waits = append(r.waits, d)
	r.now = r.now.Add(d)
	return ctx.Err()
}

// routes lists the calls in their order.
func (r *recorder) routes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	routes := make([]string, len(r.calls))
	for i, c := range r.calls {
		routes[i] = c.Route
	}
	return routes
}

// count tells how often a route was called.
func (r *recorder) count(route string) int {
	n := 0
	for _, called := range r.routes() {
		if called == route {
			n++
		}
	}
	return n
}

// last returns the newest call.
func (r *recorder) last() call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls[len(r.calls)-1]
}

// decoded returns a call's body as JSON.
func (c call) decoded(t *testing.T) map[string]any {
	t.Helper()
	var decoded map[string]any
	if err := json.Unmarshal([]byte(c.Body), &decoded); err != nil {
		t.Fatalf("body of %s: %v", c.Route, err)
	}
	return decoded
}

// connectionJSON is a connection as Infisical's newer servers write it.
const connectionJSON = `{"id":"123e4567-e89b-12d3-a456-426614174000","name":"bitbucket-main","description":"for syncs","version":1,
	"orgId":"aaaaaaaa-0000-0000-0000-000000000001","createdAt":"2026-11-01T10:00:00.000Z","updatedAt":"2026-11-02T10:00:00.123Z",
	"isPlatformManagedCredentials":false,"gatewayId":null,"projectId":"p-1","isAutoRotationEnabled":false,"gatewayPoolId":null,
	"credentialsHash":"abc","app":"bitbucket","method":"api-token","credentials":{"email":"ops@example.com"},
	"project":{"id":"p-1","name":"P","type":"secret-manager","slug":"p"},"rotation":null}`

func wantConnection() infisical.Connection {
	return infisical.Connection{
		ID: connectionID, Name: "bitbucket-main", Description: "for syncs", App: "bitbucket", Method: "api-token",
		OrgID: "aaaaaaaa-0000-0000-0000-000000000001", ProjectID: "p-1", Version: 1, Email: "ops@example.com", CredentialsHash: "abc",
		CreatedAt: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 11, 2, 10, 0, 0, 123e6, time.UTC),
	}
}

func one(connection string) reply { return ok(`{"appConnection":` + connection + `}`) }

func many(connections ...string) reply {
	return ok(`{"appConnections":[` + strings.Join(connections, ",") + `]}`)
}

func newConnection() infisical.NewConnection {
	return infisical.NewConnection{
		Name: "bitbucket-main", Description: "for syncs", ProjectID: "p-1",
		Credentials: infisical.Credentials{Email: "ops@example.com", APIToken: redact.New(apiToken)},
	}
}
