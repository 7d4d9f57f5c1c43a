package manifest

import "errors"

// Load reads the manifest at path and the values files that it names, which
// must lie in the manifest's folder or below it.
//
// The error is [Problems]: everything that is wrong, a missing file included.
func Load(path string) (Manifest, error) {
	return Manifest{}, errors.New("not written yet")
}
