package rollout_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/rollout"
)

// TestKeysOfTheManifestBucket: a key that looks meant as a manifest is refused with the
// right name, and a key that is clearly something else is not.
func TestKeysOfTheManifestBucket(t *testing.T) {
	t.Parallel()
	const uuid = "11111111-2222-4333-8444-aaaaaaaaaaaa"
	own, anyOwn := "installations/{"+uuid+"}.yaml", "installations/{<workspace uuid>}.yaml"
	for key, want := range map[string]string{
		"default.yml": rollout.DefaultScope, "default.json": rollout.DefaultScope, "default": rollout.DefaultScope,
		"Default.yaml": rollout.DefaultScope, "DEFAULT.YAML": rollout.DefaultScope, "default.YAML": rollout.DefaultScope,
		"/default.yaml": rollout.DefaultScope, "//default.yaml": rollout.DefaultScope, "./default.yaml": rollout.DefaultScope,
		"default.yaml.txt": rollout.DefaultScope, " default.yaml": rollout.DefaultScope, "default.yaml ": rollout.DefaultScope,
		"default.yaml\ufeff": rollout.DefaultScope, "default .yaml": rollout.DefaultScope,
		"linkersync.yaml": rollout.DefaultScope, "linkersync.yml": rollout.DefaultScope, "Linkersync.json": rollout.DefaultScope,
		"installations/" + uuid + ".yaml": own, "installations/{" + uuid + "}.yml": own, "installations/{" + uuid + "}.json": own,
		"installations/{" + uuid + "}": own, "installations/" + uuid: own, "installations/{" + strings.ToUpper(uuid) + "}.yaml": own,
		"Installations/{" + uuid + "}.yaml": own, "/installations/{" + uuid + "}.yaml": own, "installations//{" + uuid + "}.yaml": own,
		"installation/{" + uuid + "}.yaml": own, `installations\{` + uuid + "}.yaml": own, "{" + uuid + "}.yaml": own, uuid + ".yml": own,
		"installations/a/{" + uuid + "}.yaml": own, "installations/{" + uuid + "}.yaml.txt": own, "installations/{" + uuid + ".yaml": own,
		"installations/acme.yaml": anyOwn, "installations/all.yaml": anyOwn, "installations/default.yaml": anyOwn, "installations/acme": anyOwn,
		"installations.yaml": anyOwn,
	} {
		if got, err := rollout.ScopeWorkspace(key); got != "" || !errors.Is(err, rollout.ErrRefused) || !strings.HasSuffix(err.Error(), `name it "`+want+`"`) {
			t.Errorf("%q: %q, error %v; want ErrRefused with %s", key, got, err, want)
		}
	}
	for _, key := range []string{"", "installations/", "notes.txt", "README.md", "logs/2026/default.log", "backup/default.yaml", "backup/" + own, "defaults.yaml", "my-default.yaml", "linkersync.zip"} {
		if got, err := rollout.ScopeWorkspace(key); got != "" || !errors.Is(err, rollout.ErrNotManifest) {
			t.Errorf("%q: %q, error %v; want ErrNotManifest", key, got, err)
		}
	}
	for key, want := range map[string]string{rollout.DefaultScope: "", own: "{" + uuid + "}"} {
		if got, err := rollout.ScopeWorkspace(key); got != want || err != nil {
			t.Errorf("%q: %q, error %v; want %q", key, got, err, want)
		}
	}
}
