package importer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/action/internal/importer"
	"github.com/linkersync/linkersync/action/internal/importer/journal"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

const appKey = "example-linker-app"

func key(i int) string { return fmt.Sprintf("connection:%d", i) }

func row(i int) installation.Row {
	return installation.Row{Line: i, Installation: installation.Installation{
		AppKey: appKey, ClientKey: key(i), State: installation.Installed, SharedSecret: redact.New("secret of " + key(i)),
	}}
}

func rows(from, to int) iter.Seq2[installation.Row, error] {
	return func(yield func(installation.Row, error) bool) {
		for i := from; i <= to; i++ {
			if !yield(row(i), nil) {
				return
			}
		}
	}
}

// memory is a store that keeps secrets in a map, or nothing at all.
type memory struct {
	installation.Store
	mu      sync.Mutex
	keep    map[string]installation.Installation
	creates int
	err     error
}

func (m *memory) Get(_ context.Context, clientKey string) (installation.Installation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if in, found := m.keep[clientKey]; found {
		return in, nil
	}
	if m.err != nil {
		return installation.Installation{}, m.err
	}
	return installation.Installation{}, installation.ErrNotFound
}

func (m *memory) Create(_ context.Context, in installation.Installation, event string) (installation.Installation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.creates++
	if event != installation.ImportEvent {
		return in, errors.New("not the import's event")
	}
	if there, found := m.keep[in.ClientKey]; found {
		return there, nil // the same event twice is a no-op
	}
	if m.keep != nil {
		m.keep[in.ClientKey] = in
	}
	return in, nil
}

func inMemory(t *testing.T) *journal.Journal {
	t.Helper()
	done, err := journal.Open("", "")
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// outcomes runs an intake to its end.
func outcomes(ctx context.Context, in iter.Seq2[installation.Row, error], store installation.Store, done *journal.Journal, options importer.Options) (map[importer.Outcome]int, []string, error) {
	counts, reasons := map[importer.Outcome]int{}, []string(nil)
	for result, err := range importer.Run(ctx, in, store, done, options) {
		if err != nil {
			return counts, reasons, err
		}
		counts[result.Outcome]++
		if result.Reason != "" {
			reasons = append(reasons, fmt.Sprintf("%d %s: %s", result.Line, result.Outcome, result.Reason))
		}
	}
	return counts, reasons, nil
}

func TestEachRowHasAnOutcome(t *testing.T) {
	t.Parallel()
	present, conflict, tombstone := row(1).Installation, row(2).Installation, row(4)
	conflict.SharedSecret = redact.New("another")
	tombstone.State = installation.Uninstalled
	store := &memory{keep: map[string]installation.Installation{key(1): present, key(2): conflict}}
	done := inMemory(t)
	if counts, _, err := outcomes(t.Context(), rows(3, 3), &memory{}, done, importer.Options{}); err != nil || counts[importer.Stored] != 1 {
		t.Fatal(counts, err)
	}
	in := func(yield func(installation.Row, error) bool) {
		_ = yield(row(1), nil) && yield(row(2), nil) && yield(row(3), nil) && yield(tombstone, nil) &&
			yield(installation.Row{}, &installation.RowError{Line: 5, Reason: "no client key"}) && yield(row(6), nil) && yield(row(7), nil) && yield(row(8), nil)
	}
	prove := func(_ context.Context, in installation.Installation) error {
		switch in.ClientKey {
		case key(6):
			return &bitbucket.APIError{Status: 401, Message: "the secret of connection:6 is wrong"}
		case key(7):
			return &bitbucket.APIError{Status: 503}
		}
		return nil
	}
	counts, reasons, err := outcomes(t.Context(), in, store, done, importer.Options{Prove: prove})
	if err != nil {
		t.Fatal(err)
	}
	want := map[importer.Outcome]int{importer.Present: 1, importer.Conflict: 1, importer.Done: 1, importer.Refused: 3, importer.Failed: 1, importer.Stored: 1}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
	wantReasons := []string{
		"2 conflict: it is in the store already and differs, and the store's may be newer: it is there with another shared secret",
		"4 refused: it is marked as uninstalled, and Bitbucket answers only installed ones: --no-proof keeps it as a tombstone",
		"5 refused: no client key",
		"6 refused: Bitbucket doesn't accept the secret (status 401): the app is not installed there any more, or the secret is an old one",
		"7 failed: not proven: Bitbucket says nothing about the secret but status 503",
	}
	slices.Sort(reasons) // results come in the order in which they are ready
	if diff := cmp.Diff(wantReasons, reasons); diff != "" {
		t.Error(diff)
	}
	for i, want := range map[int]bool{1: true, 2: false, 3: true, 4: false, 6: false, 7: false, 8: true} {
		if noted(t, done, i) != want {
			t.Errorf("the journal has %s: %v", key(i), !want)
		}
	}
}

// noted tells whether the journal has a row, which is then not asked for.
func noted(t *testing.T, done *journal.Journal, i int) bool {
	t.Helper()
	counts, _, err := outcomes(t.Context(), rows(i, i), &memory{}, done, importer.Options{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	return counts[importer.Done] == 1
}

// A row that the journal has in another form is no longer done: it is compared with
// the store, whose secret may be an old one now.
func TestAChangedRowIsNotDone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*installation.Row)
		want   importer.Outcome
	}{
		"the same":           {func(*installation.Row) {}, importer.Done},
		"another name":       {func(r *installation.Row) { r.Principal.DisplayName = "new" }, importer.Done},
		"another secret":     {func(r *installation.Row) { r.SharedSecret = redact.New("rotated") }, importer.Conflict},
		"another state":      {func(r *installation.Row) { r.State = installation.Uninstalled }, importer.Conflict},
		"another workspace":  {func(r *installation.Row) { r.Principal.UUID = "{1}" }, importer.Conflict},
		"another client key": {func(r *installation.Row) { r.ClientKey += "1" }, importer.Stored},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, done := &memory{keep: map[string]installation.Installation{}}, inMemory(t)
			changed := row(1)
			test.change(&changed)
			in := func(yield func(installation.Row, error) bool) { _ = yield(row(1), nil) && yield(changed, nil) }
			counts, _, err := outcomes(t.Context(), in, store, done, importer.Options{Parallel: 1})
			want := map[importer.Outcome]int{importer.Stored: 1}
			want[test.want]++
			if diff := cmp.Diff(want, counts); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}

// The journal stays behind when the file of secrets is long deleted.
func TestTheJournalHoldsNoSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "done.txt")
	done, err := journal.Open(path, "an import")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done.Close)
	if _, _, err := outcomes(t.Context(), rows(1, 2), &memory{}, done, importer.Options{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^connection:[12] [0-9a-f]{16}$`)
	if found := line.FindAllString(string(text), -1); len(found) != 2 || found[0][13:] == found[1][13:] || strings.Count(string(text), "\n") != 4 {
		t.Errorf("the journal is %q", text)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	store, done := &memory{keep: map[string]installation.Installation{}}, inMemory(t)
	counts, _, err := outcomes(t.Context(), rows(1, 20), store, done, importer.Options{DryRun: true, Parallel: 4})
	if err != nil || counts[importer.Stored] != 20 || store.creates != 0 {
		t.Errorf("%v, %d writes, %v", counts, store.creates, err)
	}
	for i := 1; i <= 20; i++ {
		if noted(t, done, i) {
			t.Errorf("the journal has %s", key(i))
		}
	}
}

// Two rows for one installation may be looked up at once, so that both find nothing.
func TestTwoRowsThatDifferAreAConflict(t *testing.T) {
	t.Parallel()
	store := &memory{keep: map[string]installation.Installation{}}
	other := row(1)
	other.SharedSecret = redact.New("another")
	both := make(chan struct{}, 2)
	prove := func(context.Context, installation.Installation) error {
		both <- struct{}{}
		for len(both) < 2 {
			time.Sleep(time.Microsecond)
		}
		return nil
	}
	in := func(yield func(installation.Row, error) bool) { _ = yield(row(1), nil) && yield(other, nil) }
	counts, _, err := outcomes(t.Context(), in, store, inMemory(t), importer.Options{Parallel: 2, Prove: prove})
	if diff := cmp.Diff(map[importer.Outcome]int{importer.Stored: 1, importer.Conflict: 1}, counts); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestEndsEarly(t *testing.T) {
	t.Parallel()
	down := func(context.Context, installation.Installation) error { return bitbucket.ErrUnavailable }
	broken := errors.New("the file ends here")
	tests := map[string]struct {
		rows  iter.Seq2[installation.Row, error]
		store *memory
		prove importer.Prove
		want  string
		most  int
	}{
		"the store can't be used":    {rows(1, 1000), &memory{err: installation.ErrUnavailable}, nil, "installation store unavailable", 50},
		"Bitbucket gives no verdict": {rows(1, 1000), &memory{}, down, "no verdict from Bitbucket on 10 secrets in a row", 50},
		"the file can't be read": {func(yield func(installation.Row, error) bool) {
			_ = yield(row(1), nil) && yield(installation.Row{}, broken)
		}, &memory{}, nil, broken.Error(), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counts, _, err := outcomes(t.Context(), test.rows, test.store, inMemory(t), importer.Options{Parallel: 4, Prove: test.prove})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if sum := counts[importer.Failed] + counts[importer.Stored]; sum > test.most {
				t.Errorf("%d rows were looked at, want at most %d", sum, test.most)
			}
		})
	}
}

func TestStopsWhenNobodyListens(t *testing.T) {
	t.Parallel()
	store := &memory{}
	for range importer.Run(t.Context(), rows(1, 1_000_000), store, inMemory(t), importer.Options{WritesPerSecond: 1e9}) {
		break
	}
	if store.creates > 100 {
		t.Errorf("%d writes after the first result", store.creates)
	}
}

func TestJournalThatCannotBeWrittenEndsTheRun(t *testing.T) {
	t.Parallel()
	done, err := journal.Open(filepath.Join(t.TempDir(), "done.txt"), "an import")
	if err != nil {
		t.Fatal(err)
	}
	done.Close() // every write fails from here on, as on a full disk
	_, _, err = outcomes(t.Context(), rows(1, 100), &memory{}, done, importer.Options{})
	if err == nil || !strings.Contains(err.Error(), "write journal") || !strings.Contains(err.Error(), "run the same command again") {
		t.Error(err)
	}
}

// Secrets Manager takes 50 writes a second. The clock of this test is synctest's.
func TestStaysBelowTheQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		counts, _, err := outcomes(t.Context(), rows(1, 1000), &memory{}, inMemory(t), importer.Options{Parallel: 32})
		took := time.Since(start)
		if err != nil || counts[importer.Stored] != 1000 {
			t.Fatal(counts, err)
		}
		if perSecond := 1000 / took.Seconds(); perSecond > 50 || perSecond < 35 {
			t.Errorf("%.1f writes a second", perSecond)
		}
	})
}
