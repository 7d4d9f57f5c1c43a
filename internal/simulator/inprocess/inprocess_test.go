package inprocess_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/inprocess"
)

// TestTheHandlerSeesWhatAServersWould, and the client what the handler answers.
func TestTheHandlerSeesWhatAServersWould(t *testing.T) {
	t.Parallel()
	var saw []string
	transport := &inprocess.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		saw = append(saw, r.Method, r.Host, r.RequestURI, r.Header.Get("Authorization"), string(body))
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // too late, as in a real server
		_, _ = io.WriteString(w, "short ")
		_, _ = io.WriteString(w, "and stout")
	})}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://127.0.0.1/a%2Fb?c=d", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "JWT x")
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"PUT", "127.0.0.1", "/a%2Fb?c=d", "JWT x", "body"}, saw); diff != "" {
		t.Errorf("the handler saw (-want +got):\n%s", diff)
	}
	if response.StatusCode != http.StatusTeapot || response.Header.Get("X-Answer") != "yes" || string(body) != "short and stout" || response.ContentLength != 15 {
		t.Errorf("the client got %+v with %q", response, body)
	}
}

func TestAHandlerThatWritesNothingAnswers200(t *testing.T) {
	t.Parallel()
	transport := &inprocess.Transport{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := r.Body.Read(nil); !errors.Is(err, io.EOF) { // a nil body would panic
			t.Errorf("reading no body gives %v", err)
		}
		time.Sleep(time.Millisecond)
	})}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK || response.ContentLength != 0 || transport.Served < time.Millisecond {
		t.Errorf("got %s, %d bytes, %s in the handler", response.Status, response.ContentLength, transport.Served)
	}
}

func TestNothingIsServedOnceTheContextHasEnded(t *testing.T) {
	t.Parallel()
	transport := &inprocess.Transport{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("served") })}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transport.RoundTrip(request); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
