package reconcile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// TestEnsureLosesARace: somebody else writes between our plan and our write.
func TestEnsureLosesARace(t *testing.T) {
	t.Parallel()
	fp := fingerprint(t, wanted("ci"))
	theirs := func(description string) infisical.Connection {
		return infisical.Connection{Name: "ci", Email: email, Description: description}
	}
	tests := map[string]struct {
		there   []infisical.Connection
		race    func(f *fakeInfisical)
		desired reconcile.DesiredConnection
		calls   []string
		action  reconcile.Action
		check   func(error) bool
	}{
		"they created the same": {
			nil, func(f *fakeInfisical) { f.insert(theirs(mark+fp), "token-1") }, wanted("ci"),
			[]string{"list ", "create ci", "get ci"},
			reconcile.None, nil,
		},
		"they created the same that was to be rewritten": {
			nil, func(f *fakeInfisical) { f.insert(theirs(mark+fp), "token-1") }, wanted("ci", rewriting),
			[]string{"list ", "create ci", "get ci"},
			reconcile.None, nil,
		},
		"they created it with another token": {
			nil, func(f *fakeInfisical) { f.insert(theirs(mark+"000000000000"), "old") }, wanted("ci"),
			[]string{"list ", "create ci", "get ci", "update 1"},
			reconcile.Rotate, nil,
		},
		"they created it by hand": {
			nil, func(f *fakeInfisical) { f.insert(theirs("mine"), "old") }, wanted("ci"),
			[]string{"list ", "create ci", "get ci"},
			reconcile.Adopt, is[*reconcile.UnmanagedError],
		},
		"they deleted it": {
			[]infisical.Connection{theirs("x · " + mark + fp)},
			func(f *fakeInfisical) { f.rows = nil }, wanted("ci", says("y")),
			[]string{"list ", "update 1", "get ci", "create ci"},
			reconcile.Create, nil,
		},
		"the name is another app's": {
			[]infisical.Connection{{Name: "ci", App: "github"}},
			func(*fakeInfisical) {}, wanted("ci"),
			[]string{"list ", "create ci", "get ci"},
			reconcile.Create, is[*infisical.NameTakenError],
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &fakeInfisical{t: t}
			for _, row := range test.there {
				server.insert(row, "old")
			}
			server.before = on(2, func() { test.race(server) })
			results, err := ensure(t, server, test.desired)
			if test.check == nil && err != nil || test.check != nil && !test.check(err) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(test.calls, server.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if results[0].Action != test.action {
				t.Errorf("action %s, want %s", results[0].Action, test.action)
			}
		})
	}
}

func is[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}

// TestEnsureGivesUpAFight: somebody deletes what we update and makes anew what
// we create, faster every time.
func TestEnsureGivesUpAFight(t *testing.T) {
	t.Parallel()
	server := &fakeInfisical{t: t}
	server.before = func(_ int, op string) {
		switch {
		case strings.HasPrefix(op, "create"):
			server.insert(infisical.Connection{Name: "ci", Email: email, Description: mark + "000000000000"}, "theirs")
		case strings.HasPrefix(op, "update"):
			server.rows = nil
		}
	}
	_, err := ensure(t, server, wanted("ci"))
	if !errors.Is(err, infisical.ErrNameTaken) {
		t.Errorf("got %v", err)
	}
	want := []string{"list ", "create ci", "get ci", "update 1", "get ci", "create ci"}
	if diff := cmp.Diff(want, server.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestWritesOfUnknownOutcome are looked up and never repeated.
func TestWritesOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	fp := fingerprint(t, wanted("ci"))
	server500 := &infisical.APIError{Status: 500}
	tests := map[string]struct {
		there   string
		desired reconcile.DesiredConnection
		lost    broken
		calls   []string
		action  reconcile.Action
		fails   bool
	}{
		"a create that worked":          {"", wanted("ci"), broken{errLostAnswer, true}, []string{"create ci", "get ci"}, reconcile.Create, false},
		"a create that didn't":          {"", wanted("ci"), broken{errLostAnswer, false}, []string{"create ci", "get ci"}, reconcile.Create, true},
		"a rotation that worked":        {mark + "000000000000", wanted("ci"), broken{server500, true}, []string{"update 1", "get ci"}, reconcile.Rotate, false},
		"a rotation that didn't":        {mark + "000000000000", wanted("ci"), broken{server500, false}, []string{"update 1", "get ci"}, reconcile.Rotate, true},
		"a rewrite tells nothing":       {mark + fp, wanted("ci", rewriting), broken{server500, true}, []string{"update 1", "get ci"}, reconcile.Rotate, true},
		"a refusal needs no looking up": {"", wanted("ci"), broken{&infisical.APIError{Status: 400}, false}, []string{"create ci"}, reconcile.Create, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &fakeInfisical{t: t, fault: failing(2, test.lost)}
			if test.there != "" {
				server.insert(infisical.Connection{Name: "ci", Email: email, Description: test.there}, "old")
			}
			results, err := ensure(t, server, test.desired)
			if (err != nil) != test.fails || test.fails && !errors.Is(err, test.lost.err) {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(append([]string{"list "}, test.calls...), server.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if results[0].Action != test.action || results[0].Changed() == test.fails {
				t.Errorf("result %+v", results[0])
			}
		})
	}
	lookup := &fakeInfisical{t: t, fault: func(n int, _ string) *broken {
		if n > 1 {
			return &broken{fmt.Errorf("call %d: %w", n, errLostAnswer), false}
		}
		return nil
	}}
	results, err := ensure(t, lookup, wanted("ci"))
	if !is[*reconcile.UnknownOutcomeError](err) || !strings.Contains(err.Error(), "call 2") || results[0].Outcome != reconcile.Unknown {
		t.Errorf("when the look-up fails too, the outcome is unknown: got %v and %+v", err, results)
	}
}
