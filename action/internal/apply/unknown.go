package apply

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// unknownLinkerError is about a linker that the app's descriptor doesn't have.
type unknownLinkerError struct {
	key   string
	known []string
	cause error
}

func (e *unknownLinkerError) Error() string {
	return fmt.Sprintf("the app has no linker %q; it has %s", e.key, strings.Join(e.known, ", "))
}

func (e *unknownLinkerError) Unwrap() error { return e.cause }

// named adds the app's linkers to the error about one that it doesn't have. They are
// read once, because every workspace has the same descriptor.
func (p *pass) named(ctx context.Context, api reconcile.LinkerValues, key string, err error) error {
	descriptor, lists := api.(interface {
		Linkers(ctx context.Context) iter.Seq2[bitbucket.Linker, error]
	})
	if !lists || !errors.Is(err, bitbucket.ErrNoLinker) {
		return err
	}
	p.list.Do(func() {
		for linker, err := range descriptor.Linkers(ctx) {
			if err != nil {
				p.known = nil
				return
			}
			p.known = append(p.known, linker.Key)
		}
	})
	if len(p.known) == 0 || slices.Contains(p.known, key) {
		return err
	}
	return &unknownLinkerError{key, p.known, err}
}
