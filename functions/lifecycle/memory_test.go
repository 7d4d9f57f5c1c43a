package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simlambda "github.com/linkersync/linkersync/internal/simulator/lambda"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	memoryRequests = 20_000
	memoryLimit    = 40 << 20
)

// TestMemory runs the function as it is deployed, behind a Lambda runtime API, and
// looks at its resident memory after 20,000 requests of all kinds.
func TestMemory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the function and sends 20,000 requests")
	}
	w := newWorld(t, deployment{})
	function := w.spawn(t)
	requests := memoryMix(t, w)
	for i := range memoryRequests {
		m := requests[i%len(requests)]
		encoded, err := function.Invoke(t.Context(), m.payload)
		if err != nil {
			t.Fatalf("request %d: %v\n%s", i, err, function.Output())
		}
		var response events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(encoded, &response); err != nil || response.StatusCode != m.status {
			t.Fatalf("request %d answered %s, want %d: %v\n%s", i, encoded, m.status, err, function.Output())
		}
	}
	stats := function.Stats()
	if len(stats.ColdStarts) != 1 {
		t.Errorf("%d processes instead of one", len(stats.ColdStarts))
	}
	if stats.PeakRSS == 0 {
		t.Skip("this system doesn't tell a process's memory")
	}
	t.Logf("%.1f MiB resident at the peak", float64(stats.PeakRSS)/(1<<20))
	if stats.PeakRSS > memoryLimit {
		t.Errorf("%.1f MiB resident after %d requests, want at most %d", float64(stats.PeakRSS)/(1<<20), memoryRequests, memoryLimit>>20)
	}
}

// spawn builds the function with the flags of `make package` and starts it.
func (w *world) spawn(t *testing.T) *simlambda.Runtime {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	if err := os.WriteFile(filepath.Join(dir, descriptorFile), descriptor(w.url), 0o600); err != nil {
		t.Fatal(err)
	}
	const ample = 60e9 // no test is about being fast
	function, err := simlambda.Start(simlambda.Function{
		Name: "lifecycle", Binary: binary, Timeout: ample, InitTimeout: ample, Concurrency: 1,
		Region:      simaws.Region,
		Credentials: simlambda.Credentials{AccessKeyID: simaws.AccessKeyID, SecretAccessKey: redact.New(simaws.SecretAccessKey)},
		Env: map[string]string{
			"LINKERSYNC_APP_KEY": appKey, "LINKERSYNC_BASE_URL": w.url, "LINKERSYNC_QUEUE_URL": w.queueURL,
			"LINKERSYNC_BITBUCKET_URL": w.bitbucket.URL(), "LINKERSYNC_BITBUCKET_AUTH_URL": w.bitbucket.URL(),
			"AWS_ENDPOINT_URL": w.aws.URL,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(function.Stop)
	return function
}

type memoryRequest struct {
	payload []byte
	status  int
}

// memoryMix has requests that are served, refused early and refused late, and one
// that is as large as they get.
func memoryMix(t *testing.T, w *world) []memoryRequest {
	t.Helper()
	valid, forged, garbled, large, read := benchEvent(w, secretOne), benchEvent(w, secretForeign), benchEvent(w, secretOne), benchEvent(w, secretOne), benchEvent(w, "")
	garbled.Body = strings.Repeat("[", 10_000)
	large.Body = large.Body[:len(large.Body)-1] + `,"padding":"` + strings.Repeat("x", 200<<10) + `"}`
	read.RequestContext.HTTP.Method, read.RawPath = "GET", "/"
	var mix []memoryRequest
	add := func(event events.APIGatewayV2HTTPRequest, status, times int) {
		payload, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		for range times {
			mix = append(mix, memoryRequest{payload, status})
		}
	}
	add(valid, 204, 40)
	add(forged, 401, 40)
	add(garbled, 400, 9)
	add(read, 200, 10)
	add(large, 204, 1)
	return mix
}
