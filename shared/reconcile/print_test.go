package reconcile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

var acme = &reconcile.Target{
	ClientKey: "ari:cloud:bitbucket::app/{11111111-2222-3333-4444-555555555555}/linkersync",
	Workspace: "{11111111-2222-3333-4444-555555555555}", Name: "Acme\x1b[31m GmbH",
}

// samplePlan has everything that a plan can say.
func samplePlan(t *testing.T) reconcile.Plan {
	t.Helper()
	plan := reconcile.Plan{Installation: acme}
	for i, sample := range []struct {
		actual  []string
		desired manifest.Linker
	}{
		{[]string{"KEEP", "OLD", "\x1b[2J\u202e"}, pruned("KEEP", "NEW", "NEWER")},
		{numbered("P", 250), manifest.Linker{Values: numbered("P", 240)}},
		{numbered("Q", 40), pruned(append([]string{"FIRST"}, numbered("Q", 15)...)...)},
		{nil, manifest.Linker{Values: numbered("R", 25)}},
		{[]string{"ONE"}, manifest.Linker{Values: []string{"ONE"}}},
	} {
		server := newFake(t, sample.actual...)
		server.linker = []string{"jira", "wiki-pages", "guarded", "fresh", "single"}[i]
		sample.desired.Key = server.linker
		sample.desired.Position = manifest.Position{Line: 4 + i, Column: 5}
		linker, err := reconcile.PlanLinker(t.Context(), server, sample.desired)
		if err != nil {
			t.Fatal(err)
		}
		plan.Linkers = append(plan.Linkers, linker)
	}
	unknown, err := reconcile.PlanLinker(t.Context(), newFake(t), manifest.Linker{Key: "unknown", Position: manifest.Position{Line: 12, Column: 5}})
	if err == nil {
		t.Fatal("an unknown linker was planned")
	}
	plan.Linkers = append(plan.Linkers, unknown)
	server := &fakeInfisical{t: t}
	for _, row := range []infisical.Connection{
		{Name: "same", Description: mark + fingerprint(t, wanted("same"))},
		{Name: "rotates", ProjectID: "p1", Description: mark + "000000000000"},
		{Name: "text", Description: mark + fingerprint(t, wanted("text"))},
		{Name: "hand-made", Description: "by hand"},
		{Name: "blind", Description: mark + fingerprint(t, wanted("blind"))},
	} {
		row.Email = email
		server.insert(row, "token-1")
	}
	connections, err := reconcile.PlanConnections(t.Context(), server, []reconcile.DesiredConnection{
		wanted("made"), wanted("same"), wanted("rotates", in("p1")), wanted("text", says("Team A")), wanted("hand-made"), wanted("blind", token("")), wanted("void", token("")),
	})
	if err != nil {
		t.Fatal(err)
	}
	plan.Connections = connections
	plan.Syncs = []reconcile.SyncPlan{
		{Name: "app", ProjectID: "p1", Action: reconcile.Create, Fields: []string{}, Risks: []string{"a run deletes every variable"}, NeedsYes: true, Unknown: []string{"whether the target exists"}},
		{Name: "web", ProjectID: "p1", Action: reconcile.Adopt, Fields: []string{"automatic"}, Risks: []string{}, NeedsYes: true, Owner: "team-b", ID: "7"},
		{Name: "old", ProjectID: "p1", Action: reconcile.Delete, Fields: []string{}, Risks: []string{"its variables stay in acme/old"}, ID: "8"},
		{Name: "gone", ProjectID: "p1", Action: reconcile.Update, Fields: []string{"environment"}, Risks: []string{}, Drift: "its folder was deleted in Infisical", ID: "9"},
		{Name: "same", ProjectID: "p2", Action: reconcile.None, Fields: []string{}, Risks: []string{}, ID: "10"},
		{Name: "lost", ProjectID: "p3", Action: reconcile.None, Fields: []string{}, Risks: []string{}, Error: "read sync: denied"},
	}
	return plan
}

// sampleResult has everything that a result can say.
func sampleResult() reconcile.Result {
	at := manifest.Position{Line: 4, Column: 5}
	return reconcile.Result{
		Installation: acme,
		Linkers: []reconcile.LinkerResult{
			{Linker: "jira", Added: numbered("P", 12), Removed: []string{"OLD"}, Kept: 3, Writes: 1, Verified: true, Position: at},
			{Linker: "same", Added: []string{}, Removed: []string{}, Kept: 1, Verified: true, Position: at},
			{Linker: "broken", Added: []string{"A"}, Removed: []string{}, Kept: 2, Writes: 3, Error: "add value \"B\"\nto linker", Position: at},
			{Linker: "unread", Added: []string{}, Removed: []string{}, Error: "read values", Position: at},
		},
		Connections: []reconcile.ConnectionResult{
			{Name: "refused", Action: reconcile.Adopt, ID: "4", Fields: []string{"token"}, Error: "it exists", Position: at},
			{Name: "taken", Action: reconcile.Adopt, ID: "5", Fields: []string{"token"}, Position: at},
			{Name: "made", Action: reconcile.Create, ID: "1", Fields: []string{}, Position: at},
			{Name: "same", Action: reconcile.None, ID: "2", Fields: []string{}, Position: at},
			{Name: "rotated", ProjectID: "p1", Action: reconcile.Rotate, ID: "3", Fields: []string{"email", "token"}, Position: at},
		},
		Syncs: []reconcile.SyncResult{
			{Name: "app", ProjectID: "p1", Action: reconcile.Create, ID: "6", Fields: []string{}, Risks: []string{"a run deletes every variable"}, Position: at},
			{Name: "old", ProjectID: "p1", Action: reconcile.Delete, ID: "8", Fields: []string{}, Risks: []string{}},
			{Name: "web", ProjectID: "p1", Action: reconcile.Update, ID: "7", Fields: []string{"automatic"}, Risks: []string{}, Error: "denied", Outcome: reconcile.NotDone, Position: at},
		},
	}
}

func TestPrintedForms(t *testing.T) {
	t.Parallel()
	plan, result := samplePlan(t), sampleResult()
	style := reconcile.Style{AllowPrune: "--allow-prune", Adopt: "--adopt", AllowSyncRisks: "--allow-sync-risks"}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"plan.txt": func(w *bytes.Buffer) error { return plan.WriteText(w, style) },
		"plan_colour.txt": func(w *bytes.Buffer) error {
			return plan.WriteText(w, reconcile.Style{Colour: true, All: true, AllowPrune: "a yes", Adopt: "a yes", AllowSyncRisks: "a yes"})
		},
		"result.txt":        func(w *bytes.Buffer) error { return result.WriteText(w, style) },
		"result_colour.txt": func(w *bytes.Buffer) error { return result.WriteText(w, reconcile.Style{Colour: true, Quiet: true}) },
		"plan.json":         func(w *bytes.Buffer) error { return indented(w, plan) },
		"result.json":       func(w *bytes.Buffer) error { return indented(w, result) },
		"nameless_plan.txt": func(w *bytes.Buffer) error {
			return reconcile.Plan{Installation: &reconcile.Target{Workspace: "{11}"}, Linkers: plan.Linkers[:1]}.WriteText(w, style)
		},
		"empty_plan.txt":  func(w *bytes.Buffer) error { return reconcile.Plan{Installation: acme}.WriteText(w, style) },
		"empty_plan.json": func(w *bytes.Buffer) error { return indented(w, reconcile.Plan{}) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
		if raw := "\x1b[31m GmbH"; strings.Contains(out.String(), raw) || strings.Contains(out.String(), "\x1b[2J") {
			t.Errorf("%s lets a foreign name steer the terminal", name)
		}
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	several := reconcile.Summary{
		NeedsYes: 1, Failed: 2, Linkers: reconcile.LinkerCounts{Added: 250},
		Connections: reconcile.ConnectionCounts{Created: 1, Updated: 2, Rotated: 1, Adopted: 1, Unchanged: 4},
	}
	for want, test := range map[string]struct {
		sum        reconcile.Summary
		applied    bool
		workspaces int
	}{
		"Plan: nothing to change.":                 {},
		"Apply: nothing changed, in 2 workspaces.": {applied: true, workspaces: 2},
		"Plan: 3 failed, in 3 workspaces.":         {sum: reconcile.Summary{Failed: 3}, workspaces: 3},
		"Plan: 250 to add, 0 to remove, 1 connection to create, 2 connections to update, 1 connection to rotate, 1 connection to adopt, in 1 workspace; 1 only with a yes; 2 failed.": {sum: several, workspaces: 1},
		"Apply: 250 added, 0 removed, 1 connection created, 2 connections updated, 1 connection rotated, 1 connection adopted, in 1 workspace; 2 failed.":                             {several, true, 1},
	} {
		if got := test.sum.Sentence(test.applied, test.workspaces); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}

func indented(w *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// TestJSONIsOneDocumentALine, so that a fleet's plans can be streamed.
func TestJSONIsOneDocumentALine(t *testing.T) {
	t.Parallel()
	encoded, err := json.Marshal(samplePlan(t))
	if err != nil || bytes.ContainsRune(encoded, '\n') {
		t.Errorf("%s, %v", encoded, err)
	}
	if bytes.Contains(encoded, []byte("null")) {
		t.Errorf("the JSON has a null: %s", encoded)
	}
}

func TestSummariesAddUp(t *testing.T) {
	t.Parallel()
	plan, result := samplePlan(t).Summary(), sampleResult().Summary()
	want := reconcile.Summary{
		Changed: true, Failed: 6, NeedsYes: 4,
		Linkers:     reconcile.LinkerCounts{Changed: 5, Unchanged: 3, Added: 41, Removed: 28, Kept: 273},
		Connections: reconcile.ConnectionCounts{Created: 3, Updated: 1, Rotated: 2, Adopted: 2, Unchanged: 3, Failed: 1},
		Syncs:       reconcile.SyncCounts{Created: 2, Updated: 1, Adopted: 1, Deleted: 2, Unchanged: 1, Failed: 2},
	}
	for name, sum := range map[string]reconcile.Summary{
		"plan and result": plan.Plus(result), "result and plan": result.Plus(plan), "and nothing": plan.Plus(result).Plus(reconcile.Summary{}),
	} {
		if diff := cmp.Diff(want, sum); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, changed := range map[string]bool{
		"one value":      (reconcile.Result{Linkers: []reconcile.LinkerResult{{Added: []string{"A"}}}}).Summary().Changed,
		"one connection": (reconcile.Result{Connections: []reconcile.ConnectionResult{{Action: reconcile.Update}, {Action: reconcile.None}}}).Summary().Changed,
		"one of two":     reconcile.Summary{}.Plus(reconcile.Summary{Changed: true}).Changed,
		"the other":      reconcile.Summary{Changed: true}.Plus(reconcile.Summary{}).Changed,
	} {
		if !changed {
			t.Errorf("%s is no change", name)
		}
	}
	if (reconcile.Result{Connections: []reconcile.ConnectionResult{{Action: reconcile.None}}}).Summary().Changed {
		t.Error("a connection with nothing to do is a change")
	}
	if (reconcile.Plan{}).Summary().Changed || (reconcile.Result{}).Summary().Plus(reconcile.Summary{}).Changed {
		t.Error("nothing counts as a change")
	}
}

type brokenPipe struct{}

var errPipe = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestWriteTextReportsAFailingWriter(t *testing.T) {
	t.Parallel()
	if err := sampleResult().WriteText(brokenPipe{}, reconcile.Style{}); !errors.Is(err, errPipe) {
		t.Errorf("got %v", err)
	}
}
