package loopback_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

func TestServesOnLoopbackUntilClosed(t *testing.T) {
	t.Parallel()
	var server loopback.Server
	if err := server.Close(); err != nil {
		t.Errorf("closed before it was started: %v", err)
	}
	began := make(chan struct{})
	var served atomic.Int64
	err := server.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
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
	// Another program's server may have the port by now, so an answer proves nothing.
	_, _ = get(t.Context(), server.URL())
	if served.Load() != 2 {
		t.Error("a closed server answered")
	}
}

func TestAServiceHasFaultsInFrontOfIt(t *testing.T) {
	t.Parallel()
	service := loopback.NewService(fault.New(fault.Options{}), func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "here")
	})
	if err := service.Close(); err != nil {
		t.Errorf("closed before it was started: %v", err)
	}
	service.Faults().Add(fault.Any(), fault.Once(), fault.Respond(http.StatusTeapot, nil, "fault"))
	url, err := service.Start()
	if err != nil {
		t.Fatal(err)
	}
	if url != service.URL() {
		t.Errorf("started at %s, and says %s", url, service.URL())
	}
	for _, want := range []string{"fault", "here"} {
		if got, err := get(t.Context(), url); got != want || err != nil {
			t.Errorf("answered %q, error %v, want %q", got, err, want)
		}
	}
	if err := service.Close(); err != nil {
		t.Errorf("closed: %v", err)
	}
	_, _ = get(t.Context(), url) // as above
	if calls := service.Faults().Total(); calls != 2 {
		t.Errorf("%d calls, want the two from before it was closed", calls)
	}
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := loopback.Client().Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func TestUUIDsAreOfVersion4(t *testing.T) {
	t.Parallel()
	one, two := loopback.UUID(), loopback.UUID()
	if one == two || len(one) != 36 || one[14] != '4' || !strings.ContainsRune("89ab", rune(one[19])) {
		t.Errorf("%s and %s", one, two)
	}
}
