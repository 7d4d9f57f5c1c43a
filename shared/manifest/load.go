package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads the manifest at path and the values files that it names, which
// must lie in the manifest's folder or below it, symbolic links included.
//
// The error is [Problems]: everything that is wrong, a missing file included.
func Load(path string) (Manifest, error) {
	data, err := readFile(os.Open, path, MaxFileSize)
	if err != nil {
		return Manifest{}, Problems{{File: path, Message: loadMessage(err)}}
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return Manifest{}, Problems{{File: path, Message: "the manifest's folder can't be opened: " + reason(err)}}
	}
	// The root was only read from, so there is nothing that closing it could lose.
	defer func() { _ = root.Close() }()
	return Parse(path, data, func(name string) ([]byte, error) {
		return readFile(root.Open, filepath.FromSlash(name), MaxFileSize)
	})
}

// ReadFile returns the content of a regular file of at most [MaxSecretSize]
// bytes. It is for [Resolver]: os.ReadFile would read a device for ever.
func ReadFile(path string) ([]byte, error) {
	return readFile(os.Open, path, MaxSecretSize)
}

// Errors that a message tells apart; they reach nobody outside the package.
var (
	errTooLarge   = errors.New("the file is too large")
	errNotRegular = errors.New("this is a folder or a device, not a file")
)

func readFile(open func(string) (*os.File, error), path string, limit int64) ([]byte, error) {
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	// One byte more than allowed tells a file that is too large, even one that
	// grows while it is read.
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	return data, nil
}

func loadMessage(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such manifest; name the file with its path, or create it (examples/linkersync.yaml shows one)"
	case errors.Is(err, fs.ErrPermission):
		return "the manifest can't be read: permission denied; make it readable for this user"
	default:
		return "the manifest can't be read: " + reason(err)
	}
}

// reason leaves out the path, which the message has already.
func reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}
