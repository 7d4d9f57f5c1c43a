package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/functions/internal/startup"
	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	appKey  = "example-linker-app"
	workers = "workers"
	dead    = "dead"
	secret  = "a-shared-secret-of-32-characters"
)

// today is the handler's clock.
var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world is the function and everything around it, on loopback.
type world struct {
	t         *testing.T
	aws       *simaws.Server
	bitbucket *simbitbucket.Server
	store     *installation.SecretsManager
	handler   *handler
	out       *bytes.Buffer
	// now is the handler's clock, waits how long it made messages wait.
	now   time.Time
	waits []time.Duration
	// page is that of the run.
	page string

	mu     sync.Mutex
	events []eventbridge.Event
}

// newWorld has installations 1 to count, in Bitbucket and in the store, with the
// value OLD in the linker "issues".
func newWorld(t *testing.T, count int) *world {
	t.Helper()
	w := &world{t: t, bitbucket: simbitbucket.New(simbitbucket.Options{}), out: &bytes.Buffer{}, now: today}
	w.aws = simaws.New(simaws.Options{})
	t.Cleanup(w.aws.Close)
	bitbucketURL, err := w.bitbucket.Start()
	w.must(err)
	t.Cleanup(func() { w.must(w.bitbucket.Close()) })
	w.aws.Buckets.Add("manifests")
	urls := map[string]string{}
	for _, name := range []string{dead, workers} {
		created, err := sqs.NewFromConfig(w.aws.Config()).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: sdk.String(name)})
		w.must(err)
		urls[name] = *created.QueueUrl
	}
	w.aws.Tables.Add("progress")
	_, err = w.aws.Events.On("results", `{"source":["linkersync"]}`, func(_ context.Context, event eventbridge.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, event)
	})
	w.must(err)
	variables := map[string]string{
		"AWS_ENDPOINT_URL": w.aws.URL, "AWS_REGION": simaws.Region,
		"AWS_ACCESS_KEY_ID": simaws.AccessKeyID, "AWS_SECRET_ACCESS_KEY": simaws.SecretAccessKey,
		"LINKERSYNC_APP_KEY": appKey, "LINKERSYNC_BUCKET": "manifests", "LINKERSYNC_TABLE": "progress",
		"LINKERSYNC_BUS": "results", "LINKERSYNC_QUEUE_URL": urls[workers], "LINKERSYNC_DEAD_LETTERS_URL": urls[dead],
		"LINKERSYNC_BITBUCKET_URL": bitbucketURL,
	}
	environment := &startup.Environment{Getenv: func(name string) string { return variables[name] }}
	w.handler, err = configure(environment, slog.New(slog.NewJSONHandler(w.out, nil)), w.out)
	w.must(err)
	clock := func() time.Time { return w.now }
	w.handler.now, w.handler.worker.now, w.handler.watch.Now, w.handler.table.Now = clock, clock, clock, clock
	w.handler.queue.SQS = recorder{w.handler.queue.SQS, w}
	w.store = installation.NewSecretsManager(secretsmanager.NewFromConfig(w.aws.Config()), installation.Options{AppKey: appKey})
	w.install(count)
	return w
}

func (w *world) install(count int) {
	w.t.Helper()
	w.must(w.bitbucket.Seed(simbitbucket.State{Apps: []simbitbucket.App{{
		Key: appKey, Descriptor: simbitbucket.Descriptor(appKey, "https://app.example.com", "issues", "builds"),
	}}}))
	for i := 1; i <= count; i++ {
		w.must(w.bitbucket.Seed(simbitbucket.State{Installations: []simbitbucket.Installation{{
			AppKey: appKey, ClientKey: clientKey(i), SharedSecret: secret, Status: simbitbucket.Installed,
			Principal: simbitbucket.Principal{UUID: workspace(i)}, Values: map[string][]string{"issues": {"OLD"}},
		}}}))
		_, err := w.store.Create(w.t.Context(), installation.Installation{
			AppKey: appKey, ClientKey: clientKey(i), State: installation.Installed,
			Principal: installation.Principal{UUID: connect.WorkspaceUUID(workspace(i)), Type: "team"}, SharedSecret: redact.New(secret),
		}, "install")
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

// desire puts a manifest for the linker "issues" into the bucket.
func (w *world) desire(scope string, values ...string) {
	w.t.Helper()
	body := "version: 1\nlinkers:\n  - key: issues\n    prune: true\n    values: [" + strings.Join(values, ", ") + "]\n"
	_, err := w.handler.worker.desired.Objects.Put(w.t.Context(), scope, []byte(body))
	w.must(err)
}

// run opens a run over so many installations.
func (w *world) run(id string, total int) {
	w.t.Helper()
	run, err := w.handler.table.OpenRun(w.t.Context(), id, appKey)
	w.must(err)
	clientKeys := make([]string, total)
	for i := range clientKeys {
		clientKeys[i] = clientKey(i + 1)
	}
	w.page, err = w.handler.table.OpenPage(w.t.Context(), run, clientKeys)
	w.must(err)
	_, err = w.handler.table.AdvanceRun(w.t.Context(), run, w.page, total, "")
	w.must(err)
}

// event reads testdata; CLIENT_1, CLIENT_2 and DESCRIPTOR stand for what they say.
func (w *world) event(name string) json.RawMessage {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	w.must(err)
	raw = bytes.ReplaceAll(raw, []byte(`{"DESCRIPTOR": true}`), simbitbucket.Descriptor(appKey, "https://app.example.com", "issues", "builds"))
	for i := 1; i <= 2; i++ {
		raw = bytes.ReplaceAll(raw, fmt.Appendf(nil, "CLIENT_%d", i), []byte(clientKey(i)))
	}
	return raw
}

// message is a message as dispatch queues it.
func message(i int) queue.Message {
	return queue.Message{Run: "run-1", Task: queue.TaskValues, ClientKey: clientKey(i), Since: today}
}

// record is one record of a batch.
func record(id string, message any, receives int) events.SQSMessage {
	body, ok := message.(string)
	if !ok {
		encoded, _ := json.Marshal(message) // a queue.Message always can be
		body = string(encoded)
	}
	return events.SQSMessage{MessageId: id, Body: body, Attributes: map[string]string{"ApproximateReceiveCount": fmt.Sprint(receives)}}
}

// batch handles records and returns the ids that SQS shall deliver again.
func (w *world) batch(ctx context.Context, records ...events.SQSMessage) []string {
	w.t.Helper()
	for i := range records {
		records[i].Body = strings.Replace(records[i].Body, `"run":"run-1"`, `"run":"run-1","page":"`+w.page+`"`, 1)
	}
	raw, err := json.Marshal(events.SQSEvent{Records: records})
	w.must(err)
	answer, err := w.handler.Handle(ctx, raw)
	w.must(err)
	again := []string{}
	for _, failure := range answer.(events.SQSEventResponse).BatchItemFailures {
		again = append(again, failure.ItemIdentifier)
	}
	return again
}

// recorder notes how long messages wait. Their receipts are made up.
type recorder struct {
	queue.SQS
	w *world
}

func (r recorder) ChangeMessageVisibility(_ context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error) {
	r.w.waits = append(r.w.waits, time.Duration(in.VisibilityTimeout)*time.Second)
	return &sqs.ChangeMessageVisibilityOutput{}, nil
}

// deadLetter checks that there is one dead letter, with the reason.
func (w *world) deadLetter(reason string) {
	w.t.Helper()
	letters := w.aws.Queues.Messages(dead)
	if len(letters) != 1 || !strings.Contains(letters[0].Attributes["reason"], reason) {
		w.t.Errorf("dead letters %+v, want one with %q\n%s", letters, reason, w.out)
	}
}

// values are the linker values of an installation in Bitbucket.
func (w *world) values(i int) string {
	w.t.Helper()
	in, ok := w.bitbucket.Installation(clientKey(i))
	if !ok {
		w.t.Fatalf("no installation %d", i)
	}
	return strings.Join(in.Values["issues"], " ")
}

// applied are the details of the events that were sent for installations.
func (w *world) applied() []rollout.Applied {
	w.t.Helper()
	w.aws.Events.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []rollout.Applied
	for _, event := range w.events {
		if event.DetailType == rollout.DetailApplied {
			var applied rollout.Applied
			w.must(json.Unmarshal(event.Detail, &applied))
			all = append(all, applied)
		}
	}
	return all
}

func (w *world) finished() int {
	w.aws.Events.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	count := 0
	for _, event := range w.events {
		if event.DetailType == rollout.DetailFinished {
			count++
		}
	}
	return count
}

// metric sums a metric over the lines that were written.
func (w *world) metric(name string) int {
	sum := 0
	for line := range strings.Lines(w.out.String()) {
		var values map[string]any
		if json.Unmarshal([]byte(line), &values) != nil || values["_aws"] == nil {
			continue
		}
		if value, ok := values[name].(float64); ok {
			sum += int(value)
		}
	}
	return sum
}

// probeAt makes the probe ask another server than the one that the handler was made for.
func (w *world) probeAt(apiURL string) {
	client := w.handler.worker.http
	w.handler.watch.Probe = func(ctx context.Context) (removal.Verdict, string) { return removal.Probe(ctx, client, apiURL) }
}
