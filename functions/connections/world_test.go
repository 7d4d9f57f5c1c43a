package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/functions/internal/startup"
	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/tagged"
)

const (
	appKey      = "example-linker-app"
	email       = "ci@example.com"
	oldToken    = "old-token-0123456789"
	newToken    = "new-token-9876543210"
	narrowToken = "narrow-token-without-the-scope"
	loginSecret = "bitbucket-safe/login"
	identity    = "99999999-aaaa-4bbb-8ccc-dddddddddddd"
	project     = "bbbbbbbb-0000-4000-8000-000000000001"
	clientID    = "33333333-4444-4555-8666-777777777777"
	password    = "machine-password-13579"
)

// today is the handler's clock.
var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world is everything around the function, on loopback. The simulators are behind
// handlers of its own, so that a test can look at requests, or do something in
// the middle of one.
type world struct {
	t         *testing.T
	aws       *simaws.Server
	bitbucket *simbitbucket.Server
	infisical *siminfisical.Server
	env       map[string]string

	mu sync.Mutex
	// requests are what the function sent, and to whom.
	requests []request
	// ahead is how far Infisical's clock is.
	ahead time.Duration
	// meanwhile runs before Infisical answers a request.
	meanwhile func(r *http.Request)
}

type request struct {
	to, line, header, body string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, aws: simaws.New(simaws.Options{}), bitbucket: simbitbucket.New(simbitbucket.Options{})}
	t.Cleanup(w.aws.Close)
	bitbucketURL := w.serve("bitbucket", w.bitbucket)
	w.infisical = siminfisical.New(siminfisical.Options{BitbucketURL: w.serve("infisical's bitbucket", w.bitbucket), Sleep: noSleep, Now: w.now})
	w.env = map[string]string{
		"AWS_ENDPOINT_URL": w.serve("aws", w.aws), "AWS_REGION": simaws.Region,
		"AWS_ACCESS_KEY_ID": simaws.AccessKeyID, "AWS_SECRET_ACCESS_KEY": simaws.SecretAccessKey,
		"LINKERSYNC_APP_KEY": appKey, "LINKERSYNC_LOG_LEVEL": "debug",
		"LINKERSYNC_BITBUCKET_URL": bitbucketURL, "LINKERSYNC_INFISICAL_URL": w.serve("infisical", w.infisical),
		"LINKERSYNC_INFISICAL_METHOD": "universal", "LINKERSYNC_INFISICAL_CLIENT": "aws-secret:" + loginSecret,
		"LINKERSYNC_SYNC_QUEUE_URL": w.aws.URL + "/" + simaws.Account + "/syncs",
	}
	_, err := sqs.NewFromConfig(w.aws.Config()).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: sdk.String("syncs")})
	w.must(err)
	w.aws.Faults.ResetCalls()
	w.seed()
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

// pass lets time pass for Infisical.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

func noSleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (w *world) seed() {
	w.t.Helper()
	scopes := []string{"read:user:bitbucket"}
	w.must(w.bitbucket.Seed(simbitbucket.State{Users: []simbitbucket.User{{Email: email, Tokens: []simbitbucket.Token{
		{Value: oldToken, Scopes: scopes},
		{Value: newToken, Scopes: scopes},
		{Value: narrowToken, Scopes: []string{"read:repository:bitbucket"}},
	}}}}))
	w.must(w.infisical.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: "org", Slug: "acme"}},
		Projects:      []siminfisical.Project{{ID: project, OrgID: "org", Name: "Project", Slug: "project", Type: "secret-manager"}},
		AWSKeys: []siminfisical.AWSKey{{
			AccessKeyID: simaws.AccessKeyID, Secret: simaws.SecretAccessKey, Account: simaws.Account,
			ARN: "arn:aws:sts::" + simaws.Account + ":assumed-role/connections/session",
		}},
		Identities: []siminfisical.Identity{{
			ID: identity, OrgID: "org", TokenTTL: time.Hour,
			Permissions: siminfisical.Everything(), Projects: map[string][]siminfisical.Action{project: siminfisical.Everything()},
			Universal: &siminfisical.UniversalAuth{ClientID: clientID, Secrets: []siminfisical.ClientSecret{{Value: password}}},
			AWS:       &siminfisical.AWSAuth{AccountIDs: []string{simaws.Account}},
		}},
	}))
	w.must(w.aws.Secrets.Add(loginSecret, `{"client_id":"`+clientID+`","client_secret":"`+password+`"}`, nil))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// serve puts a simulator behind a server that records what the function sends.
func (w *world) serve(name string, next http.Handler) string {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		r.Body = http.NoBody
		if body.Len() > 0 {
			r.Body = readCloser{bytes.NewReader(body.Bytes())}
		}
		var header bytes.Buffer
		_ = r.Header.Write(&header)
		w.mu.Lock()
		w.requests = append(w.requests, request{to: name, line: r.Method + " " + r.URL.RequestURI(), header: header.String(), body: body.String()})
		meanwhile := w.meanwhile
		w.mu.Unlock()
		if name == "infisical" && meanwhile != nil {
			meanwhile(r)
		}
		next.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// calls returns the request lines that a server got, and forgets all requests.
func (w *world) calls(to string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := []string{}
	for _, r := range w.requests {
		if r.to != to {
			continue
		}
		line := r.line
		if method, _, ok := strings.Cut(line, " "); ok && method == http.MethodPatch {
			line = method // the rest is an id
		}
		lines = append(lines, strings.Replace(line, "/api/v1/", "", 1))
	}
	w.requests = nil
	return lines
}

const (
	callLogin  = "POST auth/universal-auth/login"
	callList   = "GET app-connections/bitbucket"
	callCreate = "POST app-connections/bitbucket"
	callWrite  = "PATCH"
	callRevoke = "POST auth/token/revoke"
	callCheck  = "GET /2.0/user"
)

// start configures the function as Lambda would; its output goes to the buffer.
func (w *world) start() (*handler, *output) {
	w.t.Helper()
	out := &output{}
	environment := &startup.Environment{Getenv: func(name string) string { return w.env[name] }}
	h, err := configure(environment, startup.Logger(environment, out), out)
	w.must(err)
	h.now = func() time.Time { return today }
	return h, out
}

// output collects the function's log. Safe for concurrent use.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// lines returns the records with this message, or the metrics when it is "".
func (o *output) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(o.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("the function printed %q", line)
		}
		if got, _ := record[slog.MessageKey].(string); got == message {
			found = append(found, record)
		}
	}
	return found
}

// count sums a metric.
func (o *output) count(t *testing.T, metric string) int {
	t.Helper()
	sum := 0
	for _, record := range o.lines(t, "") {
		value, _ := record[metric].(float64)
		sum += int(value)
	}
	return sum
}

func event(t *testing.T, name string) json.RawMessage {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// value is a secret's document, with changes to the usual one.
func value(changes map[string]string) string {
	members := map[string]string{"email": email, "token": oldToken, "connection": "ci", "expires_at": "2027-06-30"}
	for name, value := range changes {
		members[name] = value
	}
	encoded, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// put makes a secret, tagged as a token.
func (w *world) put(name, text string) {
	w.t.Helper()
	w.must(w.aws.Secrets.Add(name, text, map[string]string{tagged.Tag: tagged.Value}))
}

func (w *world) secrets() *secretsmanager.Client { return secretsmanager.NewFromConfig(w.aws.Config()) }

// rotate gives a secret a new value.
func (w *world) rotate(name, text string) {
	w.t.Helper()
	_, err := w.secrets().PutSecretValue(context.WithoutCancel(w.t.Context()), &secretsmanager.PutSecretValueInput{SecretId: sdk.String(name), SecretString: sdk.String(text)})
	w.must(err)
}

// stored is the token that a connection has; "" when there is none.
func (w *world) stored(name string) string {
	for _, row := range w.infisical.Snapshot().Connections {
		if row.Name == name {
			return row.APIToken
		}
	}
	return ""
}
