package installation_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// endpointVariable points the tests at another server than the simulator: `make
// test-aws` runs them against moto.
const endpointVariable = "LINKERSYNC_TEST_AWS_ENDPOINT"

// cloud is a Secrets Manager to test against.
type cloud struct {
	config aws.Config
	// simulator is nil when the tests run against another server.
	simulator *simulator.Server
}

// newCloud returns the server that the environment names, which all tests share,
// or a simulator of the test's own.
func newCloud(t testing.TB) cloud {
	t.Helper()
	if endpoint := os.Getenv(endpointVariable); endpoint != "" {
		config, err := awsenv.Config(func(name string) string {
			return map[string]string{
				"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-central-1",
				"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
			}[name]
		})
		if err != nil {
			t.Fatal(err)
		}
		return cloud{config: config}
	}
	return simulated(t, simulator.Options{})
}

// simulated returns a simulator, for what no other server does.
func simulated(t testing.TB, options simulator.Options) cloud {
	t.Helper()
	if os.Getenv(endpointVariable) != "" {
		t.Skip("needs the simulator: faults, counted calls, or a clock of its own")
	}
	server := simulator.New(options)
	t.Cleanup(server.Close)
	return cloud{config: server.Config(), simulator: server}
}

// client returns a client whose calls go through line. Nothing is retried unless
// line says so: a test that counts calls must not count luck.
func (c cloud) client(line *line) *secretsmanager.Client {
	config := c.config.Copy()
	config.HTTPClient = line
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if line.retry != nil {
		config.Retryer = line.retry
	}
	return secretsmanager.NewFromConfig(config)
}

// line is the wire between a client and the server: it records the operations
// and can be cut.
type line struct {
	// cut, when set, is asked with the number of each call, from 1. The process
	// dies before the call is sent, or after the server acted on it.
	cut   func(n int) (before, after bool)
	retry func() aws.Retryer
	// before and after, when set, are called around each call with its operation;
	// refuse has the code with which an operation is refused instead of being sent.
	before func(operation string)
	after  func(operation string)
	refuse map[string]string

	mu    sync.Mutex
	dead  bool
	calls []string
	sent  map[string]string // the last body of each operation
}

// connections are enough to keep one for each of the writers that run at once.
var connections = &http.Transport{MaxIdleConnsPerHost: writers}

var errCut = errors.New("the line was cut")

// Do implements aws.HTTPClient.
func (l *line) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	l.mu.Lock()
	if l.dead {
		l.mu.Unlock()
		return nil, errCut
	}
	l.calls = append(l.calls, operation)
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		l.mu.Unlock()
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	if l.sent == nil {
		l.sent = map[string]string{}
	}
	l.sent[operation] = string(sent)
	var before, after bool
	if l.cut != nil {
		before, after = l.cut(len(l.calls))
	}
	l.dead = before || after
	l.mu.Unlock()
	if before {
		return nil, errCut
	}
	if l.before != nil {
		l.before(operation)
	}
	if code := l.refuse[operation]; code != "" {
		return &http.Response{
			StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
			Body: io.NopCloser(strings.NewReader(`{"__type":"` + code + `","message":"` + noAccess + `"}`)), Request: r,
		}, nil
	}
	response, err := connections.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if l.after != nil {
		l.after(operation)
	}
	if after {
		return nil, errCut
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// on calls f for one operation.
func on(operation string, f func()) func(string) {
	return func(called string) {
		if called == operation {
			f()
		}
	}
}

// hold holds the first caller of wait until release is closed. All others pass.
type hold struct {
	once             sync.Once
	entered, release chan struct{}
}

func newHold() *hold { return &hold{entered: make(chan struct{}), release: make(chan struct{})} }

func (h *hold) wait() {
	first := false
	h.once.Do(func() { first = true })
	if first {
		close(h.entered)
		<-h.release
	}
}

// took returns the operations since the last call of took.
func (l *line) took() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := l.calls
	l.calls = nil
	return calls
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)} }

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

// shop is a store under test with what it is made of.
type shop struct {
	*installation.SecretsManager
	cloud  cloud
	line   *line
	clock  *clock
	appKey string
}

// newShop returns a store with an app key of its own.
func newShop(t testing.TB) shop {
	t.Helper()
	return shop{cloud: newCloud(t), clock: newClock(), appKey: "app-" + rand.Text()}.open(nil)
}

// open returns another process's store on the same secrets: nothing cached, a
// line of its own.
func (s shop) open(l *line) shop {
	if l == nil {
		l = &line{}
	}
	s.line = l
	s.SecretsManager = installation.NewSecretsManager(s.cloud.client(l), installation.Options{AppKey: s.appKey, Now: s.clock.Now})
	return s
}

// name returns the name of an installation's secret.
func (s shop) name(t testing.TB, clientKey string) string {
	t.Helper()
	name, err := installation.EncodeName(s.appKey, clientKey)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

const (
	workspace = "{11111111-2222-4333-8444-555555555555}"
	clientKey = "ari:cloud:bitbucket::app/" + workspace + "/example-linker-app"
)

// sample is an installation as an event brings it.
func sample(clientKey, secret string) installation.Installation {
	return installation.Installation{
		ClientKey: clientKey, State: installation.Installed, SharedSecret: redact.New(secret),
		Principal: installation.Principal{UUID: workspace, Type: "team", DisplayName: "example-workspace"},
	}
}

// must fails the test on an error.
func must[T any](value T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// errorCode returns the code that AWS refused with, or "".
func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// view is an installation in a form that cmp prints, with its secrets.
type view struct {
	ClientKey, Shared, Previous string
	State                       installation.State
	Principal                   installation.Principal
}

func seen(in installation.Installation) view {
	return view{in.ClientKey, in.SharedSecret.Reveal(), in.PreviousSecret.Reveal(), in.State, in.Principal}
}

// secretState is what Secrets Manager holds of a secret, read past the store.
type secretState struct {
	Tags   map[string]string
	Stages map[string]string // version ids by staging label
}

func (s shop) inspect(t testing.TB, clientKey string) secretState {
	t.Helper()
	out := must(s.cloud.client(&line{}).DescribeSecret(context.Background(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(s.name(t, clientKey))}))(t)
	state := secretState{Tags: map[string]string{}, Stages: map[string]string{}}
	for _, tag := range out.Tags {
		state.Tags[*tag.Key] = *tag.Value
	}
	for version, stages := range out.VersionIdsToStages {
		for _, stage := range stages {
			state.Stages[stage] = version
		}
	}
	return state
}

// stageValue returns the value under a staging label.
func (s shop) stageValue(t testing.TB, clientKey, stage string) string {
	t.Helper()
	out := must(s.cloud.client(&line{}).GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(s.name(t, clientKey)), VersionStage: aws.String(stage),
	}))(t)
	return aws.ToString(out.SecretString)
}

// writes keeps the operations that change something.
func writes(operations []string) []string {
	return slices.DeleteFunc(slices.Clone(operations), func(op string) bool {
		return slices.Contains([]string{"GetSecretValue", "BatchGetSecretValue", "ListSecrets", "DescribeSecret"}, op)
	})
}

// repeat calls f with numbered client keys.
func repeat(n int, f func(i int, clientKey string)) {
	for i := range n {
		f(i, fmt.Sprintf("connection:%05d", i))
	}
}
