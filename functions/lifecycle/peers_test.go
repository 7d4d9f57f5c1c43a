//go:build peers

package main

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/redact"
)

// TestServePeers is no test: `make bench-peers` builds this package's test binary
// with the tag peers and lets it serve the real handler behind one plain HTTP
// adapter, with installations in memory, as its peer keeps them. It prints
// "listening" once it answers, and serves until it is interrupted.
func TestServePeers(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "app.example.com"}
	descriptor, err := loadDescriptor(os.ReadFile, os.Getenv("PEERS_DESCRIPTOR"), "example-linker-app", base.String())
	if err != nil {
		t.Fatal(err)
	}
	store := &memoryStore{all: map[string]installation.Installation{}}
	s := settings{appKey: "example-linker-app", base: base, descriptor: descriptor, now: time.Now, proof: proofOAuth}
	handler := &handler{
		log: slog.New(slog.NewTextHandler(io.Discard, nil)), descriptor: descriptor,
		authorizer: authorizer{
			verifier: connect.Verifier{AppKey: s.appKey}, store: store, prover: newProver(s),
			appSecret: &appSecretSource{now: time.Now, value: redact.New(os.Getenv("PEERS_APP_SECRET")), until: time.Now().Add(time.Hour)},
		},
		lifecycle: lifecycle{store: store, prover: newProver(s), log: slog.New(slog.NewTextHandler(io.Discard, nil)), firstSync: firstSync{queue: queue.Queue{SQS: noQueue{}}, now: time.Now}},
	}
	handler.authorizer.appSecret.reference.Scheme = "aws-secret" // it has one, and it is read
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PEERS_PORT"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: adapter(handler), ReadHeaderTimeout: time.Second}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	_, _ = os.Stdout.WriteString("listening\n")
	_ = server.Serve(listener)
}

// adapter turns an HTTP request into what API Gateway would hand on.
func adapter(h *handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		event := events.APIGatewayV2HTTPRequest{RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery, Headers: map[string]string{
			"content-type": r.Header.Get("Content-Type"), "authorization": r.Header.Get("Authorization"),
		}, Body: string(body)}
		event.RequestContext.HTTP.Method = r.Method
		response, err := h.Handle(r.Context(), event)
		if err != nil {
			http.Error(w, "failed", http.StatusBadGateway)
			return
		}
		w.WriteHeader(response.StatusCode)
		_, _ = io.WriteString(w, response.Body)
	})
}

// memoryStore is installation.Store for the comparison with a peer that keeps its
// settings in memory. Nothing else uses it.
type memoryStore struct {
	mu  sync.Mutex
	all map[string]installation.Installation
}

func (m *memoryStore) Get(_ context.Context, clientKey string) (installation.Installation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in, found := m.all[clientKey]
	if !found {
		return in, installation.ErrNotFound
	}
	return in, nil
}

func (m *memoryStore) Find(ctx context.Context, clientKey string, fits func(installation.Installation) bool) (installation.Installation, error) {
	in, err := m.Get(ctx, clientKey)
	fits(in)
	return in, err
}

func (m *memoryStore) Create(_ context.Context, in installation.Installation, _ string) (installation.Installation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, exists := m.all[in.ClientKey]; exists {
		return in, installation.ErrExists
	}
	in.Version = "1"
	m.all[in.ClientKey] = in
	return in, nil
}

func (m *memoryStore) Update(_ context.Context, in installation.Installation, _ string) (installation.Installation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	current := m.all[in.ClientKey]
	if current.Version != in.Version {
		return in, installation.ErrConflict
	}
	if !in.SharedSecret.Equal(current.SharedSecret) {
		in.PreviousSecret = current.SharedSecret
	}
	version, _ := strconv.Atoi(in.Version)
	in.Version = strconv.Itoa(version + 1)
	m.all[in.ClientKey] = in
	return in, nil
}

func (m *memoryStore) All(context.Context, installation.Query) iter.Seq2[installation.Installation, error] {
	return func(func(installation.Installation, error) bool) {}
}

func (m *memoryStore) Purge(context.Context, installation.Installation, time.Duration) error {
	return nil
}
