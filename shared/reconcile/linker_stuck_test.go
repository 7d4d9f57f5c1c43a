package reconcile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

const (
	hasItAs  = `Bitbucket has it as "PROJ" and takes both for the same, write it like that in the manifest`
	takesFor = `Bitbucket takes it for "Proj", which has to stay`
	noID     = "Bitbucket lists it without an id, and its bulk update didn't remove it"
	refused  = "Bitbucket refused it: post: " // and the client's text
)

// TestApplyNamesWhatIsLeft are the states that no call can mend. None may loop,
// and none may cost a value that is wanted.
func TestApplyNamesWhatIsLeft(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		actual  []string
		desired manifest.Linker
		set     func(f *fakeBitbucket)
		missing []reconcile.Left
		extra   []reconcile.Left
		values  []string
		writes  []string
	}{
		"a value listed in another case, compared without case": {
			[]string{"PROJ"},
			linker("Proj"),
			func(f *fakeBitbucket) { f.casing = caseFolds },
			[]reconcile.Left{{Value: "Proj", Reason: hasItAs}},
			nil,
			[]string{"PROJ"},
			calls("post", 1),
		},
		"the same with prune, where PUT merges": {
			[]string{"PROJ"},
			pruned("Proj"),
			func(f *fakeBitbucket) { f.casing, f.put = caseFolds, putMerges },
			[]reconcile.Left{{Value: "Proj", Reason: hasItAs}},
			[]reconcile.Left{{Value: "PROJ", Reason: takesFor}},
			[]string{"PROJ"},
			calls("put", 1, "post", 1),
		},
		"the same with prune, where PUT is refused": {
			[]string{"PROJ", "ZOLD"},
			pruned("Proj"),
			func(f *fakeBitbucket) { f.casing, f.put = caseFolds, putRefuses },
			[]reconcile.Left{{Value: "Proj", Reason: hasItAs}},
			[]reconcile.Left{{Value: "PROJ", Reason: takesFor}},
			[]string{"PROJ"},
			calls("put", 1, "post", 1, "delete", 1),
		},
		"values that are stored in lower case": {
			nil, pruned("PROJ"),
			func(f *fakeBitbucket) { f.casing = caseLowers },
			[]reconcile.Left{{Value: "PROJ", Reason: strings.ReplaceAll(hasItAs, "PROJ", "proj")}},
			[]reconcile.Left{{Value: "proj", Reason: strings.ReplaceAll(takesFor, "Proj", "PROJ")}},
			[]string{"proj"},
			calls("post", 1, "put", 1, "post", 1),
		},
		"one answer is enough to tell for all": {
			[]string{"ONE", "TWO", "SIX"},
			linker("One", "Two", "Six", "New"),
			func(f *fakeBitbucket) { f.casing = caseFolds },
			[]reconcile.Left{
				{Value: "One", Reason: strings.ReplaceAll(hasItAs, "PROJ", "ONE")},
				{Value: "Two", Reason: strings.ReplaceAll(hasItAs, "PROJ", "TWO")},
				{Value: "Six", Reason: strings.ReplaceAll(hasItAs, "PROJ", "SIX")},
			},
			nil,
			[]string{"New", "ONE", "SIX", "TWO"},
			calls("post", 2),
		},
		"a value that Bitbucket refuses": {
			[]string{"A"},
			linker("A", "B", "C"),
			func(f *fakeBitbucket) { f.refuses = func(v string) bool { return v == "B" } },
			[]reconcile.Left{{Value: "B", Reason: refused + bitbucket.ErrInvalid.Error()}},
			nil,
			[]string{"A", "C"},
			calls("post", 2),
		},
		"a value without an id, where PUT merges": {
			[]string{"A", "X"},
			pruned("A"),
			func(f *fakeBitbucket) { f.put, f.hideIDs = putMerges, true },
			nil,
			[]reconcile.Left{{Value: "X", Reason: noID}},
			[]string{"A", "X"},
			calls("put", 1),
		},
		"a value that is there, says POST, and never listed": {
			nil, linker("A"),
			func(f *fakeBitbucket) {
				f.fault = func(_ int, op string) *broken {
					if op == "post" {
						return &broken{bitbucket.ErrExists, false}
					}
					return nil
				}
			},
			[]reconcile.Left{{Value: "A", Reason: "Bitbucket says that it exists, and doesn't list it"}},
			nil,
			nil, calls("post", 2),
		},
		"two wanted values that Bitbucket takes for one": {
			[]string{"OPS"},
			linker("OPS", "ops"),
			func(f *fakeBitbucket) { f.casing = caseFolds },
			[]reconcile.Left{{Value: "ops", Reason: `Bitbucket takes it for "OPS", which is wanted, too: drop one of them`}},
			nil,
			[]string{"OPS"},
			calls("post", 1),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, test.actual...)
			test.set(server)
			_, err := reconcile.ApplyLinker(t.Context(), server, test.desired, awake(nil))
			var left *reconcile.NotConvergedError
			if !errors.As(err, &left) {
				t.Fatalf("got %v, want NotConvergedError", err)
			}
			if !left.Permanent() || strings.Contains(err.Error(), "running it again") {
				t.Errorf("it sounds as if a second run would help: %v", err)
			}
			if diff := cmp.Diff(test.missing, left.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.extra, left.Extra); diff != "" {
				t.Errorf("extra (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.values, server.values(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.writes, server.writes()); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestApplyChangesTheCaseOfAValue where Bitbucket lets it.
func TestApplyChangesTheCaseOfAValue(t *testing.T) {
	t.Parallel()
	tests := map[string]func(f *fakeBitbucket){
		"compared with case, PUT replaces":    func(*fakeBitbucket) {},
		"compared with case, PUT merges":      func(f *fakeBitbucket) { f.put = putMerges },
		"compared with case, PUT is refused":  func(f *fakeBitbucket) { f.put = putRefuses },
		"compared without case, PUT replaces": func(f *fakeBitbucket) { f.casing = caseFolds },
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, "PROJ", "OPS")
			set(server)
			if _, err := reconcile.ApplyLinker(t.Context(), server, pruned("Proj", "OPS"), awake(nil)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"OPS", "Proj"}, server.values()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

// TestApplyBringsBackWhatAPutLost: PUT replaces, and dies after it emptied the
// linker. Values that are only kept must come back, too.
func TestApplyBringsBackWhatAPutLost(t *testing.T) {
	t.Parallel()
	server := newFake(t, "HAND-MADE")
	server.before = func(_ int, op string) {
		if op == "put" && len(server.writes()) == 1 {
			server.rows = nil
		}
	}
	server.fault = func(_ int, op string) *broken {
		if op == "put" && len(server.writes()) == 1 {
			return &broken{bitbucket.ErrTimeout, false}
		}
		return nil
	}
	result, err := reconcile.ApplyLinker(t.Context(), server, linker(numbered("P", 20)...), awake(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := server.values(); len(got) != 21 || got[0] != "HAND-MADE" {
		t.Errorf("values %v, want the 20 and the one that was there", got)
	}
	if len(result.Added) != 20 || result.Kept != 1 {
		t.Errorf("result %+v, want 20 added and 1 kept", result)
	}
}

// TestApplyRemovesNoTwinOfAMissingValue: the POST fails, so nobody knows yet
// whether the value listed in another case is the same.
func TestApplyRemovesNoTwinOfAMissingValue(t *testing.T) {
	t.Parallel()
	server := newFake(t, "PROJ", "ZOLD")
	server.put = putRefuses
	server.fault = failing(3, broken{bitbucket.ErrServer, false}) // after the list and the PUT
	if _, err := reconcile.ApplyLinker(t.Context(), server, pruned("Proj"), awake(nil)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(calls("list", 1, "put", 1, "post", 1, "delete", 1, "list", 1, "post", 1, "delete", 1, "list", 1), server.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestApplyWastesNoRoundOnTwins: one answer tells for all of them, and what comes
// after them is added in the same round.
func TestApplyWastesNoRoundOnTwins(t *testing.T) {
	t.Parallel()
	server := newFake(t, "ONE", "TWO")
	server.casing = caseFolds
	_, err := reconcile.ApplyLinker(t.Context(), server, linker("One", "Two", "New"), awake(nil))
	want := `reconcile linker "jira": not as wanted after 1 round, 2 missing: "One" (` + strings.ReplaceAll(hasItAs, "PROJ", "ONE") +
		`), "Two" (` + strings.ReplaceAll(hasItAs, "PROJ", "TWO") + `)`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNotConvergedErrorIsShort(t *testing.T) {
	t.Parallel()
	err := &reconcile.NotConvergedError{Linker: "jira", Rounds: 6, Cause: errReset}
	for _, value := range numbered("P", 25) {
		err.Missing = append(err.Missing, reconcile.Left{Value: value})
	}
	err.Extra = []reconcile.Left{{Value: "A\x1b[2J", Reason: "why"}}
	want := `reconcile linker "jira": not as wanted after 6 rounds, 25 missing: "P0", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9" and 15 more; ` +
		`1 not removed: "A\x1b[2J" (why); last failure: read tcp 127.0.0.1: connection reset by peer; running it again continues from here`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if !errors.Is(err, errReset) {
		t.Error("errors.Is does not see the cause")
	}
	err.Missing = nil
	if text := err.Error(); !strings.Contains(text, "after 6 rounds, 1 not removed") {
		t.Errorf("nothing is missing: %s", text)
	}
	err.Missing = slices.Repeat(err.Extra, reconcile.MaxShown)
	if strings.Contains(err.Error(), "more") {
		t.Errorf("nothing was left out: %v", err)
	}
}

// TestNotConvergedKeepsTheLastFailure, a refused PUT's too.
func TestNotConvergedKeepsTheLastFailure(t *testing.T) {
	t.Parallel()
	server := newFake(t, "A", "X")
	server.put, server.hideIDs = putRefuses, true
	_, err := reconcile.ApplyLinker(t.Context(), server, pruned("A"), awake(nil))
	if !is[*reconcile.NotConvergedError](err) || !errors.Is(err, bitbucket.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
