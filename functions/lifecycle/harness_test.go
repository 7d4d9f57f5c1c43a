package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/functions/internal/startup"
	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	simlambda "github.com/linkersync/linkersync/internal/simulator/lambda"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	appKey    = "example-linker-app"
	appSecret = "not-a-real-app-secret"
	queueName = "linkers"

	workspaceOne  = "{11111111-2222-4333-8444-555555555555}"
	workspaceTwo  = "{22222222-2222-4333-8444-555555555555}"
	workspaceGone = "{33333333-2222-4333-8444-555555555555}"
	workspaceNew  = "{66666666-7777-4888-8999-aaaaaaaaaaaa}"

	// one and two are installed, gone is a tombstone, stranger was never seen.
	one      = "ari:cloud:bitbucket::app/" + workspaceOne + "/" + appKey
	two      = "ari:cloud:bitbucket::app/" + workspaceTwo + "/" + appKey
	gone     = "ari:cloud:bitbucket::app/" + workspaceGone + "/" + appKey
	stranger = "ari:cloud:bitbucket::app/" + workspaceNew + "/" + appKey

	secretOne     = "not-a-real-secret-one"
	previousOne   = "not-a-real-previous-one"
	secretTwo     = "not-a-real-secret-two"
	secretGone    = "not-a-real-secret-gone"
	secretNew     = "not-a-real-new-secret"
	secretForeign = "not-a-real-foreign-secret"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a deployment: the real handler behind an HTTP API of API Gateway,
// between the simulated Bitbucket and the simulated AWS.
type world struct {
	bitbucket *simbitbucket.Server
	aws       *simaws.Server
	clock     *clock
	logs      *buffer
	queueURL  string
	// url is the app's base URL, client its own: closing any server of httptest breaks
	// the connections of the default one.
	url     string
	client  *http.Client
	handler *handler
	// binary makes the gateway hand every body over in base64, as one with binary
	// media types does.
	binary bool
	// dead says that the process died before it could answer.
	dead *atomic.Bool
}

// deployment changes what a world's function is configured with.
type deployment struct {
	stage string
	env   map[string]string
	// registered gives the app a secret of its own.
	registered bool
	// unseeded leaves the installations out.
	unseeded bool
}

func newWorld(t testing.TB, d deployment) *world {
	t.Helper()
	w := &world{
		// Whole seconds, as in tokens. AWS's signatures go by the real time.
		clock: &clock{now: time.Now().UTC().Truncate(time.Second)},
		logs:  &buffer{},
		dead:  &atomic.Bool{},
	}
	w.aws = simaws.New(simaws.Options{Now: w.clock.Now})
	t.Cleanup(w.aws.Close)
	w.bitbucket = simbitbucket.New(simbitbucket.Options{Now: w.clock.Now})
	if _, err := w.bitbucket.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.bitbucket.Close() })
	queue, err := sqs.NewFromConfig(w.aws.Config()).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(queueName)})
	if err != nil {
		t.Fatal(err)
	}
	w.queueURL = aws.ToString(queue.QueueUrl)

	gateway := simlambda.NewHTTPGateway(simlambda.GatewayOptions{Function: w, Stage: d.stage})
	front := httptest.NewServer(gateway)
	t.Cleanup(front.Close)
	w.url, w.client = strings.TrimSuffix(front.URL+"/"+d.stage, "/"), front.Client()
	w.handler = w.start(t, d)
	if !d.unseeded {
		w.seed(t, d)
	}
	return w
}

// start makes a process of the function: nothing cached.
func (w *world) start(t testing.TB, d deployment) *handler {
	t.Helper()
	env := map[string]string{
		"LINKERSYNC_APP_KEY": appKey, "LINKERSYNC_BASE_URL": w.url, "LINKERSYNC_QUEUE_URL": w.queueURL,
		"LINKERSYNC_BITBUCKET_URL": w.bitbucket.URL(), "LINKERSYNC_BITBUCKET_AUTH_URL": w.bitbucket.URL(),
		"LINKERSYNC_LOG_LEVEL": "debug",
	}
	for _, variable := range w.aws.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	if d.registered {
		env["LINKERSYNC_APP_SECRET"] = "aws-secret:linkersync/app#app_secret"
	}
	for name, value := range d.env {
		env[name] = value
	}
	e := &startup.Environment{Getenv: func(name string) string { return env[name] }}
	log := startup.Logger(e, w.logs)
	s, err := configure(e, func(string) ([]byte, error) {
		return descriptor("https://placeholder.example"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.now = w.clock.Now
	// Its client counts exactly: no call is repeated by chance.
	s.aws = w.aws.Config()
	s.aws.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	h := newHandler(s, log)
	calls := proofCalls()
	calls.Timeout = 0 // a busy machine may take longer
	calls.Sleep = func(context.Context, time.Duration) error { return nil }
	h.authorizer.prover.http.Transport = transport.New(calls)
	return h
}

// descriptor has all four callbacks, as Connect knows them.
func descriptor(baseURL string) json.RawMessage {
	text := string(simbitbucket.Descriptor(appKey, baseURL, "issues"))
	return json.RawMessage(strings.Replace(text, `"uninstalled":`, `"enabled":"/enabled","disabled":"/disabled","uninstalled":`, 1))
}

// seed puts the installations in place, on both sides.
func (w *world) seed(t testing.TB, d deployment) {
	t.Helper()
	app := simbitbucket.App{Key: appKey, Descriptor: descriptor(w.url)}
	if d.registered {
		app.Secret = appSecret
		if err := w.aws.Secrets.Add("linkersync/app", `{"app_secret":"`+appSecret+`"}`, nil); err != nil {
			t.Fatal(err)
		}
	}
	state := simbitbucket.State{Apps: []simbitbucket.App{app}}
	add := func(clientKey, workspace, secret, previous string, status simbitbucket.Status) {
		if d.registered {
			secret = appSecret // which never changes
		}
		state.Installations = append(state.Installations, simbitbucket.Installation{
			AppKey: appKey, ClientKey: clientKey, SharedSecret: secret, Status: status, BaseURL: w.url,
			Principal: simbitbucket.Principal{UUID: workspace, DisplayName: "example-workspace", Username: "example"},
		})
		w.put(t, clientKey, stored{State: string(status), Secret: secret, Previous: previous, Name: "example-workspace"})
	}
	add(one, workspaceOne, secretOne, previousOne, simbitbucket.Installed)
	add(two, workspaceTwo, secretTwo, "", simbitbucket.Installed)
	add(gone, workspaceGone, secretGone, "", simbitbucket.Uninstalled)
	if err := w.bitbucket.Seed(state); err != nil {
		t.Fatal(err)
	}
}

// Invoke implements lambda's Invoker with the handler as the Lambda library calls
// it: events are decoded from JSON, and answers encoded.
func (w *world) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if w.binary {
		var event events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, err
		}
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(event.Body)), true
		payload, _ = json.Marshal(event)
	}
	answer, err := lambda.NewHandler(w.handler.Handle).Invoke(ctx, payload)
	if w.dead.Load() {
		return nil, errDead // the answer is lost
	}
	return answer, err
}

var errDead = errors.New("the process died")

// forget drops the calls so far.
func (w *world) forget() {
	w.aws.Faults.ResetCalls()
	w.bitbucket.Faults().ResetCalls()
}

// calls are those that the function made, AWS's first.
func (w *world) calls() []string {
	var made []string
	for _, call := range w.aws.Faults.Calls() {
		_, operation, _ := strings.Cut(call.Target, ".")
		made = append(made, operation)
	}
	for _, call := range w.bitbucket.Faults().Calls() {
		made = append(made, call.Method+" "+call.Path)
	}
	return made
}

// buffer collects log lines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// bitbucketHas makes Bitbucket know the installation with this secret and no other.
func (w *world) bitbucketHas(t testing.TB, clientKey, secret string, status simbitbucket.Status) {
	t.Helper()
	err := w.bitbucket.Seed(simbitbucket.State{Installations: []simbitbucket.Installation{{
		AppKey: appKey, ClientKey: clientKey, SharedSecret: secret, Status: status, BaseURL: w.url,
		Principal: simbitbucket.Principal{UUID: workspaceOf(clientKey), DisplayName: "example-workspace", Username: "example"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

// workspaceOf is the workspace's UUID in a client key.
func workspaceOf(clientKey string) string {
	return "{" + clientKey[strings.Index(clientKey, "{")+1:strings.Index(clientKey, "}")] + "}"
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func nameOf(t testing.TB, clientKey string) string {
	t.Helper()
	name, err := installation.EncodeName(appKey, clientKey)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func newRequest(t testing.TB, method, target string, body []byte) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// direct calls the handler of this process and returns its status; for events
// that race, where the one gateway would hand all of them to one process.
func (w *world) direct(t testing.TB, m message) int {
	t.Helper()
	recorder := httptest.NewRecorder()
	gateway := simlambda.NewHTTPGateway(simlambda.GatewayOptions{Function: w})
	request := newRequest(t, http.MethodPost, w.url+m.path, m.body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", m.authorization)
	gateway.ServeHTTP(recorder, request)
	return recorder.Code
}
