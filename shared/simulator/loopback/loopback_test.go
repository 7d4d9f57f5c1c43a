package loopback_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/simulator/loopback"
)

func TestServesOnLoopbackUntilClosed(t *testing.T) {
	t.Parallel()
	var server loopback.Server
	if err := server.Close(); err != nil {
		t.Errorf("closed before it was started: %v", err)
	}
	began := make(chan struct{})
	err := server.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			close(began)
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, "here")
	}))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(server.URL(), "http://127.0.0.1:") || strings.HasSuffix(server.URL(), "/") {
		t.Errorf("URL %s, want one on loopback without a slash at the end", server.URL())
	}
	if got, err := get(t.Context(), server.URL()); got != "here" || err != nil {
		t.Errorf("answered %q, error %v", got, err)
	}
	cut := make(chan error)
	go func() { _, err := get(t.Context(), server.URL()+"/wait"); cut <- err }()
	<-began
	for range 2 {
		if err := server.Close(); err != nil {
			t.Errorf("closed: %v", err)
		}
	}
	if <-cut == nil {
		t.Error("a request under way ended well, want its connection dropped")
	}
	if _, err := get(t.Context(), server.URL()); err == nil {
		t.Error("a closed server answered")
	}
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	// A connection of its own: one that is kept would have the server's end in it.
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
