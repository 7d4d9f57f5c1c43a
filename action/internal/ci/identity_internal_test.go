package ci

import (
	"context"
	"testing"

	"github.com/linkersync/linkersync/shared/redact"
)

// TestARoleIsOpenedAgainWithANewToken: by then the first one has long ended.
func TestARoleIsOpenedAgainWithANewToken(t *testing.T) {
	t.Parallel()
	token := firstThen(redact.New("first"), func(context.Context) (redact.Secret, error) { return redact.New("new"), nil })
	for i, want := range []string{"first", "new", "new"} {
		if got, err := token(t.Context()); got.Reveal() != want || err != nil {
			t.Errorf("call %d: %q, %v; want %q", i, got.Reveal(), err, want)
		}
	}
}
