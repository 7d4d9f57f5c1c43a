package reconcile_test

import (
	"strings"
	"testing"

	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// TestWhatLooksLikeOurs or like no conflict, and is: a person's words about linkersync, a
// description that leaves no room for the mark, a target in other letters.
func TestWhatLooksLikeOurs(t *testing.T) {
	t.Parallel()
	twin := appRow(func(row *siminfisical.Sync) { row.ID, row.Name = "", "twin" })
	tests := map[string]struct {
		there   siminfisical.Sync
		desired manifest.Sync
		action  reconcile.Action
		yes     bool
		says    string
	}{
		"a person's words":      {appRow(described("no longer managed by linkersync, ask Bob")), app(func(s *manifest.Sync) { s.Automatic = false }), reconcile.Adopt, true, ""},
		"no room for the mark":  {appRow(described(strings.Repeat("x", 240))), app(func(s *manifest.Sync) { s.Adopt = true }), reconcile.None, false, "leaves no room"},
		"two, in other letters": {twin, app(func(s *manifest.Sync) { s.Workspace = "ACME" }), reconcile.Create, true, `"twin" of project ` + simProject},
	}
	for name, test := range tests {
		plans, err := reconcile.PlanSyncs(t.Context(), newSyncSafe(t, test.there).client(), []manifest.Sync{test.desired}, nil, reconcile.SyncOptions{Owner: "app"})
		if err != nil {
			t.Fatal(err)
		}
		if got := plans[0]; got.Action != test.action || got.NeedsYes != test.yes || !strings.Contains(strings.Join(got.Risks, "\n")+got.Error, test.says) {
			t.Errorf("%s: %s, yes %v: %v %s", name, got.Action, got.NeedsYes, got.Risks, got.Error)
		}
	}
}
