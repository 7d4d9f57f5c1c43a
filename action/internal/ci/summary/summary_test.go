package summary_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/ci/summary"
	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/internal/schema"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/rollout"
)

var update = flag.Bool("update", false, "write what is seen into the golden files")

func target(i int) *reconcile.Target {
	return &reconcile.Target{ClientKey: fmt.Sprint("key-", i), Workspace: fmt.Sprintf("{%08d-2222-4333-8444-555555555555}", i), Name: fmt.Sprint("workspace-", i)}
}

func many(n int) []string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprint("PROJ", i)
	}
	return values
}

// planned is a workspace that misses some values.
func planned(i int, add []string, remove ...string) apply.Part {
	return apply.Part{Plan: reconcile.Plan{Installation: target(i), Linkers: []reconcile.LinkerPlan{{Linker: "issues", Add: add, Remove: remove, Keep: 3}}}}
}

// applied is a workspace after an apply.
func applied(i int, added ...string) apply.Part {
	return apply.Part{
		Applied: true, Plan: reconcile.Plan{Installation: target(i)},
		Result: reconcile.Result{Installation: target(i), Linkers: []reconcile.LinkerResult{{Linker: "issues", Added: added, Kept: 250, Verified: true}}},
	}
}

func failed(i int) apply.Part {
	part := applied(i)
	part.Result.Linkers[0].Error = "403 Forbidden"
	part.Failures = []apply.Failure{{Subject: "linker issues", Position: manifest.Position{Line: 4, Column: 5}, Err: errors.New("403 Forbidden")}}
	return part
}

func report(command string, parts ...apply.Part) *summary.Report {
	r := &summary.Report{Command: command}
	for _, part := range parts {
		r.Add(part)
	}
	return r
}

func connections() apply.Part {
	return apply.Part{Plan: reconcile.Plan{Connections: []reconcile.ConnectionPlan{
		{Name: "ci", Action: reconcile.Create},
		{Name: "team", ProjectID: "aaaaaaaa-0000-4000-8000-000000000001", Action: reconcile.Rotate, Fields: []string{"token"}},
		{Name: "quiet", Action: reconcile.None},
	}}}
}

// scenarios are the summaries that people meet, each with a golden file.
func scenarios() map[string]*summary.Report {
	guarded := planned(1, nil, "A", "B")
	guarded.Plan.Linkers[0].NeedsYes = true
	onPullRequest := report("plan", planned(1, []string{"OPS"}, "OLD"), guarded, connections())
	onPullRequest.PullRequest = true
	failing := report("apply", applied(1, "OPS"), failed(2))
	failing.Fail(document.Problem{What: "linker issues", Message: "403 Forbidden"}, "two")
	failing.Fail(document.Problem{What: "linker issues", Message: "403 Forbidden"}, "three")
	fork := report("plan")
	fork.PullRequest, fork.Unseen = true, "This pull request comes from a fork."
	hostile := applied(1, "A")
	hostile.Result.Installation.Name = "| a `b` <img src=x> [c](https://evil.example) **d** @everyone\n# e"
	hostile.Plan.Installation = hostile.Result.Installation
	wrong := &summary.Report{}
	wrong.Fail(document.Problem{What: "linkersync", Message: "the inputs need correcting"}, "")
	event := report("apply")
	event.Run = &rollout.Run{ID: "11111111-2222-4333-8444-555555555555", Total: 4, Counts: rollout.Counts{Changed: 2, Unchanged: 1, Skipped: 1, Added: 5, Removed: 2}}
	fleet := report("apply", applied(0, "OPS"))
	for i := range 299 {
		fleet.Add(applied(i + 1))
	}
	return map[string]*summary.Report{
		"plan_on_pull_request": onPullRequest, "apply_on_push": report("apply", applied(1, "OPS"), applied(2)),
		"failure": failing, "fork": fork, "event": event, "no_change": report("apply", applied(1)),
		"long_lists": report("plan", planned(1, many(6)), planned(2, many(201)), planned(3, many(5))), "fleet_of_300": fleet,
		"hostile_name": report("apply", hostile), "wrong_inputs": wrong,
		"export": report("export"),
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	for name, r := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden := filepath.Join("testdata", name+".md")
			got := r.Markdown()
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTheSummaryStaysBelowGitHubsLimit whatever the fleet and the values are.
func TestTheSummaryStaysBelowGitHubsLimit(t *testing.T) {
	t.Parallel()
	long := many(250)
	for i := range long {
		long[i] += strings.Repeat("x", 240)
	}
	r := report("plan")
	for i := range 1000 {
		r.Add(planned(i, long))
		r.Fail(document.Problem{What: fmt.Sprint("linker ", i), Message: strings.Repeat("é", 5000)}, "somewhere")
	}
	got := r.Markdown()
	if len(got) > 1<<20 {
		t.Errorf("%d bytes, GitHub takes 1 MiB", len(got))
	}
	for _, want := range []string{"…and 99", "and 800 more failures of other kinds", "When it fails", "Plan: 250000 to add"} {
		if want == "When it fails" {
			want = "#when-it-fails"
		}
		if !strings.Contains(got, want) {
			t.Errorf("the summary doesn't say %q", want)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	withRun := func(changed, failed int) *summary.Report {
		return &summary.Report{Run: &rollout.Run{Counts: rollout.Counts{Changed: changed, Failed: failed}}}
	}
	broken := report("apply", applied(1, "A"))
	broken.Fail(document.Problem{}, "")
	for name, test := range map[string]struct {
		report *summary.Report
		want   string
	}{
		"nothing to change":          {report("apply", applied(1)), "unchanged"},
		"a plan with changes":        {report("plan", planned(1, []string{"A"})), "changed"},
		"a result with changes":      {report("apply", applied(1, "A")), "changed"},
		"a problem beats a change":   {broken, "failed"},
		"a run that changed":         {withRun(1, 0), "changed"},
		"a run that changed nothing": {withRun(0, 0), "unchanged"},
		"a run that failed half-way": {&summary.Report{Run: &rollout.Run{Counts: rollout.Counts{Failed: 1, Added: 3}}}, "changed"},
	} {
		if got := test.report.Status(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// TestARunsFailuresAreInstallations, which one problem tells of.
func TestARunsFailuresAreInstallations(t *testing.T) {
	t.Parallel()
	r := &summary.Report{}
	r.Fail(document.Problem{}, "")
	if got := r.Failed(); got != 1 {
		t.Errorf("%d failed, want the problem", got)
	}
	r.Run = &rollout.Run{Counts: rollout.Counts{Failed: 7}}
	if got := r.Failed(); got != 7 {
		t.Errorf("%d failed, want 7", got)
	}
}

// TestAFleetsUnchangedPartsAreCounted and not kept, but for the first ones; what
// changed or failed is always kept.
func TestAFleetsUnchangedPartsAreCounted(t *testing.T) {
	t.Parallel()
	r := report("apply")
	for i := range 300 {
		r.Add(applied(i))
	}
	r.Add(applied(300, "A"))
	r.Add(failed(301))
	if got := len(plan(t, r).Results); got != 202 {
		t.Errorf("%d documents, want 200 unchanged and 2 others", got)
	}
	lines := strings.Split(r.Markdown(), "\n")
	for i, want := range []string{"workspace-301", "workspace-300", "workspace-0"} {
		if got := lines[6+i]; !strings.Contains(got, want+" ") {
			t.Errorf("row %d is %q, want %s", i, got, want)
		}
	}
	sum := r.Summary()
	if sum.Linkers.Added != 1 || sum.Linkers.Kept != 301*250 || sum.Failed != 1 {
		t.Errorf("the counts are of all parts: %+v", sum)
	}
}

// output is the output plan, as far as these tests look at it.
type output struct {
	Results   []json.RawMessage
	Summary   reconcile.Summary
	Truncated bool
}

func plan(t *testing.T, r *summary.Report) (got output) {
	t.Helper()
	text, err := r.Plan()
	compiled, wrong := schema.Compile("../../../../docs/output.schema.json")
	if wrong == nil {
		_, wrong = schema.CheckAll(compiled, []byte(text))
	}
	if wrong != nil {
		t.Errorf("the output is not as the schema says: %v", wrong)
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &got)
	}
	if err != nil || len(text) > 1<<20 {
		t.Fatalf("a plan of %d bytes, %v", len(text), err)
	}
	return got
}

// Half a list would pass for the whole: above GitHub's limit there is none.
func TestALargePlanIsItsSummary(t *testing.T) {
	t.Parallel()
	r, values := report("plan"), many(1000)
	for i := range 50 { // of 10 kB each
		r.Add(planned(i, values))
	}
	if got := plan(t, r); got.Truncated || len(got.Results) != 50 {
		t.Errorf("after 50 there are %d", len(got.Results))
	}
	for i := range 100 {
		r.Add(planned(50+i, values))
	}
	if got := plan(t, r); !got.Truncated || len(got.Results) != 0 || got.Summary.Linkers.Added != 150_000 {
		t.Errorf("after 150 there are %d, and %d values", len(got.Results), got.Summary.Linkers.Added)
	}
}

// What is kept of a fleet of any size takes the same memory, whatever changed in it
// and however much of it failed.
func TestMemoryStaysFlat(t *testing.T) { //nolint:paralleltest // it measures the heap
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	r, before, values := report("apply"), uint64(0), many(1000)
	for i := range 2000 {
		if i == 400 {
			before = heap()
		}
		part := applied(i, values...)
		if i%2 == 1 {
			part = failed(i)
			part.Result.Linkers[0].Added = values
		}
		r.Add(part)
		r.Fail(document.Problem{What: fmt.Sprint("linker ", i), Message: strings.Repeat("no ", 1000)}, "")
	}
	if after := heap(); after > before+256<<10 {
		t.Errorf("the heap grew from %d to %d bytes over 1,600 installations", before, after)
	}
	if sum := r.Summary(); sum.Linkers.Added != 2_000_000 || sum.Failed != 2000 || r.Failed() != 2000 || !strings.Contains(r.Markdown(), "and 1800 more failures of other kinds") {
		t.Errorf("the counts are of all: %+v, %d failed", sum, r.Failed())
	}
}
