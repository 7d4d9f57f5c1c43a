package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// TestApplyEndsAtOnce are the failures that every further call would meet: no
// second write, the sentinel on top, and a result that owns up.
func TestApplyEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, sentinel := range []error{
		bitbucket.ErrRateLimited, bitbucket.ErrEndpointRemoved, bitbucket.ErrUnauthorized,
		bitbucket.ErrWrongAuthType, bitbucket.ErrForbidden, bitbucket.ErrNotFound,
	} {
		t.Run(sentinel.Error(), func(t *testing.T) {
			t.Parallel()
			for name, at := range map[string]struct {
				call    int
				desired manifest.Linker
			}{
				"the read":         {1, linker("A", "B", "X", "Y")},
				"a POST":           {2, linker("A", "B", "X", "Y")},
				"the verification": {4, linker("A", "B", "X", "Y")},
				"a PUT":            {2, pruned("A", "X")},
				"a DELETE":         {2, pruned()},
			} {
				if name == "a DELETE" && errors.Is(sentinel, bitbucket.ErrNotFound) {
					continue // means that the value is gone already
				}
				server := newFake(t, "X", "Y")
				server.fault = failing(at.call, broken{fmt.Errorf("answer: %w", sentinel), false})
				result, err := reconcile.ApplyLinker(t.Context(), server, at.desired, awake(nil))
				if !errors.Is(err, sentinel) {
					t.Fatalf("%s fails with %v: got %v", name, sentinel, err)
				}
				if len(server.calls) != at.call {
					t.Errorf("%s fails with %v: went on with %v", name, sentinel, server.calls[at.call:])
				}
				if result.Error != err.Error() || result.Verified || result.Linker != "jira" || result.Added == nil {
					t.Errorf("%s: result %+v, want the error and nothing verified", name, result)
				}
			}
		})
	}
}

// An apply that is interrupted writes nothing more, and reads what it came to.
func TestApplyStopsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		wanted []string
		lists  int
		whole  bool
	}{
		"in the middle":        {[]string{"A", "B", "C", "D"}, 1, false},
		"after the last write": {[]string{"A", "B"}, 2, true},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		server := newFake(t)
		server.fault = func(n int, _ string) *broken {
			if n == 3 { // it still works, and is the last write
				cancel()
			}
			return nil
		}
		result, err := reconcile.ApplyLinker(ctx, server, linker(test.wanted...), awake(nil))
		if (err == nil) != test.whole || !test.whole && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", name, err)
		}
		if diff := cmp.Diff(calls("list", 1, "post", 2, "list", test.lists), server.calls); diff != "" {
			t.Errorf("%s: calls (-want +got):\n%s", name, diff)
		}
		if !result.Verified || result.Writes != 2 || len(result.Added) != 2 {
			t.Errorf("%s: result %+v, want 2 writes that were read back", name, result)
		}
	}
}

func TestApplyPausesOnlyWhenNothingMoves(t *testing.T) {
	t.Parallel()
	var pauses []time.Duration
	server := newFake(t)
	server.fault = func(_ int, op string) *broken {
		if op == "post" {
			return &broken{bitbucket.ErrServer, false}
		}
		return nil
	}
	_, err := reconcile.ApplyLinker(t.Context(), server, linker("A"), awake(&pauses))
	var left *reconcile.NotConvergedError
	if !errors.As(err, &left) || !errors.Is(err, bitbucket.ErrServer) {
		t.Fatalf("got %v, want NotConvergedError with its cause", err)
	}
	want := []time.Duration{
		250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second,
	}
	if diff := cmp.Diff(want, pauses); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	options := reconcile.Options{Sleep: func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }}
	if _, err := reconcile.ApplyLinker(ctx, server, linker("A"), options); !errors.Is(err, context.Canceled) {
		t.Errorf("a pause that is interrupted gives %v", err)
	}
}

// TestApplyWaitsOutALaggingRead: the write is there, the list doesn't show it yet.
func TestApplyWaitsOutALaggingRead(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	var fresh []bitbucket.LinkerValue
	server.before = func(n int, _ string) {
		switch n {
		case 3: // the verification reads a replica that lags
			fresh, server.rows = server.rows, nil
		case 4:
			server.rows = fresh
		}
	}
	if _, err := reconcile.ApplyLinker(t.Context(), server, linker(numbered("P", 40)...), awake(nil)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(calls("put", 1), server.writes()); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

// TestApplyLooksOnceMoreAtAnIncompleteList: right after a write its size may be ahead
// of its items. It is never taken for the whole list, and not waited for without end.
func TestApplyLooksOnceMoreAtAnIncompleteList(t *testing.T) {
	t.Parallel()
	incomplete := fmt.Errorf("GET: %w: 1 of 2 items", bitbucket.ErrIncomplete)
	for name, test := range map[string]struct {
		broken []int
		calls  []string
		pauses []time.Duration
		ok     bool
	}{
		"before the write":     {[]int{1}, calls("list", 1), nil, false},
		"once after it":        {[]int{3}, calls("list", 1, "post", 1, "list", 2), []time.Duration{250 * time.Millisecond}, true},
		"after the pause, too": {[]int{3, 4}, calls("list", 1, "post", 1, "list", 2), []time.Duration{250 * time.Millisecond}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pauses []time.Duration
			server := newFake(t, "A")
			server.fault = func(n int, _ string) *broken {
				if slices.Contains(test.broken, n) {
					return &broken{incomplete, false}
				}
				return nil
			}
			result, err := reconcile.ApplyLinker(t.Context(), server, linker("A", "B"), awake(&pauses))
			if test.ok != (err == nil) || result.Verified != test.ok || !test.ok && !errors.Is(err, bitbucket.ErrIncomplete) {
				t.Errorf("result %+v, error %v", result, err)
			}
			if diff := cmp.Diff(test.calls, server.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.pauses, pauses); diff != "" {
				t.Errorf("pauses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyWithoutSleepWaitsOnATimer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := newFake(t)
	server.fault = func(n int, op string) *broken {
		if n == 3 {
			cancel() // ahead of the pause, which therefore ends at once
		}
		if op == "post" {
			return &broken{bitbucket.ErrServer, false}
		}
		return nil
	}
	if _, err := reconcile.ApplyLinker(ctx, server, linker("A"), reconcile.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
