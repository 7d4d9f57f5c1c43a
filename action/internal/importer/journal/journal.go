// Package journal remembers on disk which pieces of a long job are done, so that
// the same command goes on where an interrupted one stopped. A journal is a text
// file: its first line says what the job is, and each line after it names a piece
// that is done. Only appending to it is ever needed. One process at a time has it
// open: the operating system locks the file, and unlocks it when the process ends.
// A line that begins with "# " tells who opened it.
package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// heading begins the first line, and the job ends it.
const heading = "linkersync journal of: "

// Journal is a set of names on disk. The zero value, of no file, remembers nothing
// beyond the process. Safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	file *os.File
	done map[string]bool
}

// ErrInUse is a journal that another process has open.
var ErrInUse = errors.New("another run uses it")

// Open reads the journal that job has at path, or begins it. Another job's is
// refused: what that one did would pass for done. So is one that is open elsewhere,
// with [ErrInUse] and the process that has it. An empty path is a journal in
// memory. A last line that an interruption cut short is taken off.
func Open(path, job string) (*Journal, error) {
	j := &Journal{done: map[string]bool{}}
	if path == "" {
		return j, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", pathError(err))
	}
	// A device has no end to read to.
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = file.Close() // nothing was written
		return nil, fmt.Errorf("open journal: %s is no regular file: name one, or a new one in a folder that is there", path)
	}
	begun, err := j.take(file, heading+job)
	if err != nil {
		err = fmt.Errorf("read journal %s: %w", path, err)
	} else {
		err = j.begin(begun, heading+job)
	}
	if err != nil {
		_ = file.Close() // nothing of this job was done
		return nil, err
	}
	return j, nil
}

// take locks and reads the file, and tells whether it has its first line.
func (j *Journal) take(file *os.File, first string) (begun bool, err error) {
	switch err := lock(file); {
	case errors.Is(err, ErrInUse):
		return false, fmt.Errorf("%w%s; wait until that run ends, or name another file", ErrInUse, owner(file))
	case err != nil:
		return false, fmt.Errorf("it can't be locked: %w; name a file on a local disk", err)
	}
	whole, err := j.read(file, first)
	if err != nil {
		return false, err
	}
	if err := file.Truncate(whole); err != nil {
		return false, pathError(err)
	}
	if _, err := file.Seek(whole, io.SeekStart); err != nil {
		return false, pathError(err)
	}
	j.file = file
	return whole > 0, nil
}

// begin writes the first line of a new journal, and who opened it.
func (j *Journal) begin(begun bool, first string) error {
	if !begun {
		if err := j.write(first); err != nil {
			return err
		}
	}
	return j.write(ownerLine(time.Now()))
}

// opened begins the line that tells who opened the journal.
const opened = "# opened by "

func ownerLine(now time.Time) string {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	return fmt.Sprintf("%sprocess %d on %s at %s", opened, os.Getpid(), strings.Join(strings.Fields(host), " "), now.UTC().Format(time.RFC3339))
}

// owner tells who opened the journal last, in brackets.
func owner(file *os.File) string {
	last := ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if who, is := strings.CutPrefix(lines.Text(), opened); is {
			last = " (" + who + ")"
		}
	}
	return last
}

// read takes in the whole lines after the first, which must be the given one, and
// returns where the last of them ends.
func (j *Journal) read(file *os.File, first string) (whole int64, err error) {
	reader := bufio.NewReader(file)
	for {
		line, err := reader.ReadString('\n')
		cut := errors.Is(err, io.EOF)
		if err != nil && !cut {
			return whole, pathError(err)
		}
		name := strings.TrimSuffix(line, "\n")
		switch {
		case whole == 0 && name != first && (!cut || !strings.HasPrefix(first, name)):
			return 0, otherJob(name, first)
		case cut:
			return whole, nil
		case whole > 0 && !strings.HasPrefix(name, "# "):
			j.done[name] = true
		}
		whole += int64(len(line))
	}
}

// otherJob says whose file it is. What is no journal is not quoted: it may be the
// file of secrets that is imported.
func otherJob(line, first string) error {
	job, is := strings.CutPrefix(line, heading)
	if !is {
		return errors.New("it is no journal: name a new file")
	}
	return fmt.Errorf("it is of another job, %q, and this one is %q: name a new file", job, strings.TrimPrefix(first, heading))
}

// Has tells whether name is done.
func (j *Journal) Has(name string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.done[name]
}

// Add records that name is done. It is on its way to the disk when Add returns.
func (j *Journal) Add(name string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if strings.ContainsAny(name, "\n\r") || strings.HasPrefix(name, "# ") {
		return fmt.Errorf("write journal: %q has a line break or begins as a comment", name)
	}
	j.done[name] = true
	if j.file == nil {
		return nil
	}
	return j.write(name)
}

func (j *Journal) write(line string) error {
	if _, err := j.file.WriteString(line + "\n"); err != nil {
		return fmt.Errorf("write journal: %w; make room, then run the same command again", pathError(err))
	}
	return nil
}

// Close ends the journal.
func (j *Journal) Close() {
	if j.file != nil {
		_ = j.file.Close() // every line was written when it was added
	}
}

// pathError drops the operation's name, which doesn't help a person.
func pathError(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	return err
}
