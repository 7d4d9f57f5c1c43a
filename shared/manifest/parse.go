package manifest

import "errors"

// Parse reads a manifest from data; name is what problems call it. YAML and
// JSON are both fine. open returns the content of a values file, whose path is
// relative to the manifest with forward slashes; when it is nil, a manifest
// with a values_file is refused, as there is no folder to look in.
//
// The error is [Problems]: everything that is wrong, at once.
func Parse(name string, data []byte, open func(path string) ([]byte, error)) (Manifest, error) {
	return Manifest{}, errors.New("not written yet")
}
