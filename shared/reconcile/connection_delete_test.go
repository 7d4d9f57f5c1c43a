package reconcile_test

import (
	"errors"
	"testing"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
)

func TestDeleteConnection(t *testing.T) {
	t.Parallel()
	ours := infisical.Connection{Name: "ci", ProjectID: "p1", Description: mark + "000000000000"}
	tests := map[string]struct {
		there   infisical.Connection
		request reconcile.DeleteRequest
		set     func(f *fakeInfisical)
		found   bool
		check   func(error) bool
		left    int
	}{
		"ours":                      {ours, reconcile.DeleteRequest{Name: "ci", ProjectID: "p1"}, nil, true, nil, 0},
		"not there":                 {ours, reconcile.DeleteRequest{Name: "ci"}, nil, false, nil, 1},
		"deleted in between":        {ours, reconcile.DeleteRequest{Name: "ci", ProjectID: "p1"}, func(f *fakeInfisical) { f.before = on(2, func() { f.rows = nil }) }, false, nil, 0},
		"by hand":                   {infisical.Connection{Name: "ci"}, reconcile.DeleteRequest{Name: "ci"}, nil, true, is[*reconcile.UnmanagedError], 1},
		"by hand, permitted":        {infisical.Connection{Name: "ci"}, reconcile.DeleteRequest{Name: "ci", Unmanaged: true}, nil, true, nil, 0},
		"in use":                    {ours, reconcile.DeleteRequest{Name: "ci", ProjectID: "p1"}, func(f *fakeInfisical) { f.inUse = true }, true, wraps(infisical.ErrInUse), 1},
		"another app's":             {infisical.Connection{Name: "ci", App: "github"}, reconcile.DeleteRequest{Name: "ci", Unmanaged: true}, nil, false, wraps(infisical.ErrWrongApp), 1},
		"a server that is not well": {ours, reconcile.DeleteRequest{Name: "ci", ProjectID: "p1"}, func(f *fakeInfisical) { f.fault = failing(1, broken{errReset, false}) }, false, wraps(errReset), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &fakeInfisical{t: t}
			server.insert(test.there, "token-1")
			if test.set != nil {
				test.set(server)
			}
			was, found, err := reconcile.DeleteConnection(t.Context(), server, test.request)
			if found != test.found || test.check == nil && err != nil || test.check != nil && !test.check(err) {
				t.Errorf("found %v, error %v", found, err)
			}
			if found && was.Name != "ci" {
				t.Errorf("it was %+v", was)
			}
			if len(server.rows) != test.left {
				t.Errorf("%d connections are left, want %d", len(server.rows), test.left)
			}
		})
	}
}

func wraps(sentinel error) func(error) bool {
	return func(err error) bool { return errors.Is(err, sentinel) }
}
