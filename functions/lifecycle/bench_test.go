package main

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/redact"
)

// These are compared with each other in one run, never with a clock:
//
//	go test -run '^$' -bench 'ValidRequest|InvalidToken|VerifyOnly' ./functions/lifecycle
//
// ValidRequest may cost 4 times VerifyOnly; InvalidToken less than ValidRequest.

// benchEvent is a callback that changes nothing, as API Gateway hands it over.
func benchEvent(w *world, secret string) events.APIGatewayV2HTTPRequest {
	m := enabled(one).with("productType", "bitbucket").with("baseUrl", "https://bitbucket.org").with("baseApiUrl", "https://api.bitbucket.org").
		with("publicKey", "not-a-real-key").with("user", payload("enabled", one, "")["principal"])
	return posted(w.signed(m, secret))
}

func benchmarkHandler(b *testing.B, secret string, status int) {
	w := newWorld(b, deployment{})
	w.handler.log = startup.Logger(&startup.Environment{Getenv: func(string) string { return "" }}, io.Discard)
	event := benchEvent(w, secret)
	b.ReportAllocs()
	for b.Loop() {
		response, err := w.handler.Handle(b.Context(), event)
		if err != nil || response.StatusCode != status {
			b.Fatal(response.StatusCode, err)
		}
	}
}

// BenchmarkValidRequest is a whole signed request, its look-up served from the cache.
func BenchmarkValidRequest(b *testing.B) { benchmarkHandler(b, secretOne, 204) }

// BenchmarkInvalidToken is the same with a bad signature, its log line included.
func BenchmarkInvalidToken(b *testing.B) { benchmarkHandler(b, secretForeign, 401) }

// BenchmarkVerifyOnly is the verification in ValidRequest.
func BenchmarkVerifyOnly(b *testing.B) {
	w := newWorld(b, deployment{})
	request := signed(benchEvent(w, secretOne))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := w.handler.authorizer.verify(b.Context(), request, redact.Secret{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEventDecoding is what the Lambda library adds to each of them.
func BenchmarkEventDecoding(b *testing.B) {
	w := newWorld(b, deployment{})
	payload, err := json.Marshal(benchEvent(w, secretOne))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var event events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(payload, &event); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCosts compares allocations, which are the same on every machine, as the
// benchmarks compare time.
func TestCosts(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	w := newWorld(t, deployment{})
	w.handler.log = startup.Logger(&startup.Environment{Getenv: func(string) string { return "" }}, io.Discard)
	handled := func(secret string, want int) float64 {
		event := benchEvent(w, secret)
		return testing.AllocsPerRun(100, func() {
			if response, _ := w.handler.Handle(t.Context(), event); response.StatusCode != want {
				t.Errorf("answered %d, want %d", response.StatusCode, want)
			}
		})
	}
	request := signed(benchEvent(w, secretOne))
	verified := testing.AllocsPerRun(100, func() { _, _, _ = w.handler.authorizer.verify(t.Context(), request, redact.Secret{}) })
	valid, forged := handled(secretOne, 204), handled(secretForeign, 401)
	if valid > 4*verified {
		t.Errorf("a valid request allocates %.0f times, more than 4 times the %.0f of its verification", valid, verified)
	}
	if forged >= valid {
		t.Errorf("a forged token allocates %.0f times, a valid request %.0f: a flood costs more than real work", forged, valid)
	}
}
