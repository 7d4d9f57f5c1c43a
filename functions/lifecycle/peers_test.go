//go:build peers

package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
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
	store := &memory{known: map[string]installation.Installation{}}
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
