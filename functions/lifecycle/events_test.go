package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

// recordedAt is when the tokens in testdata were made.
var recordedAt = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

// TestEvents sends the events in testdata through the real handler, as the Lambda
// library does.
func TestEvents(t *testing.T) {
	t.Parallel()
	want := map[string]struct {
		status int
		stored map[string]stored
	}{
		"descriptor":                {status: 200},
		"empty":                     {status: 405},
		"enabled":                   {status: 204},
		"enveloped":                 {status: 204, stored: uninstalledOne},
		"form":                      {status: 415},
		"function_url_encoded_path": {status: 404},
		"installed_first":           {status: 401}, // Bitbucket refuses the secret
		"installed_signed": {status: 204, stored: map[string]stored{
			one: {State: "installed", Secret: secretNew, Previous: secretOne, Name: "Example Workspace"},
		}},
		"installed_unsigned_known": {status: 401},
		"uninstalled":              {status: 204, stored: uninstalledOne},
		"uninstalled_base64":       {status: 204, stored: uninstalledOne},
		"uninstalled_forged":       {status: 401},
		"uninstalled_jwt_in_query": {status: 401},
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(want) {
		t.Errorf("%d events in testdata, %d expectations: %v", len(files), len(want), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, deployment{})
			w.clock.advance(recordedAt.Sub(w.clock.Now()))
			after := w.snapshot(t)
			for clientKey, in := range want[name].stored {
				after[clientKey] = in
			}
			encoded, err := w.Invoke(t.Context(), payload)
			if err != nil {
				t.Fatal(err)
			}
			var response events.APIGatewayV2HTTPResponse
			if err := json.Unmarshal(encoded, &response); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != want[name].status {
				t.Errorf("answered %d %q, want %d; log:\n%s", response.StatusCode, response.Body, want[name].status, w.logs)
			}
			if diff := cmp.Diff(after, w.snapshot(t), ignoreEventAt()); diff != "" {
				t.Errorf("store (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDescriptor: anybody may read it, with this deployment's base URL in it.
func TestDescriptor(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/", "/atlassian-connect.json"} {
		w := newWorld(t, deployment{stage: "prod"})
		response := w.do(t, message{method: "GET", path: path})
		var got struct {
			Key       string
			BaseURL   string
			Lifecycle map[string]string
		}
		err := json.NewDecoder(response.Body).Decode(&got)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || got.Key != appKey || got.BaseURL != w.url {
			t.Errorf("GET %q: %d %+v %v, want base URL %s", path, response.StatusCode, got, err, w.url)
		}
		if kind := response.Header.Get("Content-Type"); kind != "application/json" {
			t.Errorf("GET %q: content type %q", path, kind)
		}
		for event, target := range got.Lifecycle {
			if status, _ := w.send(t, message{path: target, body: []byte("{}")}); status != 400 {
				t.Errorf("the descriptor's %s %s answers %d to an empty event", event, target, status)
			}
		}
	}
}

// TestFirstSync: what an install queues is what the workers take.
func TestFirstSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	if status, _ := click(workspaceNew, secretNew)(t, w); status != 204 {
		t.Fatalf("install: %d", status)
	}
	queued := w.aws.Queues.Messages(queueName)
	if len(queued) != 1 {
		t.Fatalf("queued %+v", queued)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(queued[0].Body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"task": "values", "client_key": stranger, "since": w.clock.Now().Format(time.RFC3339)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}
