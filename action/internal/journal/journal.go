// Package journal remembers on disk which pieces of a long job are done, so that
// the same command goes on where an interrupted one stopped. A journal is a text
// file of one name a line; only appending to it is ever needed.
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
)

// Journal is a set of names on disk. The zero value, of no file, remembers nothing
// beyond the process. Safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	file *os.File
	done map[string]bool
}

// Open reads the journal at path, or begins it. An empty path is a journal in
// memory. A last line that an interruption cut short is taken off.
func Open(path string) (*Journal, error) {
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
	whole, err := j.read(file)
	if err == nil {
		err = file.Truncate(whole)
	}
	if err == nil {
		_, err = file.Seek(whole, io.SeekStart)
	}
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, fmt.Errorf("read journal %s: %w", path, err)
	}
	j.file = file
	return j, nil
}

// read takes in the whole lines and returns where the last of them ends.
func (j *Journal) read(file *os.File) (whole int64, err error) {
	reader := bufio.NewReader(file)
	for {
		line, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return whole, err
		}
		whole += int64(len(line))
		j.done[strings.TrimSuffix(line, "\n")] = true
	}
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
	if strings.ContainsAny(name, "\n\r") {
		return fmt.Errorf("write journal: %q has a line break", name)
	}
	j.done[name] = true
	if j.file == nil {
		return nil
	}
	if _, err := j.file.WriteString(name + "\n"); err != nil {
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

// pathError drops the operation's name, which says nothing to a person.
func pathError(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	return err
}
