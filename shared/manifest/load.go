package manifest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/linkersync/linkersync/shared/input"
)

// Load reads the manifest at path and the values files that it names, which
// must lie in the manifest's folder or below it, symbolic links included.
//
// The error is [Problems]: everything that is wrong, a missing file included.
func Load(path string) (Manifest, error) {
	data, err := input.ReadFile(path, MaxFileSize)
	if err != nil {
		return Manifest{}, Problems{{File: path, Message: loadMessage(err)}}
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return Manifest{}, Problems{{File: path, Message: "the manifest's folder can't be opened: " + input.Reason(err)}}
	}
	// The root was only read from, so there is nothing that closing it could lose.
	defer func() { _ = root.Close() }()
	return Parse(path, data, func(name string) ([]byte, error) {
		return input.ReadFileIn(root, name, MaxFileSize)
	})
}

// ReadFile returns the content of a regular file of at most [MaxSecretSize] bytes.
// It is for [Resolver].
func ReadFile(path string) ([]byte, error) { return input.ReadFile(path, MaxSecretSize) }

// ReadFileWithin returns a [Resolver.ReadFile] that reads inside folder only, never
// through a symbolic link: see [input.ReadFileWithin].
func ReadFileWithin(folder string) func(path string) ([]byte, error) {
	return func(path string) ([]byte, error) { return input.ReadFileWithin(folder, path, MaxSecretSize) }
}

func loadMessage(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such manifest; name the file with its path, or create it (examples/linkersync.yaml shows one)"
	case errors.Is(err, fs.ErrPermission):
		return "the manifest can't be read: permission denied; make it readable for this user"
	default:
		return "the manifest can't be read: " + input.Reason(err)
	}
}
