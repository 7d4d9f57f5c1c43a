package platform

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestLaterStepsCanReadWhatIsLeft, as another user and whatever the umask is.
func TestLaterStepsCanReadWhatIsLeft(t *testing.T) { //nolint:paralleltest // the umask is the process's
	defer syscall.Umask(syscall.Umask(0o077))
	folder := filepath.Join(t.TempDir(), "left")
	if err := MakeShared(filepath.Join(folder, "deep", "export")); err != nil {
		t.Fatal(err)
	}
	pipe, _ := detect(map[string]string{"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_PIPE_STORAGE_DIR": folder, "BITBUCKET_PIPELINES_VARIABLES_PATH": filepath.Join(folder, "variables")})
	other, _ := detect(map[string]string{OutputsVariable: filepath.Join(folder, "outputs.env"), SummaryVariable: filepath.Join(folder, "summary.md")})
	for _, p := range []Platform{pipe, other} {
		if err := p.Output("plan", "{}"); err != nil {
			t.Fatal(err)
		}
		if err := p.Summary("done"); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteShared(filepath.Join(folder, "deep", "export", "one.yaml"), []byte("version: 1")); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		want := os.FileMode(0o644)
		if entry.IsDir() {
			want = 0o755
		} else {
			files++
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has the mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil || files != 5 {
		t.Errorf("%d files, want 5: %v", files, err)
	}
}
