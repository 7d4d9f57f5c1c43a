package rollout_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/rollout"
)

// noon is when every event was sent: so the order of the calls counts.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const workspace = "{11111111-2222-4333-8444-555555555555}"

func manifestOf(value string) []byte {
	return []byte("version: 1\napp: " + app + "\nlinkers:\n  - key: issues\n    values: [" + value + "]\n")
}

func TestAWorkspacesOwnManifestWins(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	desired := c.desired()
	ctx := t.Context()

	if _, found, err := desired.Own(ctx, workspace); found || err != nil {
		t.Fatalf("found %v, error %v in an empty bucket", found, err)
	}
	if _, err := desired.Default(ctx); !errors.Is(err, rollout.ErrNoManifest) {
		t.Fatalf("error %v, want ErrNoManifest", err)
	}
	version, ours, err := desired.Keep(ctx, rollout.Origin{Run: "r1", At: noon}, rollout.DefaultScope, manifestOf("ONE"))
	if err != nil || !ours {
		t.Fatalf("kept %v, error %v", ours, err)
	}
	state, err := desired.Default(ctx)
	if err != nil || state.VersionID != version || state.Scope != rollout.DefaultScope || state.Manifest.Linkers[0].Values[0] != "ONE" {
		t.Fatalf("default %+v, error %v", state, err)
	}
	current := func(want bool) {
		t.Helper()
		if is, err := desired.Current(ctx, workspace, state); is != want || err != nil {
			t.Errorf("current %v, error %v; want %v", is, err, want)
		}
	}
	current(true)
	_, _, err = desired.Keep(ctx, rollout.Origin{Run: "r2", At: noon}, rollout.WorkspaceScope(workspace), manifestOf("OWN"))
	c.must(err)
	current(false) // the workspace has a list of its own now
	own, found, err := desired.Own(ctx, workspace)
	if err != nil || !found || own.Manifest.Linkers[0].Values[0] != "OWN" {
		t.Fatalf("own %+v, found %v, error %v", own, found, err)
	}
	state = own
	current(true)
	_, _, err = desired.Keep(ctx, rollout.Origin{Run: "r3", At: noon}, rollout.DefaultScope, manifestOf("TWO"))
	c.must(err)
	current(true) // the default is not this workspace's business
	_, _, err = desired.Keep(ctx, rollout.Origin{Run: "r4", At: noon}, rollout.WorkspaceScope(workspace), manifestOf("OWN2"))
	c.must(err)
	current(false)
}

func TestKeepWritesAManifestOnce(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	desired := c.desired()
	keep := func(run, value string, want bool) string {
		t.Helper()
		version, ours, err := desired.Keep(t.Context(), rollout.Origin{Run: run, At: noon}, rollout.DefaultScope, manifestOf(value))
		if err != nil || ours != want {
			t.Errorf("%s of %s: in force %v, error %v; want %v", value, run, ours, err, want)
		}
		return version
	}
	first := keep("r1", "ONE", true)
	if again := keep("r1", "ONE", true); again != first {
		t.Errorf("the same manifest got the version %s, after %s", again, first)
	}
	second := keep("r2", "TWO", true)
	// The first event comes again, after the second.
	if late := keep("r1", "ONE", false); late != second {
		t.Errorf("an old event wrote version %s over %s", late, second)
	}
	state, err := desired.Default(t.Context())
	if err != nil || state.Manifest.Linkers[0].Values[0] != "TWO" {
		t.Errorf("desired %+v, error %v; want the newest", state.Manifest, err)
	}
	// Somebody who wants the old values again says so with a new event.
	if back := keep("r3", "ONE", true); back == second {
		t.Error("a new event with an old manifest was not kept")
	}
}

func TestRefusedManifests(t *testing.T) {
	t.Parallel()
	desired := rollout.Desired{App: app}
	for name, test := range map[string]struct{ body, want string }{
		"another app":       {"version: 1\napp: other\nlinkers: []\n", `"other"`},
		"not a manifest":    {"hello", "default.yaml"},
		"a file beside it":  {"version: 1\nlinkers:\n  - {key: issues, values_file: projects.txt}\n", "list the values themselves"},
		"an invalid value":  {"version: 1\nlinkers:\n  - {key: issues, values: [\"A B\"]}\n", "has the character ' '"},
		"no linkers":        {"version: 1\nconnections: []\n", "no linkers"},
		"an empty list":     {"version: 1\nlinkers: []\n", "no linkers"},
		"an unknown member": {"version: 1\nlinker: []\n", "linker"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := desired.Parse("default.yaml", []byte(test.body))
			if !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want ErrRefused with %s", err, test.want)
			}
		})
	}
}

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	for name, detail := range map[string]string{
		"null":              `null`,
		"nothing":           ``,
		"a list":            `[]`,
		"an unknown member": `{"installation":["` + workspace + `"]}`,
		"a wrong type":      `{"installations":"all"}`,
		"two values":        `{} {}`,
	} {
		if _, err := rollout.Decode[rollout.Change]([]byte(detail)); !errors.Is(err, rollout.ErrRefused) {
			t.Errorf("%s: error %v, want ErrRefused", name, err)
		}
	}
	change, err := rollout.Decode[rollout.Change]([]byte(` {"installations":["` + workspace + `"]}`))
	if err != nil || len(change.Installations) != 1 {
		t.Errorf("change %+v, error %v", change, err)
	}
}

func TestCheckInstallations(t *testing.T) {
	t.Parallel()
	many := make([]string, rollout.MaxInstallations+1)
	for i := range many {
		many[i] = workspace
	}
	for name, test := range map[string]struct {
		list []string
		ok   bool
	}{
		"left out": {nil, true}, "empty": {[]string{}, false}, "one": {[]string{workspace}, true}, "as many as fit": {many[1:], true},
		"too many": {many, false}, "a slug": {[]string{"acme"}, false}, "without braces": {[]string{workspace[1:37]}, false},
	} {
		if err := rollout.CheckInstallations(test.list); (err == nil) != test.ok || err != nil && !errors.Is(err, rollout.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
