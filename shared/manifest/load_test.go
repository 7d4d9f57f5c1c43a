package manifest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/manifest"
)

// folder writes files, by their path below it, and returns its path.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func withFile(name string) string {
	return "version: 1\nlinkers:\n  - key: k\n    values_file: " + name + "\n"
}

func TestLoadReadsTheManifestAndItsFiles(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string]string{"m.yaml": withFile("lists/../lists/v.txt"), "lists/v.txt": "A\nB\n"})
	path := filepath.Join(root, "m.yaml")
	got, err := manifest.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := manifest.Manifest{
		Linkers: []manifest.Linker{{Key: "k", Values: []string{"A", "B"}, Position: manifest.Position{Line: 3, Column: 5}}},
		Path:    path,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

func TestLoadFromTheWorkingFolder(t *testing.T) {
	t.Chdir(folder(t, map[string]string{"m.yaml": withFile("v.txt"), "v.txt": "A B\n"}))
	_, err := manifest.Load("m.yaml")
	want := []string{`v.txt:1:1: this value has the character ' '; only letters (A-Z, a-z), digits, _ and - are allowed`}
	if diff := cmp.Diff(want, problemLines(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestLoadSaysWhyItCannotRead(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string]string{
		"absent-values.yaml": withFile("nowhere.txt"),
		"folder-values.yaml": withFile("lists"),
		"large-values.yaml":  withFile("large.txt"),
		"outside.yaml":       withFile("outside.txt"),
		"large.txt":          strings.Repeat("#", manifest.MaxFileSize+1),
		"lists/v.txt":        "A\n",
	})
	secret := filepath.Join(folder(t, map[string]string{"secret.txt": "canary-7f3a\n"}), "secret.txt")
	if err := os.Symlink(secret, filepath.Join(root, "outside.txt")); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"nowhere.yaml":       ": there is no such manifest; name the file with its path, or create it (examples/linkersync.yaml shows one)",
		"lists":              ": the manifest can't be read: this is a folder, a pipe or a device, not a regular file",
		"large.txt":          ": the manifest can't be read: the file is too large: more than 4194304 bytes",
		"absent-values.yaml": `:4:18: values_file "nowhere.txt" can't be read: there is no such file; its path is relative to the manifest's folder`,
		"folder-values.yaml": `:4:18: values_file "lists" can't be read: this is a folder, a pipe or a device, not a regular file`,
		"large-values.yaml":  `:4:18: values_file "large.txt" can't be read: the file is too large: more than 4194304 bytes`,
		"outside.yaml":       `:4:18: values_file "outside.txt" can't be read: path escapes from parent`,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(root, name)
			_, err := manifest.Load(path)
			if diff := cmp.Diff([]string{path + want}, problemLines(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadWithoutPermission(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t, map[string]string{"m.yaml": "version: 1\n"}), "m.yaml")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(path); err == nil {
		t.Skip("this user may read every file")
	}
	_, err := manifest.Load(path)
	want := []string{path + ": the manifest can't be read: permission denied; make it readable for this user"}
	if diff := cmp.Diff(want, problemLines(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestReadFileIsBounded(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string]string{"fits": strings.Repeat("x", manifest.MaxSecretSize), "large": strings.Repeat("x", manifest.MaxSecretSize+1)})
	if got, err := manifest.ReadFile(filepath.Join(root, "fits")); err != nil || len(got) != manifest.MaxSecretSize {
		t.Errorf("ReadFile returned %d bytes and %v", len(got), err)
	}
	for _, path := range []string{filepath.Join(root, "large"), filepath.Join(root, "nowhere"), root, os.DevNull} {
		if got, err := manifest.ReadFile(path); err == nil || got != nil {
			t.Errorf("ReadFile(%s) returned %d bytes and %v, want an error", path, len(got), err)
		}
	}
}
