package input

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// What the readers of this package refuse; match with errors.Is.
var (
	ErrTooLarge   = errors.New("the file is too large")
	ErrNotRegular = errors.New("this is a folder, a pipe or a device, not a regular file")
	ErrOutside    = errors.New("the file is not inside the folder")
	ErrLink       = errors.New("the path goes through a symbolic link")
)

// Open opens a regular file for reading and refuses everything else with
// [ErrNotRegular], without waiting: a pipe without a writer, a device or a folder. The
// check looks at the opened file, so the file can't be exchanged between the two steps.
func Open(path string) (*os.File, error) {
	return regular(os.OpenFile(path, readOnly, 0))
}

// OpenIn is [Open] for a path below root, with forward slashes. Symbolic links are
// followed as long as they stay below root.
func OpenIn(root *os.Root, path string) (*os.File, error) {
	return regular(root.OpenFile(filepath.FromSlash(path), readOnly, 0))
}

// Opening a named pipe without O_NONBLOCK waits for its writer, without a limit.
const readOnly = os.O_RDONLY | syscall.O_NONBLOCK

func regular(file *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// ReadFile returns the content of a regular file of at most limit bytes. Its
// errors are those of [Open], and [ErrTooLarge].
func ReadFile(path string, limit int64) ([]byte, error) {
	file, err := Open(path)
	if err != nil {
		return nil, err
	}
	return content(file, limit)
}

// ReadFileIn is [ReadFile] for a path below root, see [OpenIn].
func ReadFileIn(root *os.Root, path string, limit int64) ([]byte, error) {
	file, err := OpenIn(root, path)
	if err != nil {
		return nil, err
	}
	return content(file, limit)
}

// ReadFileWithin reads a regular file inside folder. It is for a path that somebody
// else chose, such as the author of a pull request: a path that leads out of folder
// is [ErrOutside], and one through a symbolic link is [ErrLink], even if the link
// stays inside. A relative path starts at folder.
func ReadFileWithin(folder, path string, limit int64) ([]byte, error) {
	if filepath.IsAbs(path) {
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, err
		}
		if path, err = filepath.Rel(absolute, path); err != nil {
			return nil, ErrOutside
		}
	}
	if !filepath.IsLocal(path) {
		return nil, ErrOutside
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read from
	file, err := OpenIn(root, filepath.ToSlash(path))
	if err != nil {
		return nil, err
	}
	if err := withoutLink(root, filepath.Clean(path), file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return content(file, limit)
}

// withoutLink holds an opened file to its path: no part of the path is a link, and
// the file is the one that the path names. Were a folder exchanged for a link in
// between, root would still keep the file inside.
func withoutLink(root *os.Root, path string, file *os.File) error {
	opened, err := file.Stat()
	if err != nil {
		return err
	}
	parts := strings.Split(path, string(filepath.Separator))
	for i := range parts {
		named, err := root.Lstat(filepath.Join(parts[:i+1]...))
		switch {
		case err != nil:
			return err
		case named.Mode()&fs.ModeSymlink != 0:
			return ErrLink
		case i == len(parts)-1 && !os.SameFile(named, opened):
			return ErrLink
		}
	}
	return nil
}

// content reads the whole file and closes it.
func content(file *os.File, limit int64) ([]byte, error) {
	defer func() { _ = file.Close() }() // only read from
	return readBounded(file, limit)
}

// readBounded asks for one byte more than allowed, which tells a stream that is too
// large, even a file that grows while it is read.
func readBounded(reader io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(reader, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return data, nil
}

// ReadStream reads standard input to its end, at most limit bytes, see [Stream].
func ReadStream(ctx context.Context, stream io.Reader, limit int64) ([]byte, error) {
	reader := Stream(ctx, stream)
	defer func() { _ = reader.Close() }() // only read from
	return readBounded(reader, limit)
}

// Stream returns a reader of standard input that ends when ctx does, even while a
// read waits for a writer: the context's cause is the error then. That last read of
// stream goes on until the process ends. Close it when no more is read.
func Stream(ctx context.Context, stream io.Reader) io.ReadCloser {
	reader, writer := io.Pipe()
	stop := context.AfterFunc(ctx, func() { _ = writer.CloseWithError(context.Cause(ctx)) })
	go func() {
		defer stop()
		_, err := io.Copy(writer, stream)
		_ = writer.CloseWithError(err) // nil is the stream's end; it never fails
	}()
	return reader
}

// Reason is an error's text without the path, which the caller's message has.
func Reason(err error) string {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err.Error()
	}
	return err.Error()
}

// WithoutBOM removes the byte order mark with which Windows programs start a file.
func WithoutBOM(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\ufeff")) }
