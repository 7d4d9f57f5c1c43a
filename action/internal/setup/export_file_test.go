package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/rollout"
)

// Two exports of one name would overwrite each other without a word.
func TestEachInstallationHasAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	const uuid = "aaaaaaaa-2222-4333-8444-555555555555"
	for name, test := range map[string]struct{ clientKey, workspace, want string }{
		"a workspace":             {"connection:1", "{" + strings.ToUpper(uuid) + "}", "{" + uuid + "}.yaml"},
		"a key alone":             {"connection:1", "", "connection:1.yaml"},
		"another key alone":       {"connection:2", "", "connection:2.yaml"},
		"a key that leaves":       {"connection:../../2", "", "connection:..%2F..%2F2.yaml"},
		"a workspace that leaves": {"connection:1", "{../../x}", "{..%2F..%2Fx}.yaml"},
	} {
		in := installation.Installation{ClientKey: test.clientKey, Principal: installation.Principal{UUID: connect.WorkspaceUUID(test.workspace)}}
		if got := fileName(in); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	// A folder of exports copied to installations/ is what the deployment reads.
	exported := fileName(installation.Installation{Principal: installation.Principal{UUID: "{" + uuid + "}"}})
	if workspace, err := rollout.ScopeWorkspace("installations/" + exported); err != nil || workspace != "{"+uuid+"}" {
		t.Errorf("the bucket takes %s for %q, %v", exported, workspace, err)
	}
}

func TestAnEarlierExportStaysUntilTheNextIsWhole(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "a.yaml")
	for _, text := range []string{"first", "second"} {
		if err := writeWhole(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v, want %q", got, err, text)
		}
	}
	// A folder is in the way: nothing half-written stays beside it.
	if err := os.Mkdir(filepath.Join(folder, "b.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(filepath.Join(folder, "b.yaml"), []byte("x")); err == nil {
		t.Error("it was written over a folder")
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*.part")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
