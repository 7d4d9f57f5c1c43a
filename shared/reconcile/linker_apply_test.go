package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// awake never waits; it hands over how long it was asked to.
func awake(pauses *[]time.Duration) reconcile.Options {
	return reconcile.Options{Sleep: func(_ context.Context, d time.Duration) error {
		if pauses != nil {
			*pauses = append(*pauses, d)
		}
		return nil
	}}
}

func linker(values ...string) manifest.Linker {
	return manifest.Linker{Key: "jira", Values: values}
}

func pruned(values ...string) manifest.Linker {
	return manifest.Linker{Key: "jira", Values: values, Prune: true}
}

// numbered returns P0 to P<n-1>.
func numbered(prefix string, n int) []string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return values
}

func calls(counts ...any) []string {
	var out []string
	for i := 0; i < len(counts); i += 2 {
		out = append(out, slices.Repeat([]string{counts[i].(string)}, counts[i+1].(int))...)
	}
	return out
}

// TestApplyCosts holds every common case to its calls, reads included.
func TestApplyCosts(t *testing.T) {
	t.Parallel()
	thousand := numbered("P", 1000)
	renamed := append([]string{"NEW"}, thousand[1:]...)
	tests := map[string]struct {
		actual  []string
		desired manifest.Linker
		put     putMode
		want    []string
	}{
		"nothing to change costs the pages of one read": {
			thousand, pruned(thousand...), putReplaces, calls("list", 10),
		},
		"unlisted values cost nothing without prune": {
			thousand, linker(thousand[:900]...), putReplaces, calls("list", 10),
		},
		"an empty linker that should be empty costs one read": {
			nil, pruned(), putReplaces, calls("list", 1),
		},
		"a first push of 1,000 is one write": {
			nil, pruned(thousand...), putReplaces, calls("list", 1, "put", 1, "list", 10),
		},
		"a first push is one write when PUT merges, too": {
			nil, linker(thousand...), putMerges, calls("list", 1, "put", 1, "list", 10),
		},
		"one added to 999 is one write": {
			thousand[1:], pruned(thousand...), putReplaces, calls("list", 10, "post", 1, "list", 10),
		},
		"one removed from 1,000 is one write": {
			thousand, pruned(thousand[1:]...), putReplaces, calls("list", 10, "delete", 1, "list", 10),
		},
		"one renamed in 1,000 is one write": {
			thousand, pruned(renamed...), putReplaces, calls("list", 10, "put", 1, "list", 10),
		},
		"one renamed without prune is one write": {
			thousand, linker(renamed...), putReplaces, calls("list", 10, "post", 1, "list", 11),
		},
		"one renamed costs a removal more when PUT merges": {
			thousand, pruned(renamed...), putMerges, calls("list", 10, "put", 1, "list", 11, "delete", 1, "list", 10),
		},
		"ten added are added one by one": {
			thousand[:10], linker(thousand[:20]...), putReplaces, calls("list", 1, "post", 10, "list", 1),
		},
		"eleven added are one write": {
			thousand[:10], linker(thousand[:21]...), putReplaces, calls("list", 1, "put", 1, "list", 1),
		},
		"a PUT that is refused falls back to single writes": {
			nil, linker(thousand[:30]...), putRefuses, calls("list", 1, "put", 1, "post", 30, "list", 1),
		},
		"a PUT that does nothing for ten is tried once": {
			[]string{"X"},
			pruned(thousand[:10]...), putDoes204,
			calls("list", 1, "put", 1, "list", 2, "post", 10, "delete", 1, "list", 1),
		},
		"a PUT that does nothing is tried twice": {
			nil, linker(thousand[:30]...), putDoes204, calls("list", 1, "put", 1, "list", 2, "put", 1, "list", 2, "post", 30, "list", 1),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, test.actual...)
			server.put = test.put
			result, err := reconcile.ApplyLinker(t.Context(), server, test.desired, awake(nil))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, server.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if !result.Verified || result.Writes != len(server.writes()) {
				t.Errorf("result says %d writes, verified %v, after %v", result.Writes, result.Verified, server.writes())
			}
			want := slices.Sorted(slices.Values(test.desired.Values))
			if !test.desired.Prune {
				want = slices.Compact(slices.Sorted(slices.Values(slices.Concat(want, test.actual))))
			}
			if diff := cmp.Diff(want, server.values(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyReportsWhatChanged(t *testing.T) {
	t.Parallel()
	server := newFake(t, "KEEP", "OLD", "ALSO")
	desired := pruned("NEW", "KEEP")
	desired.Position = manifest.Position{Line: 3, Column: 5}
	got, err := reconcile.ApplyLinker(t.Context(), server, desired, awake(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := reconcile.LinkerResult{
		Linker: "jira", Added: []string{"NEW"}, Removed: []string{"ALSO", "OLD"}, Kept: 1,
		Writes: 1, Verified: true, Position: manifest.Position{Line: 3, Column: 5},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	again, err := reconcile.ApplyLinker(t.Context(), server, desired, awake(nil))
	if err != nil || again.Changed() || again.Writes != 0 || again.Kept != 2 {
		t.Errorf("a second apply gives %+v and %v, want nothing done and 2 kept", again, err)
	}
}

func TestApplyPlanDoesNotReadTwice(t *testing.T) {
	t.Parallel()
	server := newFake(t, "A")
	plan, err := reconcile.PlanLinker(t.Context(), server, linker("A", "B"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reconcile.ApplyPlan(t.Context(), server, plan, awake(nil)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(calls("list", 1, "post", 1, "list", 1), server.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	copied := reconcile.LinkerPlan{Linker: plan.Linker, Add: plan.Add}
	if result, err := reconcile.ApplyPlan(t.Context(), server, copied, awake(nil)); err == nil || result.Error == "" {
		t.Errorf("a plan that came out of JSON was applied: %+v", result)
	}
	if len(server.calls) != 3 {
		t.Errorf("applying a copy made calls: %v", server.calls[3:])
	}
}

// TestApplyToleratesAnswers are the situations in which a write's answer is not
// a success and the outcome is fine.
func TestApplyToleratesAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		actual  []string
		desired manifest.Linker
		set     func(f *fakeBitbucket)
		want    []string
		writes  []string
	}{
		"somebody added the value in between: POST says exists": {
			[]string{"A"},
			linker("A", "B"),
			func(f *fakeBitbucket) { f.before = on(2, func() { f.insert("B") }) },
			[]string{"A", "B"},
			calls("post", 1),
		},
		"somebody removed the value in between: DELETE says not found": {
			[]string{"A", "B"},
			pruned("A"),
			func(f *fakeBitbucket) { f.before = on(2, func() { f.rows = f.rows[:1] }) },
			[]string{"A"},
			calls("delete", 1),
		},
		"a POST that worked though its answer was lost": {
			nil, linker("A"),
			func(f *fakeBitbucket) { f.fault = failing(2, broken{errReset, true}) },
			[]string{"A"},
			calls("post", 1),
		},
		"a POST that did not work is repeated after reading": {
			nil, linker("A"),
			func(f *fakeBitbucket) { f.fault = failing(2, broken{errReset, false}) },
			[]string{"A"},
			calls("post", 2),
		},
		"a PUT that timed out after it worked": {
			nil, linker(numbered("P", 50)...),
			func(f *fakeBitbucket) { f.fault = failing(2, broken{bitbucket.ErrTimeout, true}) },
			slices.Sorted(slices.Values(numbered("P", 50))), calls("put", 1),
		},
		"a PUT that failed is repeated once, then values go one by one": {
			nil, linker(numbered("P", 12)...),
			func(f *fakeBitbucket) {
				f.fault = func(_ int, op string) *broken {
					if op == "put" {
						return &broken{bitbucket.ErrServer, false}
					}
					return nil
				}
			},
			slices.Sorted(slices.Values(numbered("P", 12))), calls("put", 2, "post", 12),
		},
		"a PUT that only adds, and says that a value exists": {
			[]string{"P0", "X"},
			pruned(numbered("P", 12)...),
			func(f *fakeBitbucket) {
				f.fault = func(_ int, op string) *broken {
					if op == "put" {
						return &broken{bitbucket.ErrExists, false}
					}
					return nil
				}
			},
			slices.Sorted(slices.Values(numbered("P", 12))), calls("put", 1, "post", 11, "delete", 1),
		},
		"another writer's new value is pruned in the next round": {
			[]string{"A"},
			pruned("A", "B"),
			func(f *fakeBitbucket) { f.before = on(3, func() { f.insert("X") }) },
			[]string{"A", "B"},
			calls("post", 1, "delete", 1),
		},
		"values twice under two ids are both removed": {
			[]string{"A", "X", "X"},
			pruned("A"), func(*fakeBitbucket) {},
			[]string{"A"},
			calls("delete", 2),
		},
		"a wanted value twice under two ids stays": {
			[]string{"A", "A"},
			pruned("A"), func(*fakeBitbucket) {},
			[]string{"A"},
			nil,
		},
		"values without ids are removed by PUT": {
			[]string{"A", "X"},
			pruned("A"), func(f *fakeBitbucket) { f.hideIDs = true },
			[]string{"A"},
			calls("put", 1),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, test.actual...)
			test.set(server)
			if _, err := reconcile.ApplyLinker(t.Context(), server, test.desired, awake(nil)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, server.values(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.writes, server.writes(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestThreeFailuresInARowEndARound early: Bitbucket has a bad moment, which the next
// round may find over. The order of the calls tells.
func TestThreeFailuresInARowEndARound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		there  []string
		want   manifest.Linker
		failed []int // of the writes, from 1
		calls  []string
	}{
		"additions":           {nil, linker(numbered("P", 8)...), []int{1, 2, 3}, calls("list", 1, "post", 3, "list", 2, "post", 8, "list", 1)},
		"removals":            {numbered("P", 8), pruned(), []int{1, 2, 3}, calls("list", 1, "delete", 3, "list", 2, "delete", 8, "list", 1)},
		"additions, no three": {nil, linker(numbered("P", 8)...), []int{1, 2, 4, 5}, calls("list", 1, "post", 8, "list", 1, "post", 4, "list", 1)},
		"removals, no three":  {numbered("P", 8), pruned(), []int{1, 2, 4, 5}, calls("list", 1, "delete", 8, "list", 1, "delete", 4, "list", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, writes := newFake(t, test.there...), 0
			server.fault = func(_ int, op string) *broken {
				if op == "list" {
					return nil
				}
				writes++
				if slices.Contains(test.failed, writes) {
					return &broken{bitbucket.ErrServer, false}
				}
				return nil
			}
			_, err := reconcile.ApplyLinker(t.Context(), server, test.want, awake(nil))
			if diff := cmp.Diff(test.calls, server.calls); diff != "" || err != nil {
				t.Errorf("error %v, calls (-want +got):\n%s", err, diff)
			}
		})
	}
}

// on runs act ahead of the nth call.
func on(n int, act func()) func(int, string) {
	return func(call int, _ string) {
		if call == n {
			act()
		}
	}
}

// failing breaks the nth call.
func failing(n int, how broken) func(int, string) *broken {
	return func(call int, _ string) *broken {
		if call == n {
			return &how
		}
		return nil
	}
}
