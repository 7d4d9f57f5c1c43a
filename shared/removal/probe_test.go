package removal_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/linkersync/linkersync/shared/removal"
)

// TestProbe asks without credentials, and only a 404 or 410 means gone.
func TestProbe(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]removal.Verdict{
		200: removal.Present, 401: removal.Present, 403: removal.Present, 404: removal.Gone, 410: removal.Gone,
		302: removal.Unknown, 400: removal.Unknown, 429: removal.Unknown, 500: removal.Unknown, 503: removal.Unknown,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method+" "+r.URL.Path != "GET /2.0/addon/linkers" || r.Header.Get("Authorization") != "" {
				t.Errorf("asked %s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
			}
			rw.Header().Set("Location", "/elsewhere")
			rw.WriteHeader(status)
		}))
		if got, answer := removal.Probe(t.Context(), server.Client(), server.URL); got != want || answer == "" {
			t.Errorf("%d: %d (%s), want %d", status, got, answer, want)
		}
		server.Close()
		if got, _ := removal.Probe(t.Context(), server.Client(), server.URL); got != removal.Unknown {
			t.Errorf("no answer: %d", got)
		}
	}
}
