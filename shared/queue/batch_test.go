package queue

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBatches(t *testing.T) {
	t.Parallel()
	const most = 256 << 10
	for name, test := range map[string]struct {
		sizes []int
		want  [][]int
	}{
		"nothing":              {nil, nil},
		"ten at most":          {[]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, [][]int{{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {1}}},
		"as large as it fits":  {[]int{1, most - 1, 1, most}, [][]int{{1, most - 1}, {1}, {most}}},
		"anew after each":      {[]int{most, most - 1, 1, 1}, [][]int{{most}, {most - 1, 1}, {1}}},
		"too large, by itself": {[]int{most + 1, 1}, [][]int{{most + 1}, {1}}},
	} {
		got := slices.Collect(batches(test.sizes, func(size int) int { return size }))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
