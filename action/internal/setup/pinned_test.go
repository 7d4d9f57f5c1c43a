package setup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/bitbucket"
)

func TestBodiesArePinnedByTheEnvironment(t *testing.T) {
	t.Parallel()
	const create, bulk = `{"key":"BB"}`, `{"values":["BB"]}`
	for name, test := range map[string]struct {
		create, bulk string
		want         *bitbucket.Shape
		problem      string
	}{
		"neither":        {},
		"both":           {create, bulk, &bitbucket.Shape{Create: bitbucket.Body{Field: "key"}, Bulk: bitbucket.Body{Envelope: "values"}}, ""},
		"one of them":    {create, "", nil, "only one of LINKERSYNC_CREATE_BODY and LINKERSYNC_BULK_BODY is set: set both, or neither"},
		"the other":      {"", bulk, nil, "only one of"},
		"not an example": {"value", bulk, nil, "LINKERSYNC_CREATE_BODY, LINKERSYNC_BULK_BODY: read shape of a create body"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			variables := map[string]string{"LINKERSYNC_CREATE_BODY": test.create, "LINKERSYNC_BULK_BODY": test.bulk, SharedSecretVariable: "not-a-real-secret"}
			s := New(Options{AppKey: "app"}, func(name string) string { return variables[name] }, "test")
			for in, err := range s.Installations(t.Context(), "connection:1") {
				switch {
				case test.problem != "":
					if err == nil || !strings.Contains(err.Error(), test.problem) {
						t.Errorf("error %v, want %q", err, test.problem)
					}
				case err != nil:
					t.Error(err)
				default:
					if diff := cmp.Diff(test.want, s.Bitbucket(in).Codec.Shape); diff != "" {
						t.Error(diff)
					}
				}
			}
		})
	}
}
