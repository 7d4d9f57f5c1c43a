package main

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ linked, module, want string }{
		"set by make or the image": {"v1.2.3", "(devel)", "v1.2.3"},
		"go install":               {"", "v1.2.3", "v1.2.3"},
		"go install of a commit":   {"", "v0.0.0-20261129080811-0d18734aaaaa", "v0.0.0-20261129080811-0d18734aaaaa"},
		"go build of a work tree":  {"", "(devel)", "dev"},
		"no build information":     {"", "", "dev"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func() (*debug.BuildInfo, bool) {
				return &debug.BuildInfo{Main: debug.Module{Version: test.module}}, test.module != ""
			}
			if got := versionOf(test.linked, read); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
