//go:build unix

package input_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/input"
)

const limit = 8

// TestFilesAreRegularOrRefused reads each path with the two functions that take any
// path below a folder. A pipe without a writer would block them for ever.
func TestFilesAreRegularOrRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "fits"), "12345678")
	write(t, filepath.Join(folder, "large"), "123456789")
	write(t, filepath.Join(folder, "sub", "file"), "below")
	for _, err := range []error{
		syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600),
		os.Symlink("pipe", filepath.Join(folder, "link-to-pipe")),
		os.Symlink("fits", filepath.Join(folder, "link")),
		os.Symlink("sub", filepath.Join(folder, "link-to-folder")),
		os.Symlink("/dev/zero", filepath.Join(folder, "link-to-device")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		path string
		// want is of ReadFile, within of ReadFileWithin.
		want, within error
	}{
		{"fits", nil, nil},
		{"sub/file", nil, nil},
		{"./sub/../fits", nil, nil},
		{"large", input.ErrTooLarge, input.ErrTooLarge},
		{"nowhere", fs.ErrNotExist, fs.ErrNotExist},
		{".", input.ErrNotRegular, input.ErrNotRegular},
		{"sub", input.ErrNotRegular, input.ErrNotRegular},
		{"pipe", input.ErrNotRegular, input.ErrNotRegular},
		{"link-to-pipe", input.ErrNotRegular, input.ErrNotRegular},
		{"link-to-device", input.ErrNotRegular, errAny},
		{"link", nil, input.ErrLink},
		{"link-to-folder/file", nil, input.ErrLink},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(folder, test.path)
			_, err := input.ReadFile(path, limit)
			check(t, "ReadFile", err, test.want)
			_, err = input.ReadFileWithin(folder, test.path, limit)
			check(t, "ReadFileWithin", err, test.within)
			_, err = input.ReadFileWithin(folder, path, limit)
			check(t, "ReadFileWithin, absolute", err, test.within)
		})
	}
}

func TestReadFileWithinStaysInside(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "secret"), "canary")
	workspace := filepath.Join(folder, "workspace")
	write(t, filepath.Join(workspace, "file"), "x")
	for _, path := range []string{"../secret", "sub/../../secret", filepath.Join(folder, "secret"), "/proc/self/environ"} {
		got, err := input.ReadFileWithin(workspace, path, limit)
		if !errors.Is(err, input.ErrOutside) || got != nil {
			t.Errorf("ReadFileWithin(%s) = %q and %v, want ErrOutside", path, got, err)
		}
	}
}

func TestReadStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent, writer := io.Pipe()
	t.Cleanup(func() { _ = writer.Close() })
	stopped := errors.New("interrupted")
	ctx, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { stop(stopped) })
	if _, err := input.ReadStream(ctx, silent, limit); !errors.Is(err, stopped) {
		t.Errorf("error %v, want the context's cause", err)
	}
}

func TestReadStreamIsBounded(t *testing.T) {
	t.Parallel()
	if got, err := input.ReadStream(t.Context(), strings.NewReader("12345678"), limit); err != nil || string(got) != "12345678" {
		t.Errorf("ReadStream = %q and %v", got, err)
	}
	_, err := input.ReadStream(t.Context(), strings.NewReader("123456789"), limit)
	check(t, "ReadStream", err, input.ErrTooLarge)
}

// errAny stands for an error of the operating system.
var errAny = errors.New("any error")

func check(t *testing.T, what string, got, want error) {
	t.Helper()
	if (got == nil) != (want == nil) || want != nil && !errors.Is(want, errAny) && !errors.Is(got, want) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
