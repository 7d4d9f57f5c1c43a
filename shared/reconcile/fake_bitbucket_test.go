package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// putMode is what a bulk update does; no document says.
type putMode string

const (
	putReplaces putMode = "replaces"
	putMerges   putMode = "merges"
	// putDoes204 accepts and does nothing.
	putDoes204 putMode = "does nothing"
	putRefuses putMode = "refuses"
)

// caseMode is how values are compared and kept; no document says.
type caseMode string

const (
	caseSensitive caseMode = "sensitive"
	// caseFolds takes PROJ and proj for one value and keeps the first.
	caseFolds caseMode = "folds"
	// caseLowers stores every value in lower case.
	caseLowers caseMode = "lowers"
)

// broken is what goes wrong with one call. Applied: the call had its effect and
// only the answer was lost.
type broken struct {
	err     error
	applied bool
}

// fakeBitbucket keeps the values of one linker as strictly as Bitbucket might:
// it has no expectations, only a state, rules and switches.
type fakeBitbucket struct {
	t      *testing.T
	linker string
	put    putMode
	casing caseMode
	// hideIDs lists values as strings.
	hideIDs bool
	// refuses makes a value a 400.
	refuses func(value string) bool
	// fault decides about the nth call, from 1; nil never fails one.
	fault func(n int, op string) *broken
	// before runs ahead of the nth call: another writer.
	before func(n int, op string)
	// stay may never go.
	stay []string

	rows   []bitbucket.LinkerValue
	lastID int64
	calls  []string
}

func newFake(t *testing.T, values ...string) *fakeBitbucket {
	f := &fakeBitbucket{t: t, linker: "jira", put: putReplaces, casing: caseSensitive}
	f.insert(values...)
	return f
}

// insert is the other writer's way in: no checks, no count.
func (f *fakeBitbucket) insert(values ...string) {
	for _, value := range values {
		f.lastID++
		f.rows = append(f.rows, bitbucket.LinkerValue{ID: f.lastID, Value: value})
	}
}

// begin counts a call and says how it fails.
func (f *fakeBitbucket) begin(ctx context.Context, op, linker string) (bool, error) {
	f.calls = append(f.calls, op)
	n := len(f.calls)
	if f.before != nil {
		f.before(n, op)
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if linker != f.linker {
		return false, fmt.Errorf("%s: %w", op, bitbucket.ErrNotFound)
	}
	if f.fault == nil {
		return true, nil
	}
	if failure := f.fault(n, op); failure != nil {
		return failure.applied, failure.err
	}
	return true, nil
}

const pageLength = 100

// LinkerValues costs one call per page; the state is read page by page, as it
// is then.
func (f *fakeBitbucket) LinkerValues(ctx context.Context, linker string) iter.Seq2[bitbucket.LinkerValue, error] {
	return func(yield func(bitbucket.LinkerValue, error) bool) {
		for start := 0; ; start += pageLength {
			if _, err := f.begin(ctx, "list", linker); err != nil {
				yield(bitbucket.LinkerValue{}, err)
				return
			}
			page := slices.Clone(f.rows[min(start, len(f.rows)):min(start+pageLength, len(f.rows))])
			for _, row := range page {
				if f.hideIDs {
					row.ID = 0
				}
				if !yield(row, nil) {
					return
				}
			}
			if start+pageLength >= len(f.rows) {
				return
			}
		}
	}
}

const sendable = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

func (f *fakeBitbucket) acceptable(value string) bool {
	if value == "" || strings.Trim(value, sendable) != "" {
		f.t.Errorf("value %q was sent, though Bitbucket's rule forbids it", value)
	}
	return f.refuses == nil || !f.refuses(value)
}

// same is a value's form when values are compared.
func (f *fakeBitbucket) same(value string) string {
	if f.casing == caseSensitive {
		return value
	}
	return strings.ToLower(value)
}

// held are the values of rows as they compare.
func (f *fakeBitbucket) held(rows []bitbucket.LinkerValue) map[string]bool {
	held := make(map[string]bool, len(rows))
	for _, row := range rows {
		held[f.same(row.Value)] = true
	}
	return held
}

func (f *fakeBitbucket) stored(value string) bitbucket.LinkerValue {
	f.lastID++
	if f.casing == caseLowers {
		value = strings.ToLower(value)
	}
	return bitbucket.LinkerValue{ID: f.lastID, Value: value}
}

func (f *fakeBitbucket) CreateLinkerValue(ctx context.Context, linker, value string) (bitbucket.LinkerValue, error) {
	effect, failure := f.begin(ctx, "post", linker)
	switch {
	case !effect:
		return bitbucket.LinkerValue{}, failure
	case !f.acceptable(value):
		return bitbucket.LinkerValue{}, cmpErr(failure, fmt.Errorf("post: %w", bitbucket.ErrInvalid))
	case slices.ContainsFunc(f.rows, func(row bitbucket.LinkerValue) bool { return f.same(row.Value) == f.same(value) }):
		return bitbucket.LinkerValue{}, cmpErr(failure, fmt.Errorf("post: %w", bitbucket.ErrExists))
	}
	row := f.stored(value)
	f.rows = append(slices.Clone(f.rows), row)
	return row, failure
}

func (f *fakeBitbucket) UpdateLinkerValues(ctx context.Context, linker string, values []string) error {
	effect, failure := f.begin(ctx, "put", linker)
	if !effect {
		return failure
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(values))); len(distinct) < len(values) {
		f.t.Errorf("a bulk update repeats values: %v", values)
	}
	refused := f.put == putRefuses
	for _, value := range values {
		refused = !f.acceptable(value) || refused
	}
	if refused {
		return cmpErr(failure, fmt.Errorf("put: %w", bitbucket.ErrInvalid))
	}
	var rows []bitbucket.LinkerValue
	if f.put != putReplaces {
		rows = slices.Clone(f.rows)
	}
	held := f.held(rows)
	for _, value := range values {
		if f.put != putDoes204 && !held[f.same(value)] {
			rows = append(rows, f.stored(value))
			held[f.same(value)] = true
		}
	}
	f.become(rows)
	return failure
}

func (f *fakeBitbucket) DeleteLinkerValue(ctx context.Context, linker string, id int64) error {
	effect, failure := f.begin(ctx, "delete", linker)
	if !effect {
		return failure
	}
	if id <= 0 {
		f.t.Errorf("delete was called with id %d", id)
	}
	rows := slices.DeleteFunc(slices.Clone(f.rows), func(row bitbucket.LinkerValue) bool { return row.ID == id })
	if len(rows) == len(f.rows) {
		return cmpErr(failure, fmt.Errorf("delete: %w", bitbucket.ErrNotFound))
	}
	f.become(rows)
	return failure
}

// become changes the state and holds every single write that can remove values
// to the promise that nothing goes which should stay.
func (f *fakeBitbucket) become(rows []bitbucket.LinkerValue) {
	before, after := f.held(f.rows), f.held(rows)
	for _, value := range f.stay {
		if before[f.same(value)] && !after[f.same(value)] {
			f.t.Errorf("call %d, a %s, deleted %q, which should stay", len(f.calls), f.calls[len(f.calls)-1], value)
		}
	}
	f.rows = rows
}

// values are the distinct values, sorted.
func (f *fakeBitbucket) values() []string {
	values := make([]string, 0, len(f.rows))
	for _, row := range f.rows {
		values = append(values, row.Value)
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// writes are the calls that aren't reads, in order.
func (f *fakeBitbucket) writes() []string {
	return slices.DeleteFunc(slices.Clone(f.calls), func(op string) bool { return op == "list" })
}

// cmpErr prefers the transport's failure over the server's answer: that is what
// a caller sees when the answer is lost.
func cmpErr(failure, answer error) error {
	if failure != nil {
		return failure
	}
	return answer
}

var (
	_ reconcile.LinkerValues = (*bitbucket.Client)(nil)
	_ reconcile.LinkerValues = (*fakeBitbucket)(nil)

	errReset = errors.New("read tcp 127.0.0.1: connection reset by peer")
)
