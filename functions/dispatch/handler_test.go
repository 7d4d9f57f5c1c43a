package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/rollout"
)

func TestEventsThatAreTaken(t *testing.T) {
	t.Parallel()
	kept := "version: 1\nlinkers:\n  - key: issues\n    values: [ONE, TWO]\n"
	for name, test := range map[string]struct {
		want     []int
		task     queue.Task
		revision int64
		bucket   map[string]string
		note     string
	}{
		"changed_inline_all":  {want: []int{1, 2, 3}, revision: 2, bucket: map[string]string{"default.yaml": kept}},
		"changed_inline_one":  {want: []int{1}, revision: 1, bucket: map[string]string{"installations/" + workspace(1) + ".yaml": kept}},
		"changed_inline_list": {want: []int{1, 2}, revision: 1, bucket: map[string]string{"installations/" + workspace(1) + ".yaml": kept, "installations/" + workspace(2) + ".yaml": kept}},
		"changed_location":    {want: []int{1, 2, 3}, revision: 2},
		"changed_again":       {want: []int{1, 2, 3}},
		"changed_again_list":  {want: []int{2}, note: "not installed in 1 of the 2"},
		"schedule":            {want: []int{1, 2, 3}},
		"direct_one":          {want: []int{1}},
		"direct_all":          {want: []int{1, 2, 3}},
		"object_default":      {want: []int{1, 2, 3}, revision: 2},
		"object_workspace":    {want: []int{2}, revision: 1},
		"object_escaped":      {want: []int{2}, revision: 1},
		"addon":               {want: []int{1}, task: queue.TaskAddon},
		"addon_forge":         {want: []int{1, 2, 3}, task: queue.TaskAddon},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 3)
			_, _, err := w.handler.table.Advance(t.Context(), appKey, rollout.DefaultScope, "an-older-version", "an-older-run")
			w.must(err)
			version := w.store("default.yaml", "STORED")
			if test.revision == 1 && strings.HasPrefix(name, "object") {
				version = w.store("installations/"+workspace(2)+".yaml", "OWN")
			}
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
			sent := w.handler.now().UTC().Format(time.RFC3339)
			answer, err := w.handler.Handle(ctx, bytes.ReplaceAll(w.event(name, version), []byte("2026-11-21T12:00:00Z"), []byte(sent)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, w.numbers()); diff != "" {
				t.Errorf("queued for (-want +got):\n%s", diff)
			}
			run := "event-" + name
			if strings.HasPrefix(name, "direct") {
				run = "request-1"
			}
			if answer.Run != run || answer.Queued != len(test.want) || !strings.Contains(answer.Note, test.note) || test.note == "" && answer.Note != "" {
				t.Errorf("answer %+v", answer)
			}
			if !strings.Contains(w.out.String(), `"msg":"dispatched"`) {
				t.Errorf("the log doesn't say so: %s", w.out)
			}
			task := queue.TaskValues
			if test.task != "" {
				task = test.task
			}
			for _, message := range w.messages() {
				if message.Run != run || message.Task != task || message.Revision != test.revision || message.Since.IsZero() || message.Page == "" {
					t.Errorf("message %+v, want revision %d", message, test.revision)
				}
			}
			for key, want := range test.bucket {
				if got := w.stored(key); got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
			opened, err := w.handler.table.Run(t.Context(), run)
			if err != nil || opened.Total != len(test.want) || opened.Phase != rollout.Working {
				t.Errorf("run %+v, error %v", opened, err)
			}
		})
	}
}

func TestForgeAppLinkIsWrittenIntoTheDescriptor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	_, err := w.handle("addon_forge")
	w.must(err)
	var descriptor struct{ Key, ForgeAppLink string }
	w.must(json.Unmarshal(w.messages()[0].Descriptor, &descriptor))
	if descriptor.Key != appKey || descriptor.ForgeAppLink != "https://developer.atlassian.com/console/install/x" {
		t.Errorf("descriptor %+v", descriptor)
	}
}

// TestADescriptorReachesTheWorkers as it was sent, by itself or by its address.
func TestADescriptorReachesTheWorkers(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]queue.Message{
		"addon_descriptor":     {Descriptor: json.RawMessage(`{"key":"example-linker-app"}`)},
		"addon_descriptor_url": {DescriptorURL: "https://app.example.com/atlassian-connect.json"},
		"addon":                {},
	} {
		w := newWorld(t, 1)
		_, err := w.handle(name)
		w.must(err)
		got := w.messages()[0]
		if diff := cmp.Diff(want, queue.Message{Descriptor: got.Descriptor, DescriptorURL: got.DescriptorURL}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestLargeDescriptorsFitTheQueue, of which ten together are more than SQS takes.
func TestLargeDescriptorsFitTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 25)
	detail := rollout.AddonUpdate{Descriptor: json.RawMessage(`{"key":"` + appKey + `","description":"` + strings.Repeat("x", 60<<10) + `"}`)}
	event, err := json.Marshal(map[string]any{"id": "event-large", "source": rollout.Source, "detail-type": rollout.DetailAddon, "detail": detail})
	w.must(err)
	answer, err := w.handler.Handle(t.Context(), event)
	if err != nil || answer.Queued != 25 || len(w.messages()) != 25 {
		t.Errorf("answer %+v, error %v, %d messages; want 25", answer, err, len(w.messages()))
	}
}

// TestEventsThatAreRefused: nothing is sent or stored, and the reason says what to do.
func TestEventsThatAreRefused(t *testing.T) {
	t.Parallel()
	reasons := map[string]string{
		"refused_two_states": "one of them is enough", "refused_typo": `"installation"`, "refused_empty_list": "leave it out for all",
		"refused_slug": `"acme" is no workspace UUID`, "refused_other_app": `"another-app"`, "refused_manifest": "this value has",
		"refused_other_bucket": "not in this deployment's", "refused_no_manifest_key": `"notes.txt" is never read`, "refused_source": "Instance State",
		"refused_forge_without_descriptor": "send the descriptor", "refused_two_descriptors": "one of them is enough",
		"refused_no_linkers": "event has no linkers", "refused_no_linkers_for_one": "event has no linkers",
		"refused_allow_prune_of_anything": "send it, or name its location",
		"refused_null":                    "no JSON object", "refused_list": "not a JSON object", "refused_no_id": "no id",
		"refused_foreign_change": "somebody.else", "refused_foreign_addon": "somebody.else", "refused_foreign_object": "somebody.else",
		"refused_object": "S3 event's detail", "refused_missing_location": "default.yaml is not in the manifest bucket",
		"refused_location_of_another": "leave them out", "refused_location_of_one": "leave them out",
		"refused_addon_typo": `"descriptor_uri"`, "refused_addon_other_app": `"another-app"`,
		"refused_addon_slug": `"acme" is no workspace UUID`, "refused_addon_descriptor": "descriptor",
	}
	files, err := filepath.Glob("testdata/refused_*.json")
	if err != nil || len(files) != len(reasons) {
		t.Fatalf("%d files, %d reasons, error %v", len(files), len(reasons), err)
	}
	for name, reason := range reasons {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			_, err := w.handle(name)
			if !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), reason) {
				t.Errorf("error %v, want ErrRefused with %s", err, reason)
			}
			if got := w.messages(); len(got) != 0 || w.stored("default.yaml") != "" || w.stored(rollout.WorkspaceScope(workspace(1))) != "" {
				t.Errorf("queued %v, stored %q", got, w.stored("default.yaml"))
			}
			if !strings.Contains(w.out.String(), "dispatch failed") {
				t.Errorf("the log doesn't say so: %s", w.out)
			}
			// Lambda repeats it, and every attempt is an error, or it would be no dead letter.
			if _, err := w.handle(name); !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), reason) {
				t.Errorf("the same event again: %v", err)
			}
			told := w.finished()
			if name == "refused_list" || name == "refused_null" || name == "refused_no_id" { // no events
				told = append(told, rollout.Finished{Run: "event-" + name, Total: 1, Failed: 1, Refused: reason})
			}
			if len(told) != 1 || told[0].Run != "event-"+name || told[0].Failed != 1 || told[0].Total != 1 || !strings.Contains(told[0].Refused, reason) {
				t.Errorf("whoever waits hears %+v, want once why it was refused", told)
			}
		})
	}
}

func TestEventsThatNeedNothing(t *testing.T) {
	t.Parallel()
	for name, note := range map[string]string{
		"object_old_version": "has a newer version", "object_deleted": "was deleted since", "object_no_manifest": `no manifest: "notes.txt"`, "object_other_bucket": "is in another bucket",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.store("default.yaml", "STORED")
			answer, err := w.handle(name)
			if err != nil || !strings.Contains(answer.Note, note) || answer.Run != "event-"+name || len(w.messages()) != 0 {
				t.Errorf("answer %+v, error %v, %d messages", answer, err, len(w.messages()))
			}
			if !strings.Contains(w.out.String(), "event ignored") {
				t.Errorf("the log doesn't say so: %s", w.out)
			}
		})
	}
}

func (w *world) handleWithin(ctx context.Context, name string) (result, error) {
	return w.handler.Handle(ctx, w.event(name, ""))
}

// pages is a store with pages of one installation.
type pages struct {
	count int
	lost  string
	asked []string
}

func (p *pages) List(_ context.Context, cursor string) ([]installation.Installation, string, error) {
	p.asked = append(p.asked, cursor)
	if cursor == p.lost && cursor != "" {
		p.lost = ""
		return nil, "", installation.ErrCursor
	}
	page := len(cursor) + 1
	in := installation.Installation{ClientKey: clientKey(page), State: installation.Installed, Principal: installation.Principal{UUID: connect.WorkspaceUUID(workspace(page))}}
	if page == p.count {
		return []installation.Installation{in}, "", nil
	}
	return []installation.Installation{in}, strings.Repeat("x", page), nil
}

func TestGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	store := &pages{count: 4}
	w.handler.store = store
	// Two pages, then no time is left.
	run, err := w.handler.table.OpenRun(t.Context(), "event-schedule", appKey)
	w.must(err)
	w.page(run, "xx", 1, 2)
	short, cancel := context.WithTimeout(t.Context(), reserve-time.Second)
	defer cancel()
	if _, err := w.handleWithin(short, "schedule"); err == nil || !strings.Contains(err.Error(), "after 2 installations") {
		t.Errorf("error %v, want one that makes Lambda repeat the event", err)
	}
	answer, err := w.handle("schedule")
	if diff := cmp.Diff([]string{"xx", "xxx"}, store.asked); diff != "" || err != nil || answer.Queued != 4 {
		t.Errorf("answer %+v, error %v, pages (-want +got):\n%s", answer, err, diff)
	}
	if diff := cmp.Diff([]int{3, 4}, w.numbers()); diff != "" {
		t.Errorf("queued (-want +got):\n%s", diff)
	}
}

func TestLostCursorStartsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	store := &pages{count: 3, lost: "xx"}
	w.handler.store = store
	answer, err := w.handle("schedule")
	if diff := cmp.Diff([]string{"", "x", "xx", "", "x", "xx"}, store.asked); diff != "" || err != nil || answer.Queued != 3 {
		t.Errorf("answer %+v, error %v, pages (-want +got):\n%s", answer, err, diff)
	}
}

// one is a store with one installation.
type one installation.Installation

func (o one) List(context.Context, string) ([]installation.Installation, string, error) {
	return []installation.Installation{installation.Installation(o)}, "", nil
}

// TestLettersOfAUUIDHaveNoCase: a workspace whose own manifest isn't found gets the
// default one, which may delete what its own lists.
func TestLettersOfAUUIDHaveNoCase(t *testing.T) {
	t.Parallel()
	const lower, upper = "{abcdefab-0000-4000-8000-000000000001}", "{ABCDEFAB-0000-4000-8000-000000000001}"
	for _, named := range []string{lower, upper} {
		w := newWorld(t, 0)
		w.handler.store = one{ClientKey: clientKey(1), State: installation.Installed, Principal: installation.Principal{UUID: lower}}
		event, err := json.Marshal(map[string]any{
			"id": "event-1", "source": rollout.Source, "detail-type": rollout.DetailChanged,
			"detail": rollout.Change{Installations: []string{named}, Manifest: string(manifestOf("OWN"))},
		})
		w.must(err)
		answer, err := w.handler.Handle(t.Context(), event)
		if err != nil || answer.Queued != 1 {
			t.Errorf("named %s: answer %+v, error %v; want it queued", named, answer, err)
		}
		if _, found, err := w.handler.desired.Own(t.Context(), lower); !found || err != nil {
			t.Errorf("named %s: own manifest found %v, error %v", named, found, err)
		}
	}
	w := newWorld(t, 0)
	w.store("installations/"+upper+".yaml", "OWN")
	event := fmt.Sprintf(`{"id":"event-2","source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":%q},"object":{"key":"installations/%s.yaml"}}}`, bucket, upper)
	if _, err := w.handler.Handle(t.Context(), json.RawMessage(event)); !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), "installations/"+lower+".yaml") {
		t.Errorf("an object that nobody will read: error %v, want one that says its name", err)
	}
}

func TestAStoppedAppStoresManifestsAndUpdatesItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.stop()
	answer, err := w.handle("changed_inline_all")
	if err != nil || !strings.Contains(answer.Note, "410 from Bitbucket") || len(w.messages()) != 0 || w.stored("default.yaml") == "" {
		t.Errorf("answer %+v, error %v, %d messages; want the manifest stored", answer, err, len(w.messages()))
	}
	if _, err := w.handle("addon"); err != nil || len(w.messages()) != 1 {
		t.Errorf("addon: error %v, %d messages; want 1", err, len(w.messages()))
	}
}

func TestRunOverNothingIsFinishedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	answer, err := w.handle("schedule")
	if err != nil || answer.Queued != 0 {
		t.Fatalf("answer %+v, error %v", answer, err)
	}
	if told := w.finished(); len(told) != 1 {
		t.Errorf("Run Finished: %+v, want one", told)
	}
}

func TestQueueRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		when fault.When
		ok   bool
	}{"for a while": {fault.First(2), true}, "for good": {fault.Always(), false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.aws.Faults.Add(fault.Target("SendMessageBatch"), test.when, fault.Respond(200, map[string][]string{"Content-Type": {"application/x-amz-json-1.0"}},
				`{"Failed":[{"Id":"0","Code":"InternalError","SenderFault":false},{"Id":"1","Code":"InternalError","SenderFault":false}],"Successful":[]}`))
			_, err := w.handle("schedule")
			if (err == nil) != test.ok || test.ok && len(w.messages()) != 2 {
				t.Errorf("error %v, %d messages", err, len(w.messages()))
			}
			if !test.ok && !strings.Contains(err.Error(), "SQS refused 2 of 2 (InternalError)") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestOnlyWhatSQSRefusedIsSentAgain: the rest is queued.
func TestOnlyWhatSQSRefusedIsSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.aws.Faults.Add(fault.Target("SendMessageBatch"), fault.Once(), fault.Respond(200, map[string][]string{"Content-Type": {"application/x-amz-json-1.0"}},
		`{"Failed":[{"Id":"1","Code":"InternalError","SenderFault":false}],"Successful":[]}`)) // a sum of the other's would be wrong
	if _, err := w.handle("schedule"); err != nil || len(w.messages()) != 1 {
		t.Errorf("error %v, %d messages; want the second of the two", err, len(w.messages()))
	}
}

func TestConfigurationProblemsAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := startup.New(build, func(string) string { return "" }, t.Output())
	for _, name := range []string{"LINKERSYNC_APP_KEY", "LINKERSYNC_BUCKET", "LINKERSYNC_TABLE", "LINKERSYNC_BUS", "LINKERSYNC_QUEUE_URL", "AWS_REGION"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v doesn't name %s", err, name)
		}
	}
}
