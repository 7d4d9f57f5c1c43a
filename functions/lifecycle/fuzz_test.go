package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/time/rate"

	"github.com/linkersync/linkersync/internal/parts"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/redact"
)

// memory is a store that counts its writes, fast enough for fuzzing. It refuses
// nothing: every write was authorized.
type memory struct {
	installation.Store
	mu     sync.Mutex
	known  map[string]installation.Installation
	writes []installation.Installation
	// replayed makes every delivery one that was applied before.
	replayed bool
}

func (m *memory) Get(_ context.Context, clientKey string) (installation.Installation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in, found := m.known[clientKey]
	if !found {
		return in, installation.ErrNotFound
	}
	return in, nil
}

func (m *memory) Find(ctx context.Context, clientKey string, fits func(installation.Installation) bool) (installation.Installation, error) {
	in, err := m.Get(ctx, clientKey)
	fits(in)
	return in, err
}

func (m *memory) Create(_ context.Context, in installation.Installation, _ string) (installation.Installation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.writes) < maxWrites {
		m.writes = append(m.writes, in)
	}
	m.known[in.ClientKey] = in
	return in, nil
}

func (m *memory) Update(ctx context.Context, in installation.Installation, event string) (installation.Installation, error) {
	if m.replayed && !strings.Contains(event, " ") {
		return m.known[in.ClientKey], nil
	}
	return m.Create(ctx, in, event)
}

// maxWrites bounds what memory keeps while a benchmark runs.
const maxWrites = 100

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type noQueue struct{ queue.SQS }

func (noQueue) SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	return &sqs.SendMessageBatchOutput{}, nil
}

// isolated is the handler without a network. Bitbucket refuses every secret.
func isolated(f testing.TB) (*handler, *memory) {
	f.Helper()
	text, err := callbacks(connect.Descriptor{Lifecycle: connect.Lifecycle{
		Installed: "/installed", Uninstalled: "/uninstalled", Enabled: "/enabled", Disabled: "/disabled",
	}})
	if err != nil {
		f.Fatal(err)
	}
	c := &clock{now: recordedAt}
	s := settings{appKey: appKey, base: &url.URL{Scheme: "https", Host: "app.example"}, descriptor: served{callbacks: text}, proof: proofOAuth, now: c.Now}
	h := newHandler(s, discard())
	store := &memory{known: map[string]installation.Installation{}}
	for clientKey, secret := range map[string]string{one: secretOne, two: secretTwo} {
		store.known[clientKey] = installation.Installation{
			AppKey: appKey, ClientKey: clientKey, State: installation.Installed, SharedSecret: redact.New(secret), Version: "v",
		}
	}
	h.authorizer.store, h.lifecycle.store = store, store
	h.lifecycle.firstSync.queue.SQS = noQueue{}
	h.authorizer.prover.unsigned = rate.NewLimiter(rate.Inf, 1)
	h.authorizer.prover.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host != "bitbucket.org" {
			f.Errorf("called %s", r.URL)
		}
		return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil)), Request: r}, nil
	})
	return h, store
}

// allowed is whether a response may be one of ours: a status of the table with
// its constant text. 500 is a panic or another defect.
func allowed(response events.APIGatewayV2HTTPResponse) bool {
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusBadRequest && response.Body == noSecret {
		return true
	}
	text, known := constantTexts[response.StatusCode]
	return known && text == response.Body
}

// FuzzAPIGatewayEvent sends any event through the handler. The answer is always one of
// the table, and only 204 comes with a write. A plan builds the token and the query
// from parts.
func FuzzAPIGatewayEvent(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload, []byte{})
	}
	w := &world{clock: &clock{now: recordedAt}}
	signed := w.token(one, "/uninstalled", secretOne)
	segments := strings.Split(signed, ".")
	for plan := range parts.Plans(4, 3) {
		f.Add([]byte(`{"rawPath":"/uninstalled","requestContext":{"http":{"method":"POST"}}}`), plan)
	}
	f.Fuzz(func(t *testing.T, payload, plan []byte) {
		var event events.APIGatewayV2HTTPRequest
		if json.Unmarshal(payload, &event) != nil {
			t.Skip("the Lambda library answers that itself")
		}
		if len(plan) > 0 {
			event.Headers = map[string]string{"content-type": "application/json", "authorization": "JWT " + parts.Join(plan, append(segments, ".", signed)...)}
			event.RawQueryString = parts.Join(plan, "&", "=", "jwt", "%", signed, "__proto__")
		}
		h, store := isolated(t)
		response, err := h.Handle(t.Context(), event)
		if err != nil || !allowed(response) {
			t.Errorf("answered %+v, %v", response, err)
		}
		if len(store.writes) > 0 && response.StatusCode != http.StatusNoContent {
			t.Errorf("answered %d and wrote %+v", response.StatusCode, store.writes)
		}
		for _, written := range store.writes {
			if written.ClientKey != one && written.ClientKey != two {
				t.Errorf("wrote %+v, which no token in the seeds is for", written)
			}
		}
	})
}

// FuzzLifecycleBody sends any body with a valid token: only the token's
// installation can change, and only when another JSON reader finds the same keys. A
// plan builds the body from the parts of a payload.
func FuzzLifecycleBody(f *testing.F) {
	for _, body := range [][]byte{
		payload("installed", one, secretNew).json(), payload("installed", two, secretNew).json(), payload("uninstalled", one, "").json(),
		object{"event": "installed", "data": payload("installed", one, secretNew)}.json(),
		[]byte(`{"clientKey":"` + two + `","clientkey":"` + one + `"}`),
	} {
		f.Add(true, body, []byte{})
		f.Add(false, body, []byte{})
	}
	for plan := range parts.Plans(6, 3) {
		f.Add(true, payload("installed", one, secretNew).json(), plan)
	}
	f.Fuzz(func(t *testing.T, install bool, body, plan []byte) {
		if len(plan) > 0 {
			body = []byte(parts.Join(plan, string(body), "{", "}", ",", `"`, `:`, `"data":`, `"event":"installed"`, `"clientKey":"`+one+`"`, `"clientKey":"`+two+`"`,
				`"key":"`+appKey+`"`, `"eventType":"installed"`, `"sharedSecret":"s"`, `"principal":`, `{"uuid":"`+strings.Split(one, "/")[1]+`"}`, "null", "[", "]", `\`, "\xff"))
		}
		path := "/uninstalled"
		if install {
			path = "/installed"
		}
		w := &world{clock: &clock{now: recordedAt}}
		h, store := isolated(t)
		response, err := h.Handle(t.Context(), posted(w.signed(message{clientKey: one, path: path, body: body}, secretOne)))
		if err != nil || !allowed(response) {
			t.Errorf("answered %+v, %v", response, err)
		}
		for _, written := range store.writes {
			if written.ClientKey != one || response.StatusCode != http.StatusNoContent {
				t.Errorf("answered %d and wrote %+v", response.StatusCode, written)
			}
			read := map[string]any{}
			if err := json.Unmarshal(body, &read); err != nil {
				t.Fatalf("wrote %+v for what is no JSON: %v", written, err)
			}
			if data, enveloped := read["data"].(map[string]any); enveloped && read["clientKey"] != one {
				read = data
			}
			if read["clientKey"] != one || read["key"] != appKey || read["eventType"] != path[1:] {
				t.Errorf("wrote %+v for %v", written, read)
			}
			if install && written.SharedSecret.Reveal() != read["sharedSecret"] {
				t.Errorf("wrote the secret %q of %v", written.SharedSecret.Reveal(), read)
			}
		}
	})
}
