package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/action/internal/session"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
)

// hintFor adds what to do next to errors of which only the command knows it: the
// flag or the verb that helps.
func (inv *invocation) hintFor(err error) string {
	switch {
	case errors.Is(err, bitbucket.ErrEndpointRemoved):
		return "Bitbucket has removed the linker endpoints for Connect apps. Nothing more was called. Save what you have with \"linkersync installations list --json\", and see docs/migrate.md."
	case errors.Is(err, bitbucket.ErrUnauthorized):
		return inv.hintForUnauthorized()
	case errors.Is(err, bitbucket.ErrNotFound):
		return "Bitbucket knows the linkers of the app's descriptor only: \"linkersync linkers list\" shows them, \"linkersync addon update\" makes it read a new one."
	case errors.Is(err, installation.ErrNotFound):
		return "\"linkersync installations list\" shows who has the app; \"installations import\" brings an existing app's store along."
	case errors.Is(err, context.Canceled):
		return "It was interrupted. What was done is kept; run the same command again to finish it."
	}
	return ""
}

// hintForUnauthorized tells a wrong clock from a wrong secret: the refusal itself
// came with Bitbucket's time.
func (inv *invocation) hintForUnauthorized() string {
	if problem := clockProblem(inv.session.Skew()); problem != "" {
		return problem
	}
	return "This machine's clock is right, so it is the shared secret: \"linkersync doctor --installation …\" looks closer, and \"linkersync installations import\" brings the right one."
}

// clockProblem says what to do about a clock that is too far off; empty when it isn't.
func clockProblem(ahead time.Duration, known bool) string {
	if !known || ahead.Abs() <= session.MaxSkew {
		return ""
	}
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	return fmt.Sprintf("This machine's clock is %s %s Bitbucket's, and every signature has the time in it: set the clock (turn on NTP) and run it again.", ahead.Abs(), side)
}
