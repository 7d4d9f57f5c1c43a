package reconcile_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// maxSingleAdds is the bound in the code.
const maxSingleAdds = 500

// answers makes every call of one kind end with an error.
func answers(op string, err error) func(int, string) *broken {
	return func(_ int, is string) *broken {
		if is == op {
			return &broken{err, false}
		}
		return nil
	}
}

func answer(status int) error {
	return &bitbucket.APIError{Method: http.MethodPut, Path: "/2.0/addon/linkers/jira/values", Status: status}
}

// TestARefusedBulkUpdateIsReplacedByAFewWritesAtMost: adding thousands one by one
// would use up an hour's calls, in every workspace.
func TestARefusedBulkUpdateIsReplacedByAFewWritesAtMost(t *testing.T) {
	t.Parallel()
	many := numbered("P", 10_000)
	for _, refusal := range []error{answer(400), answer(405), answer(409), answer(413), answer(415), answer(422)} {
		for name, test := range map[string]struct {
			actual  []string
			desired manifest.Linker
			writes  []string
			ok      bool
		}{
			"as many as a fallback may add":   {nil, linker(many[:maxSingleAdds]...), calls("put", 1, "post", maxSingleAdds), true},
			"one more than that":              {nil, linker(many[:maxSingleAdds+1]...), calls("put", 1), false},
			"a first push":                    {nil, pruned(many...), calls("put", 1), false},
			"a large linker with little new":  {many[20:], pruned(many...), calls("put", 1, "post", 20), true},
			"many removed, which has to wait": {append(numbered("OLD", 20), many[:5000]...), pruned(many...), calls("put", 1), false},
			"many removed, nothing added":     {many[:1000], pruned(many[:900]...), calls("put", 1, "delete", 100), true},
		} {
			t.Run(fmt.Sprintf("%s, after %v", name, refusal), func(t *testing.T) {
				t.Parallel()
				server := newFake(t, test.actual...)
				server.fault = answers("put", refusal)
				before := server.values()
				result, err := reconcile.ApplyLinker(t.Context(), server, test.desired, awake(nil))
				if diff := cmp.Diff(test.writes, server.writes()); diff != "" {
					t.Errorf("writes (-want +got):\n%s", diff)
				}
				if test.ok {
					if err != nil || !result.Verified {
						t.Errorf("result %+v, error %v", result, err)
					}
					return
				}
				if !is[*reconcile.BulkRefusedError](err) || !errors.Is(err, refusal) {
					t.Errorf("got %v, want BulkRefusedError with its cause", err)
				}
				if diff := cmp.Diff(before, server.values()); diff != "" {
					t.Errorf("values (-before +after):\n%s", diff)
				}
			})
		}
	}
}

func TestBulkRefusedErrorSaysWhatToDo(t *testing.T) {
	t.Parallel()
	server := newFake(t, "P0")
	server.fault = answers("put", answer(http.StatusRequestEntityTooLarge))
	_, err := reconcile.ApplyLinker(t.Context(), server, linker(numbered("P", 2000)...), awake(nil))
	want := `update linker "jira": Bitbucket refused the bulk update of 2000 values, and to add the 1999 that are missing one by one is too many calls (at most 500), so none was tried; ` +
		"if the list is too long, split it over several linkers, otherwise pin the shape of the bodies: " +
		"PUT /2.0/addon/linkers/jira/values: 413 Request Entity Too Large"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestABulkUpdateWithoutVerdictIsLeftForLater, when it would take too many single
// calls: an outage is no reason to make thousands of them.
func TestABulkUpdateWithoutVerdictIsLeftForLater(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set   func(f *fakeBitbucket)
		cause error
	}{
		"it fails":            {func(f *fakeBitbucket) { f.fault = answers("put", answer(555)) }, bitbucket.ErrTimeout},
		"it has no effect":    {func(f *fakeBitbucket) { f.put = putDoes204 }, nil},
		"connections are cut": {func(f *fakeBitbucket) { f.fault = answers("put", errReset) }, errReset},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t)
			test.set(server)
			_, err := reconcile.ApplyLinker(t.Context(), server, linker(numbered("P", maxSingleAdds+1)...), awake(nil))
			var left *reconcile.NotConvergedError
			if !errors.As(err, &left) || left.Permanent() || left.Rounds != 2 || test.cause != nil && !errors.Is(err, test.cause) {
				t.Errorf("got %v, want NotConvergedError that another run may heal", err)
			}
			if diff := cmp.Diff(calls("put", 2), server.writes()); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestA4xxAboutTheMomentIsNoVerdict: one of them is made up for by the next round,
// and when they don't end another run may heal it.
func TestA4xxAboutTheMomentIsNoVerdict(t *testing.T) {
	t.Parallel()
	many := numbered("P", maxSingleAdds+1)
	for op, test := range map[string]struct {
		actual    []string
		desired   manifest.Linker
		once      []string
		forGood   []string
		remaining int
	}{
		"put":    {nil, linker(many...), calls("put", 2), calls("put", 2), len(many)},
		"post":   {nil, linker("A", "B"), calls("post", 3), calls("post", 2*6), 2},
		"delete": {[]string{"A", "X"}, pruned("A"), calls("delete", 2), calls("delete", 6), 1},
	} {
		for _, status := range []int{408, 421, 423, 425} {
			t.Run(fmt.Sprintf("%s answers %d", op, status), func(t *testing.T) {
				t.Parallel()
				server := newFake(t, test.actual...)
				server.fault = failing(2, broken{answer(status), false})
				if result, err := reconcile.ApplyLinker(t.Context(), server, test.desired, awake(nil)); err != nil || !result.Verified {
					t.Errorf("once: result %+v, error %v", result, err)
				}
				if diff := cmp.Diff(test.once, server.writes()); diff != "" {
					t.Errorf("once: writes (-want +got):\n%s", diff)
				}
				server = newFake(t, test.actual...)
				server.fault = answers(op, answer(status))
				_, err := reconcile.ApplyLinker(t.Context(), server, test.desired, awake(nil))
				var left *reconcile.NotConvergedError
				if !errors.As(err, &left) || left.Permanent() || len(left.Missing)+len(left.Extra) != test.remaining {
					t.Errorf("for good: got %v, want NotConvergedError that another run may heal", err)
				}
				if diff := cmp.Diff(test.forGood, server.writes()); diff != "" {
					t.Errorf("for good: writes (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestApplyStopsAddingWhenEveryValueIsRefused: then it is not the values, and each
// costs a call for every known shape of the body.
func TestApplyStopsAddingWhenEveryValueIsRefused(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{answer(400), answer(405), answer(413), answer(422)} {
		server := newFake(t, "OLD")
		server.put = putRefuses
		server.fault = answers("post", refusal)
		_, err := reconcile.ApplyLinker(t.Context(), server, pruned(numbered("P", 30)...), awake(nil))
		var left *reconcile.NotConvergedError
		if !errors.As(err, &left) || !left.Permanent() || len(left.Missing) != 30 {
			t.Fatalf("%v: got %v, want a permanent NotConvergedError with 30 missing", refusal, err)
		}
		if got := left.Missing[29].Reason; !strings.Contains(got, "refused all before it") {
			t.Errorf("%v: reason %q", refusal, got)
		}
		if diff := cmp.Diff(calls("put", 1, "post", 10, "delete", 1), server.writes()); diff != "" {
			t.Errorf("%v: writes (-want +got):\n%s", refusal, diff)
		}
	}
}

// TestOneAcceptedValueShowsThatItIsTheOthers, so that all of them are tried.
func TestOneAcceptedValueShowsThatItIsTheOthers(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	server.put = putRefuses
	server.refuses = func(value string) bool { return value != "P3" && value != "P29" }
	_, err := reconcile.ApplyLinker(t.Context(), server, linker(numbered("P", 30)...), awake(nil))
	if !is[*reconcile.NotConvergedError](err) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff([]string{"P29", "P3"}, server.values()); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// TestAValueWithoutIDWaitsForAPutWithVerdict: no other call can remove it, and an
// outage is no reason to say that nothing ever will.
func TestAValueWithoutIDWaitsForAPutWithVerdict(t *testing.T) {
	t.Parallel()
	server := newFake(t, "A", "X")
	server.hideIDs = true
	server.fault = answers("put", bitbucket.ErrServer)
	_, err := reconcile.ApplyLinker(t.Context(), server, pruned("A"), awake(nil))
	var left *reconcile.NotConvergedError
	if !errors.As(err, &left) || left.Permanent() || !errors.Is(err, bitbucket.ErrServer) {
		t.Errorf("got %v, want NotConvergedError that another run may heal", err)
	}
	if diff := cmp.Diff(calls("put", 2), server.writes()); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}
