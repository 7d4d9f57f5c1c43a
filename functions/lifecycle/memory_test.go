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
	// A leak of two KiB a request shows as a growth of 4 MiB.
	memoryWarm, memoryRequests = 1_000, 3_000
	memoryLimit, memoryGrowth  = 40 << 20, 4 << 20
)

// TestMemory runs the function as it is deployed, behind a Lambda runtime API, and
// looks at its resident memory after 3,000 requests of all kinds, and at how much
// of it came after the first 1,000.
func TestMemory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the function and sends 3,000 requests")
	}
	w := newWorld(t, deployment{})
	function := w.spawn(t)
	requests := memoryMix(t, w)
	var warm int64
	for i := range memoryRequests {
		if i == memoryWarm {
			warm = function.Stats().PeakRSS
		}
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
	const mebibyte = 1 << 20
	t.Logf("%.1f MiB resident at the peak, %.1f after %d requests", float64(stats.PeakRSS)/mebibyte, float64(warm)/mebibyte, memoryWarm)
	if stats.PeakRSS > memoryLimit || stats.PeakRSS-warm > memoryGrowth {
		t.Errorf("%.1f MiB resident after %d requests, %.1f after %d; want at most %d, and %d more than before",
			float64(stats.PeakRSS)/mebibyte, memoryRequests, float64(warm)/mebibyte, memoryWarm, memoryLimit/mebibyte, memoryGrowth/mebibyte)
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
