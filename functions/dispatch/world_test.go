package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/functions/internal/startup"
	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	appKey = "example-linker-app"
	queued = "workers"
	bucket = "manifests"
)

// world is the function and everything around it, on loopback.
type world struct {
	t       *testing.T
	aws     *simaws.Server
	handler *handler
	out     *bytes.Buffer

	mu     sync.Mutex
	events []eventbridge.Event
}

// newWorld has installations 1 to count, and one tombstone.
func newWorld(t *testing.T, count int) *world {
	t.Helper()
	w := &world{t: t, aws: simaws.New(simaws.Options{}), out: &bytes.Buffer{}}
	t.Cleanup(w.aws.Close)
	w.aws.Buckets.Add(bucket)
	created, err := sqs.NewFromConfig(w.aws.Config()).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: sdk.String(queued)})
	w.must(err)
	w.aws.Tables.Add("progress")
	_, err = w.aws.Events.On("results", `{"detail-type":["Run Finished"]}`, func(_ context.Context, event eventbridge.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, event)
	})
	w.must(err)
	gone := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusGone) }))
	w.t.Cleanup(gone.Close)
	variables := map[string]string{
		"AWS_ENDPOINT_URL": w.aws.URL, "AWS_REGION": simaws.Region,
		"AWS_ACCESS_KEY_ID": simaws.AccessKeyID, "AWS_SECRET_ACCESS_KEY": simaws.SecretAccessKey,
		"LINKERSYNC_APP_KEY": appKey, "LINKERSYNC_BUCKET": bucket, "LINKERSYNC_TABLE": "progress",
		"LINKERSYNC_BUS": "results", "LINKERSYNC_QUEUE_URL": *created.QueueUrl, "LINKERSYNC_BITBUCKET_URL": gone.URL,
	}
	environment := &startup.Environment{Getenv: func(name string) string { return variables[name] }}
	w.handler, err = configure(environment, slog.New(slog.NewJSONHandler(w.out, nil)), w.out)
	w.must(err)
	w.install(count)
	return w
}

// finished are the details of the Run Finished events.
func (w *world) finished() []rollout.Finished {
	w.t.Helper()
	w.aws.Events.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]rollout.Finished, len(w.events))
	for i, event := range w.events {
		w.must(json.Unmarshal(event.Detail, &all[i]))
	}
	return all
}

func (w *world) install(count int) {
	w.t.Helper()
	store := installation.NewSecretsManager(secretsmanager.NewFromConfig(w.aws.Config()), installation.Options{AppKey: appKey})
	for i := range count + 1 {
		in := installation.Installation{
			AppKey: appKey, ClientKey: clientKey(i), State: installation.Installed,
			Principal: installation.Principal{UUID: connect.WorkspaceUUID(workspace(i)), Type: "team"}, SharedSecret: redact.New("a-shared-secret-of-32-characters"),
		}
		if i == 0 {
			in.State = installation.Uninstalled
		}
		_, err := store.Create(w.t.Context(), in, "install")
		w.must(err)
	}
}

func workspace(i int) string { return fmt.Sprintf("{11111111-0000-4000-8000-%012d}", i) }

func clientKey(i int) string { return "ari:cloud:bitbucket::app/" + workspace(i) + "/" + appKey }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// page records a page of a run, as dispatch does after it queued it.
func (w *world) page(run rollout.Run, cursor string, numbers ...int) (rollout.Run, []queue.Message) {
	w.t.Helper()
	clientKeys := make([]string, len(numbers))
	for i, number := range numbers {
		clientKeys[i] = clientKey(number)
	}
	name, err := w.handler.table.OpenPage(w.t.Context(), run, clientKeys)
	w.must(err)
	messages := make([]queue.Message, len(numbers))
	for i, key := range clientKeys {
		messages[i] = queue.Message{Run: run.ID, Page: name, ClientKey: key}
	}
	run, err = w.handler.table.AdvanceRun(w.t.Context(), run, name, len(numbers), cursor)
	w.must(err)
	return run, messages
}

// report reports one outcome for every message and returns the run.
func (w *world) report(id string, outcome rollout.Outcome, messages []queue.Message) rollout.Run {
	w.t.Helper()
	for _, message := range messages {
		run, err := w.handler.table.Report(w.t.Context(), message, rollout.Result{Outcome: outcome})
		w.must(err)
		_, _, err = rollout.Announce(w.t.Context(), w.handler.table, w.handler.bus, run)
		w.must(err)
	}
	run, err := w.handler.table.Run(w.t.Context(), id)
	w.must(err)
	return run
}

// stop stops the app's linker updates.
func (w *world) stop() {
	w.t.Helper()
	w.must(w.handler.table.Suspect(w.t.Context(), appKey, "410 from Bitbucket"))
	_, err := w.handler.table.Stop(w.t.Context(), appKey)
	w.must(err)
	before := w.handler.watch // whose cache is seconds old
	w.handler.watch = &removal.Watch{App: appKey, Store: before.Store, Probe: before.Probe, Log: before.Log}
}

// event reads testdata; CURRENT stands for a version that only the test knows.
func (w *world) event(name, current string) json.RawMessage {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	w.must(err)
	return bytes.ReplaceAll(raw, []byte("CURRENT"), []byte(current))
}

// store puts a manifest into the bucket, past the function.
func (w *world) store(key, value string) (version string) {
	w.t.Helper()
	version, err := w.handler.desired.Objects.Put(w.t.Context(), key, manifestOf(value))
	w.must(err)
	return version
}

func manifestOf(value string) []byte {
	return []byte("version: 1\nlinkers:\n  - key: issues\n    values: [" + value + "]\n")
}

// stored is an object of the bucket, "" when there is none.
func (w *world) stored(key string) string {
	object, _ := w.handler.desired.Objects.Get(w.t.Context(), key)
	return string(object.Body)
}

// messages are those in the workers' queue, in order of client keys.
func (w *world) messages() []queue.Message {
	w.t.Helper()
	messages := []queue.Message{}
	for _, raw := range w.aws.Queues.Messages(queued) {
		var message queue.Message
		w.must(json.Unmarshal([]byte(raw.Body), &message))
		messages = append(messages, message)
	}
	slices.SortFunc(messages, func(a, b queue.Message) int { return strings.Compare(a.ClientKey, b.ClientKey) })
	return messages
}

// numbers are the installations that the messages are for.
func (w *world) numbers() []int {
	w.t.Helper()
	numbers := []int{}
	for _, message := range w.messages() {
		for i := range 300 {
			if message.ClientKey == clientKey(i) {
				numbers = append(numbers, i)
			}
		}
	}
	return numbers
}

func (w *world) handle(name string) (result, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), time.Hour) // Lambda always has a deadline
	defer cancel()
	return w.handler.Handle(ctx, w.event(name, ""))
}
