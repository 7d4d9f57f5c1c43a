package apply_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/removal"
)

// bench is a Bitbucket that holds the same values for everybody.
type bench struct {
	reconcile.LinkerValues
	values []string
	// fail answers a read, by installation and linker.
	fail  func(clientKey, linker string) error
	reads atomic.Int64

	mu           sync.Mutex
	busy, widest int
	// pause is how long a read takes.
	pause time.Duration
}

func (b *bench) connect(in installation.Installation) reconcile.LinkerValues {
	return &workspace{bench: b, clientKey: in.ClientKey, added: map[string][]string{}}
}

type workspace struct {
	*bench
	clientKey string
	added     map[string][]string
}

func (w *workspace) LinkerValues(_ context.Context, linker string) iter.Seq2[bitbucket.LinkerValue, error] {
	return func(yield func(bitbucket.LinkerValue, error) bool) {
		w.reads.Add(1)
		w.occupy(1)
		defer w.occupy(-1)
		time.Sleep(w.pause)
		if w.fail != nil {
			if err := w.fail(w.clientKey, linker); err != nil {
				yield(bitbucket.LinkerValue{}, err)
				return
			}
		}
		for i, value := range slices.Concat(w.values, w.added[linker]) {
			if !yield(bitbucket.LinkerValue{ID: int64(i + 1), Value: value}, nil) {
				return
			}
		}
	}
}

func (b *bench) occupy(by int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy += by
	b.widest = max(b.widest, b.busy)
}

func (w *workspace) CreateLinkerValue(_ context.Context, linker, value string) (bitbucket.LinkerValue, error) {
	w.added[linker] = append(w.added[linker], value)
	return bitbucket.LinkerValue{ID: 1000, Value: value}, nil
}

// installations makes n of them while they are listed, and counts how far that went.
func installations(n int, listed *int) iter.Seq2[installation.Installation, error] {
	return func(yield func(installation.Installation, error) bool) {
		for i := range n {
			if listed != nil {
				*listed = i + 1
			}
			in := installation.Installation{ClientKey: fmt.Sprintf("connection:%d", i), Principal: installation.Principal{UUID: connect.WorkspaceUUID(fmt.Sprintf("{%d}", i))}}
			if !yield(in, nil) {
				return
			}
		}
	}
}

func linkers(keys ...string) []manifest.Linker {
	list := make([]manifest.Linker, len(keys))
	for i, key := range keys {
		list[i] = manifest.Linker{Key: key, Values: []string{"A", "B"}, Position: manifest.Position{Line: i + 1, Column: 1}}
	}
	return list
}

// collect runs a pass to its end.
func collect(parts iter.Seq2[apply.Part, error]) (all []apply.Part, total reconcile.Summary, err error) {
	for part, failed := range parts {
		if failed != nil {
			return all, total, failed
		}
		all = append(all, part)
		total = total.Plus(part.Summary())
	}
	return all, total, nil
}

func TestApplyAndPlan(t *testing.T) {
	t.Parallel()
	for _, writes := range []bool{false, true} {
		api := &bench{values: []string{"A"}}
		parts, total, err := collect(apply.Linkers(t.Context(), installations(3, nil), api.connect, linkers("x", "y"), apply.Options{Apply: writes, Parallel: 2}))
		if err != nil || len(parts) != 3 {
			t.Fatal(len(parts), err)
		}
		want := reconcile.Summary{Changed: true, Linkers: reconcile.LinkerCounts{Changed: 6, Added: 6, Kept: 6}}
		if diff := cmp.Diff(want, total); diff != "" {
			t.Error(writes, diff)
		}
		for _, part := range parts {
			if part.Applied != writes || (len(part.Result.Linkers) == 2) != writes || len(part.Plan.Linkers) != 2 {
				t.Errorf("%v: %+v", writes, part)
			}
		}
	}
}

// One linker's failure keeps neither the next linker nor the next installation from
// being done, and is never mistaken for nothing to do.
func TestPartialFailure(t *testing.T) {
	t.Parallel()
	for _, writes := range []bool{false, true} {
		api := &bench{fail: func(clientKey, linker string) error {
			if clientKey == "connection:1" && linker == "x" {
				return bitbucket.ErrForbidden
			}
			return nil
		}}
		parts, total, err := collect(apply.Linkers(t.Context(), installations(3, nil), api.connect, linkers("x", "y"), apply.Options{Apply: writes}))
		if err != nil || total.Failed != 1 || total.Linkers.Changed != 5 {
			t.Fatal(total, err)
		}
		failed := parts[1]
		if len(failed.Failures) != 1 || failed.Failures[0].Subject != "linker x" || failed.Failures[0].Position.Line != 1 || !errors.Is(failed.Failures[0].Err, bitbucket.ErrForbidden) {
			t.Errorf("%+v", failed.Failures)
		}
		var text strings.Builder
		if err := failed.Plan.WriteText(&text, reconcile.Style{}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "linker      x") || !strings.Contains(text.String(), "linker      y") {
			t.Errorf("what failed is said by its error alone:\n%s", &text)
		}
		if writes && failed.Result.Linkers[0].Error == "" {
			t.Errorf("%+v", failed.Result)
		}
	}
}

func TestUnreadableInstallationIsAPart(t *testing.T) {
	t.Parallel()
	damaged := func(yield func(installation.Installation, error) bool) {
		_ = yield(installation.Installation{ClientKey: "damaged"}, installation.ErrDamaged) && yield(installation.Installation{ClientKey: "fine"}, nil)
	}
	parts, total, err := collect(apply.Linkers(t.Context(), damaged, (&bench{}).connect, linkers("x"), apply.Options{}))
	if err != nil || len(parts) != 2 || total.Failed != 1 {
		t.Fatal(parts, err)
	}
	if got := parts[0].Failures[0]; got.Subject != "installation" || parts[0].Where() != "damaged" || !errors.Is(got.Err, installation.ErrDamaged) {
		t.Errorf("%+v", got)
	}
}

func TestListThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("page 2 is gone")
	list := func(yield func(installation.Installation, error) bool) {
		_ = yield(installation.Installation{ClientKey: "first"}, nil) && yield(installation.Installation{}, broken) && yield(installation.Installation{ClientKey: "never"}, nil)
	}
	parts, _, err := collect(apply.Linkers(t.Context(), list, (&bench{}).connect, linkers("x"), apply.Options{}))
	if len(parts) != 1 || !errors.Is(err, broken) {
		t.Error(parts, err)
	}
}

// When Bitbucket has removed the endpoints, asking for the other thousands would only
// hammer it. One answer doesn't prove that: a probe decides, once in a run. After
// an answer that is about one workspace, the others are still updated.
func TestRemovedEndpoint(t *testing.T) {
	t.Parallel()
	values := bitbucket.LinkersPath + "/x/values"
	gone := &bitbucket.APIError{Method: "GET", Path: values, Status: http.StatusGone, Message: "CHANGE-2770"}
	for name, test := range map[string]struct {
		answer  error
		verdict removal.Verdict
		stops   bool
		probes  int
	}{
		"announced, and gone for all":        {gone, removal.Gone, true, 1},
		"announced, and no verdict":          {gone, removal.Unknown, true, 1},
		"announced, and there again":         {gone, removal.Present, false, 1},
		"no API hosted, and gone for all":    {&bitbucket.APIError{Path: values, Status: 404, Message: "There is no API hosted at this URL"}, removal.Gone, true, 1},
		"another endpoint is gone":           {&bitbucket.APIError{Path: "/2.0/addon", Status: http.StatusGone}, removal.Gone, false, 0},
		"a 404 about a workspace":            {&bitbucket.APIError{Path: values, Status: 404, Message: "No workspace with identifier 'example'."}, removal.Gone, false, 0},
		"a malformed next link":              {fmt.Errorf("GET %s: the next page is not there: %w", values, bitbucket.ErrIncomplete), removal.Gone, false, 0},
		"the rate limit":                     {&bitbucket.APIError{Path: values, Status: http.StatusTooManyRequests}, removal.Gone, false, 0},
		"the workspace's secret was refused": {&bitbucket.APIError{Path: values, Status: http.StatusUnauthorized}, removal.Gone, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &bench{fail: func(clientKey, _ string) error {
				if strings.HasSuffix(clientKey, "5") {
					return test.answer
				}
				return nil
			}}
			probes := 0
			probe := func(context.Context) (removal.Verdict, string) { probes++; return test.verdict, "GET answers" }
			parts, total, err := collect(apply.Linkers(t.Context(), installations(100, nil), api.connect, linkers("x", "y"), apply.Options{Apply: true, Parallel: 1, Probe: probe}))
			if err != nil || probes != test.probes {
				t.Fatalf("%d probes, %v", probes, err)
			}
			if !test.stops {
				if len(parts) != 100 || total.Failed != 20 || total.Linkers.Changed != 180 {
					t.Errorf("%d parts, %+v", len(parts), total)
				}
				return
			}
			last := parts[len(parts)-1].Failures[0].Err
			if suspected, ok := errors.AsType[*apply.SuspectedError](last); !ok || time.Since(suspected.Since) > time.Minute || !strings.Contains(last.Error(), " answers 4") || !strings.HasSuffix(last.Error(), "without credentials: GET answers)") {
				t.Errorf("the last part's failure is %v", last)
			}
			if reads := api.reads.Load(); len(parts) > 8 || total.Failed != 2 || reads > 40 {
				t.Errorf("%d parts, %d reads, %+v", len(parts), reads, total)
			}
		})
	}
}

func TestStopsWhenNobodyListens(t *testing.T) {
	t.Parallel()
	api, listed := &bench{}, 0
	for range apply.Linkers(t.Context(), installations(1_000_000, &listed), api.connect, linkers("x"), apply.Options{Parallel: 4}) {
		break
	}
	if listed > 100 {
		t.Errorf("%d installations were listed after the first part", listed)
	}
}

func TestInterruption(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	why := errors.New("a signal")
	seen := 0
	var last error
	for _, err := range apply.Linkers(ctx, installations(1000, nil), (&bench{}).connect, linkers("x"), apply.Options{}) {
		if seen++; seen == 3 {
			cancel(why)
		}
		last = err
	}
	if !errors.Is(last, why) || seen > 20 {
		t.Errorf("%v after %d parts", last, seen)
	}
}

// The clock is synctest's: 100 reads of a second each, ten at a time.
func TestParallel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api, start := &bench{pause: time.Second}, time.Now()
		_, _, err := collect(apply.Linkers(t.Context(), installations(100, nil), api.connect, linkers("x"), apply.Options{Parallel: 10}))
		if took := time.Since(start); err != nil || took != 10*time.Second || api.widest != 10 {
			t.Errorf("%s, %d at a time, %v", took, api.widest, err)
		}
	})
}

// A fleet is streamed: a plan over 1,000 installations holds no more than one over 100.
func TestMemoryStaysFlat(t *testing.T) { //nolint:paralleltest // it measures the heap
	api := &bench{}
	for i := range 250 {
		api.values = append(api.values, fmt.Sprintf("VALUE-%d", i))
	}
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	count, before := 0, uint64(0)
	for part, err := range apply.Linkers(t.Context(), installations(1000, nil), api.connect, linkers("x", "y"), apply.Options{Parallel: 4}) {
		if err != nil || part.Summary().Failed != 0 {
			t.Fatal(part, err)
		}
		if count++; count == 100 {
			before = heap()
		}
	}
	if after := heap(); count != 1000 || after > before+1<<20 {
		t.Errorf("%d parts, the heap grew from %d to %d bytes", count, before, after)
	}
}
