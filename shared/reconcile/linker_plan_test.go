package reconcile_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

func TestPlanLinker(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		actual  []string
		desired manifest.Linker
		want    reconcile.LinkerPlan
	}{
		"nothing there, nothing wanted": {
			nil, pruned(), reconcile.LinkerPlan{Add: []string{}, Remove: []string{}},
		},
		"additions keep the manifest's order": {
			[]string{"M"},
			linker("Z", "M", "A"),
			reconcile.LinkerPlan{Add: []string{"Z", "A"}, Remove: []string{}, Keep: 1},
		},
		"removals are sorted": {
			[]string{"Z", "M", "A"},
			pruned("M"),
			reconcile.LinkerPlan{Add: []string{}, Remove: []string{"A", "Z"}, Keep: 1},
		},
		"without prune the unlisted stay and are counted": {
			[]string{"Z", "M", "A"},
			linker("M", "N"),
			reconcile.LinkerPlan{Add: []string{"N"}, Remove: []string{}, Keep: 3, Unlisted: 2},
		},
		"case matters": {
			[]string{"proj"},
			pruned("PROJ"),
			reconcile.LinkerPlan{Add: []string{"PROJ"}, Remove: []string{"proj"}},
		},
		"a value listed twice counts once": {
			[]string{"A", "A", "X", "X"},
			pruned("A"),
			reconcile.LinkerPlan{Add: []string{}, Remove: []string{"X"}, Keep: 1},
		},
		"a value that a manifest could not hold can be removed": {
			[]string{"A", "späße & more"},
			pruned("A"),
			reconcile.LinkerPlan{Add: []string{}, Remove: []string{"späße & more"}, Keep: 1},
		},
		"most of many values need a yes": {
			numbered("P", 20), pruned(numbered("P", 9)...),
			reconcile.LinkerPlan{Add: []string{}, Remove: slices.Sorted(slices.Values(numbered("P", 20)[9:])), Keep: 9, NeedsYes: true},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, test.actual...)
			test.desired.Position = manifest.Position{Line: 7, Column: 3}
			test.want.Linker, test.want.Position = "jira", manifest.Position{Line: 7, Column: 3}
			got, err := reconcile.PlanLinker(t.Context(), server, test.desired)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreUnexported(reconcile.LinkerPlan{})); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if changed := len(got.Add)+len(got.Remove) > 0; got.Changed() != changed {
				t.Errorf("Changed is %v", got.Changed())
			}
			if writes := server.writes(); len(writes) > 0 {
				t.Errorf("planning wrote: %v", writes)
			}
		})
	}
}

// TestPlanCountsAShiftedPageOnce: the same id twice is one value that moved to
// the next page while it was read.
// TestPlanRefusesALinkerThatCouldNotBeReadAgain: values of others count as well, and with
// prune the same list is fine.
func TestPlanRefusesALinkerThatCouldNotBeReadAgain(t *testing.T) {
	t.Parallel()
	listed := make([]string, manifest.MaxValues)
	for i := range listed {
		listed[i] = fmt.Sprintf("V%d", i)
	}
	server := newFake(t, "X", "Y")
	_, err := reconcile.PlanLinker(t.Context(), server, linker(listed...))
	if !errors.Is(err, reconcile.ErrTooManyValues) || !strings.Contains(err.Error(), "would have 100002 values") {
		t.Errorf("got %v", err)
	}
	if plan, err := reconcile.PlanLinker(t.Context(), server, pruned(listed...)); err != nil || len(plan.Remove) != 2 {
		t.Errorf("with prune: %v, %v", plan.Remove, err)
	}
}

func TestPlanCountsAShiftedPageOnce(t *testing.T) {
	t.Parallel()
	server := newFake(t, "X")
	server.rows = append(server.rows, server.rows[0])
	if _, err := reconcile.ApplyLinker(t.Context(), server, pruned(), awake(nil)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(calls("delete", 1), server.writes()); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestPlanLinkerErrors(t *testing.T) {
	t.Parallel()
	t.Run("an unknown linker is named, with what to do", func(t *testing.T) {
		t.Parallel()
		_, err := reconcile.PlanLinker(t.Context(), newFake(t), manifest.Linker{Key: "nope"})
		if !errors.Is(err, bitbucket.ErrNotFound) || !strings.Contains(err.Error(), `linker "nope": the app's descriptor has no linker`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a failing read gives no plan", func(t *testing.T) {
		t.Parallel()
		server := newFake(t, numbered("P", 250)...)
		server.fault = failing(3, broken{errReset, false})
		plan, err := reconcile.PlanLinker(t.Context(), server, pruned("A"))
		want := reconcile.LinkerPlan{Linker: "jira", Add: []string{}, Remove: []string{}, Error: err.Error()}
		if diff := cmp.Diff(want, plan, cmpopts.IgnoreUnexported(plan)); diff != "" || !errors.Is(err, errReset) {
			t.Errorf("got %v and a plan (-want +got):\n%s", err, diff)
		}
		if strings.Contains(err.Error(), "descriptor") {
			t.Errorf("%v blames the manifest", err)
		}
		if _, err := reconcile.ApplyPlan(t.Context(), server, plan, awake(nil)); err == nil || len(server.calls) != 3 {
			t.Errorf("applying it gives %v after %v", err, server.calls)
		}
	})
	t.Run("a value without text is never taken for one to delete", func(t *testing.T) {
		t.Parallel()
		server := newFake(t, "A", "")
		_, err := reconcile.ApplyLinker(t.Context(), server, pruned("A"), awake(nil))
		if err == nil || len(server.writes()) > 0 {
			t.Errorf("got %v after %v", err, server.writes())
		}
	})
}

func TestBadValuesAreRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	desired := manifest.Linker{
		Key: "jira", Position: manifest.Position{Line: 4, Column: 5},
		Values: []string{"OK", "", "a b", "PROJ\n", "ümlaut", "OK", "_-9", "x/y", strings.Repeat("ä", 61), strings.Repeat("ö", 60), "OK"},
	}
	server := newFake(t)
	result, err := reconcile.ApplyLinker(t.Context(), server, desired, awake(nil))
	var bad *reconcile.ValuesError
	if !errors.As(err, &bad) {
		t.Fatalf("got %v, want ValuesError", err)
	}
	const character = "has a character other than letters, digits, _ and -"
	want := &reconcile.ValuesError{Linker: "jira", Position: desired.Position, Total: 11, Problems: []reconcile.ValueProblem{
		{Index: 1, Value: "", Reason: "is empty"},
		{Index: 2, Value: "a b", Reason: character},
		{Index: 3, Value: "PROJ\n", Reason: character},
		{Index: 4, Value: "ümlaut", Reason: character},
		{Index: 5, Value: "OK", Reason: "repeats value 1"},
		{Index: 7, Value: "x/y", Reason: character},
		{Index: 8, Value: strings.Repeat("ä", 61), Reason: character},
		{Index: 9, Value: strings.Repeat("ö", 60), Reason: character},
		{Index: 10, Value: "OK", Reason: "repeats value 1"},
	}}
	if diff := cmp.Diff(want, bad); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	text := `check values of linker "jira": 9 of 11 can't be used: value 2, "", is empty; value 3, "a b", ` + character +
		`; value 4, "PROJ\n", ` + character + `; value 5, "ümlaut", ` + character + `; value 6, "OK", repeats value 1; value 8, "x/y", ` + character +
		`; value 9, "` + strings.Repeat("ä", 60) + `"…, ` + character + `; value 10, "` + strings.Repeat("ö", 60) + `", ` + character +
		`; value 11, "OK", repeats value 1; correct them, nothing was called`
	if diff := cmp.Diff(text, err.Error()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if len(server.calls) > 0 || result.Error == "" {
		t.Errorf("calls %v, result %+v", server.calls, result)
	}
}

// TestValuesAreThoseOfTheRegexp ties the spelled-out check to its source.
func TestValuesAreThoseOfTheRegexp(t *testing.T) {
	t.Parallel()
	sendable := regexp.MustCompile(`^[\w\-]+$`)
	for c := range rune(300) {
		value := "a" + string(c)
		_, err := reconcile.PlanLinker(t.Context(), newFake(t), linker(value))
		if accepted := err == nil; accepted != sendable.MatchString(value) {
			t.Errorf("%q: accepted is %v", value, accepted)
		}
	}
}

func TestPruneGuard(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		have, want int
		guarded    bool
	}{
		"ten of ten":         {10, 0, false},
		"eleven of eleven":   {11, 0, true},
		"eleven of 22":       {22, 11, false},
		"twelve of 23":       {23, 11, true},
		"half of 1,000":      {1000, 500, false},
		"501 of 1,000":       {1000, 499, true},
		"nothing of 1,000":   {1000, 1000, false},
		"the whole thousand": {1000, 0, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := numbered("P", test.have)
			server := newFake(t, all...)
			_, err := reconcile.ApplyLinker(t.Context(), server, pruned(all[:test.want]...), awake(nil))
			var guard *reconcile.PruneGuardError
			if errors.As(err, &guard) != test.guarded || err != nil && guard == nil {
				t.Fatalf("got %v", err)
			}
			if !test.guarded {
				return
			}
			if want := (reconcile.PruneGuardError{Linker: "jira", Remove: test.have - test.want, Have: test.have}); *guard != want {
				t.Errorf("got %+v, want %+v", *guard, want)
			}
			if len(server.writes()) > 0 {
				t.Errorf("it wrote first: %v", server.writes())
			}
			options := awake(nil)
			options.AllowPrune = true
			if _, err := reconcile.ApplyLinker(t.Context(), server, pruned(all[:test.want]...), options); err != nil {
				t.Errorf("with a yes: %v", err)
			}
			if len(server.rows) != test.want {
				t.Errorf("with a yes %d values are left", len(server.rows))
			}
		})
	}
}

// TestPruneGuardBetweenRounds: what was allowed stays allowed when the share
// grows on the way; what nobody was shown is guarded anew.
func TestPruneGuardBetweenRounds(t *testing.T) {
	t.Parallel()
	t.Run("the allowed ones", func(t *testing.T) {
		t.Parallel()
		stay, gone := numbered("S", 20), numbered("G", 20)
		server := newFake(t, slices.Concat(stay, gone)...)
		server.fault = failing(2, broken{bitbucket.ErrServer, false})
		server.before = on(2, func() { server.rows = server.rows[20:] }) // the PUT dies with only the wrong ones left
		if _, err := reconcile.ApplyLinker(t.Context(), server, pruned(stay...), awake(nil)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(stay)), server.values()); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
	})
	t.Run("the others", func(t *testing.T) {
		t.Parallel()
		server := newFake(t, "A")
		server.before = on(3, func() { server.insert(numbered("X", 50)...) })
		_, err := reconcile.ApplyLinker(t.Context(), server, pruned("A", "B"), awake(nil))
		var guard *reconcile.PruneGuardError
		if !errors.As(err, &guard) || guard.Remove != 50 || guard.Have != 52 {
			t.Errorf("got %v, want 50 of 52 guarded", err)
		}
	})
}

func TestExportLinker(t *testing.T) {
	t.Parallel()
	server := newFake(t, "B", "A", "B", "not a value")
	got, err := reconcile.ExportLinker(t.Context(), server, "jira")
	want := manifest.Linker{Key: "jira", Values: []string{"A", "B", "not a value"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("export (-want +got):\n%s\n%v", diff, err)
	}
	if _, err := reconcile.ExportLinker(t.Context(), server, "nope"); !errors.Is(err, bitbucket.ErrNotFound) {
		t.Errorf("an unknown linker gives %v", err)
	}
	if _, err := reconcile.ExportLinker(t.Context(), newFake(t, ""), "jira"); err == nil {
		t.Error("a value without text is exported")
	}
	server.rows = server.rows[:2]
	exported, err := reconcile.ExportLinker(t.Context(), server, "jira")
	if err != nil {
		t.Fatal(err)
	}
	if plan, err := reconcile.PlanLinker(t.Context(), server, exported); err != nil || plan.Changed() {
		t.Errorf("what was exported is a change: %+v, %v", plan, err)
	}
}
