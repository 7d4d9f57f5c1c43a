package parts_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/parts"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plan []byte
		want string
	}{
		"nothing":               {nil, ""},
		"parts in any order":    {[]byte{1, 0, 1}, ".ab."},
		"the last part doubled": {[]byte{0, 1, 2}, "ab.."},
		"nothing to double":     {[]byte{2, 0}, "ab"},
		"cut behind a byte":     {[]byte{0, 1, 3, 1, 0, 1}, "a."},
		"cut before a byte":     {[]byte{0, 1, 4, 1, 0}, "b."},
		"cut at the end":        {[]byte{0, 3, 2, 0}, "ab"},
		"cut beyond the end":    {[]byte{0, 3, 3, 0}, ""},
		"cut without a place":   {[]byte{0, 3, 1}, "ab"},
		"instructions repeat":   {[]byte{5, 6}, "ab."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parts.Join(test.plan, "ab", "."); got != test.want {
				t.Errorf("Join(%v) = %q, want %q", test.plan, got, test.want)
			}
		})
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	want := [][]byte{{0}, {1}, {0, 0}, {1, 0}, {0, 1}, {1, 1}}
	if diff := cmp.Diff(want, slices.Collect(parts.Plans(2, 2))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
