package journal_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/action/internal/importer/journal"
)

func open(t *testing.T, path string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(path, "a test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j
}

func add(t *testing.T, j *journal.Journal, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := j.Add(name); err != nil {
			t.Fatal(err)
		}
	}
}

// content is what the file has, but for who opened it.
func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(regexp.MustCompile(`(?m)^# opened by process \d+ on .+ at \S+Z\n`).ReplaceAll(text, nil))
}

// first is the line that every journal of these tests begins with.
const first = "linkersync journal of: a test\n"

func TestGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "done.txt")
	before := open(t, path)
	add(t, before, "a", "b b", "ä")
	if got := content(t, path); got != first+"a\nb b\nä\n" {
		t.Errorf("before Close the file has %q", got)
	}
	before.Close()
	second := open(t, path)
	for name, want := range map[string]bool{strings.TrimSpace(first): false, "a": true, "b b": true, "ä": true, "b": false, "": false} {
		if second.Has(name) != want {
			t.Errorf("Has(%q) is %v", name, !want)
		}
	}
	add(t, second, "c")
	if diff := cmp.Diff(first+"a\nb b\nä\nc\n", content(t, path)); diff != "" {
		t.Error(diff)
	}
}

// A process that dies while it writes leaves half a name. Taken for a whole one, it
// would mark another as done; left in place, it would spoil the next line.
func TestCutLastLineIsTakenOff(t *testing.T) {
	t.Parallel()
	const whole = first + "connection:1\nconnection:12\n"
	for cut := range len(whole) {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "done.txt")
			if err := os.WriteFile(path, []byte(whole[:cut]), 0o600); err != nil {
				t.Fatal(err)
			}
			j := open(t, path)
			if want := cut >= len(first+"connection:1\n"); j.Has("connection:1") != want || j.Has("connection:12") {
				t.Errorf("connection:1 is done: %v, and connection:12 is not", !want)
			}
			add(t, j, "connection:12")
			want := first + "connection:12\n"
			if cut >= len(first) {
				want = whole[:strings.LastIndex(whole[:cut], "\n")+1] + "connection:12\n"
			}
			if diff := cmp.Diff(want, content(t, path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Of the half name nothing is left behind a shorter one.
func TestCutLastLineIsTakenOffWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "done.txt")
	if err := os.WriteFile(path, []byte(first+"connection:1\nconnection:12345678"), 0o600); err != nil {
		t.Fatal(err)
	}
	add(t, open(t, path), "ari:1")
	if diff := cmp.Diff(first+"connection:1\nari:1\n", content(t, path)); diff != "" {
		t.Error(diff)
	}
}

// What another job did would pass for done, and a file of another kind may be the
// list of secrets that is imported: neither is touched, nor is the latter quoted.
func TestAnotherFileIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"another job":                  {"linkersync journal of: a job\nconnection:1\n", `it is of another job, "a job", and this one is "a test": name a new file`},
		"a longer job":                 {"linkersync journal of: a test of mine\n", `it is of another job, "a test of mine", and this one is "a test"`},
		"another job, cut":             {"linkersync journal of: a tent", `it is of another job, "a tent"`},
		"a list":                       {"connection:1\nconnection:2\n", "it is no journal: name a new file"},
		"a line that nobody ended":     {"a secret", "it is no journal: name a new file"},
		"an empty line before the job": {"\n" + first, "it is no journal: name a new file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "done.txt")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := journal.Open(path, "a test"); err == nil || !strings.Contains(err.Error(), "done.txt: "+test.want) {
				t.Errorf("%v, want %q", err, test.want)
			} else if strings.Contains(err.Error(), "a secret") {
				t.Errorf("it quotes the file: %v", err)
			}
			if diff := cmp.Diff(test.text, content(t, path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// holder is the process of TestOneWriter that has the journal open.
func holder(path string) {
	if _, err := journal.Open(path, "a test"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("open")
	time.Sleep(time.Hour) // until it is killed
}

func TestMain(m *testing.M) {
	if path := os.Getenv("TEST_JOURNAL"); path != "" {
		holder(path)
		return
	}
	os.Exit(m.Run())
}

// The lock ends with the process, however that ends. Not parallel: a process that is
// being started holds the other tests' files for a moment.
func TestOneWriter(t *testing.T) { //nolint:paralleltest // see above
	path := filepath.Join(t.TempDir(), "done.txt")
	first := exec.CommandContext(t.Context(), os.Args[0])
	first.Env = append(os.Environ(), "TEST_JOURNAL="+path)
	out, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatalf("the first run says %q", line)
	}
	_, err = journal.Open(path, "a test")
	who := fmt.Sprintf("done.txt: another run uses it (process %d on ", first.Process.Pid)
	if !errors.Is(err, journal.ErrInUse) || !strings.Contains(err.Error(), who) || !strings.Contains(err.Error(), time.Now().UTC().Format(" at 2006-01-02T")) {
		t.Errorf("the second run says %v, want %q", err, who)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	open(t, path)
}

func TestWithoutFile(t *testing.T) {
	t.Parallel()
	j := open(t, "")
	add(t, j, "a")
	if !j.Has("a") || j.Has("b") {
		t.Error("it doesn't remember within the process")
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "done.txt")
	j := open(t, path)
	var writers sync.WaitGroup
	for i := range 200 {
		writers.Go(func() {
			if err := j.Add(fmt.Sprint("name ", i)); err != nil {
				t.Error(err)
			}
			_ = j.Has("name 1")
		})
	}
	writers.Wait()
	j.Close()
	again := open(t, path)
	for i := range 200 {
		if name := fmt.Sprint("name ", i); !j.Has(name) || !again.Has(name) {
			t.Errorf("%s is not in memory, or not in the file", name)
		}
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := journal.Open(filepath.Join(folder, "no", "such", "folder"), "a test"); err == nil || !strings.HasPrefix(err.Error(), "open journal: "+folder) {
		t.Error(err)
	}
	if _, err := journal.Open(folder, "a test"); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("a folder is no journal: %v", err)
	}
	if _, err := journal.Open("/dev/zero", "a test"); err == nil || !strings.Contains(err.Error(), "/dev/zero is no regular file") {
		t.Errorf("a device is no journal: %v", err)
	}
	j := open(t, filepath.Join(folder, "done.txt"))
	for _, name := range []string{"two\nlines", "carriage\rreturn", "# a comment"} {
		if err := j.Add(name); err == nil || j.Has(name) {
			t.Errorf("took %q: %v", name, err)
		}
	}
	j.Close()
	err := j.Add("a")
	if err == nil || !strings.Contains(err.Error(), "done.txt") || !strings.Contains(err.Error(), "make room") {
		t.Errorf("a full disk is not reported: %v", err)
	}
	info, err := os.Stat(filepath.Join(folder, "done.txt"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
