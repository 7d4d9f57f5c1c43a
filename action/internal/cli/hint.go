package cli

import (
	"context"
	"errors"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
)

// hintFor adds what to do next to errors of which only the command knows it: the
// flag or the verb that helps.
func hintFor(err error) string {
	switch {
	case errors.Is(err, bitbucket.ErrEndpointRemoved):
		return "Bitbucket has removed the linker endpoints for Connect apps. Nothing more was called. Save what you have with \"linkersync installations list --json\", and see docs/migrate.md."
	case errors.Is(err, bitbucket.ErrUnauthorized):
		return "\"linkersync doctor --installation …\" tells a wrong secret from a wrong clock."
	case errors.Is(err, installation.ErrNotFound):
		return "\"linkersync installations list\" shows who has the app; \"installations import\" brings an existing app's store along."
	case errors.Is(err, context.Canceled):
		return "It was interrupted. What was done is kept; run the same command again to finish it."
	}
	return ""
}
