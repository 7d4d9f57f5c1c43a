package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/reconcile"
)

const interruptedHint = "It was interrupted. What was done is kept; run the same command again to finish it."

// hintFor adds what to do next to errors of which only the command knows it: the
// flag or the verb that helps.
func (inv *invocation) hintFor(err error) string {
	if _, guarded := errors.AsType[*reconcile.PruneGuardError](err); guarded {
		return "Look at the plan. When the manifest's list is right, run it once more with --allow-prune."
	}
	if _, risky := errors.AsType[*reconcile.RiskError](err); risky {
		return "Look at the plan. When its risks are meant, run it once more with --allow-sync-risks."
	}
	switch {
	case errors.Is(err, bitbucket.ErrEndpointRemoved):
		return hintForRemoved()
	case errors.Is(err, bitbucket.ErrUnauthorized):
		return inv.hintForUnauthorized()
	case errors.Is(err, bitbucket.ErrNotFound):
		return "\"linkersync linkers list\" shows the linkers, which are those of the app's descriptor (\"linkersync addon update\" makes Bitbucket read a new one), and \"linkersync values list LINKER\" the values."
	case errors.Is(err, installation.ErrNotFound):
		return "\"linkersync installations list\" shows who has the app; \"installations import\" brings an existing app's store along."
	case errors.Is(err, awsenv.ErrUnreachable):
		return "Check the region (--aws-region, AWS_REGION), AWS_ENDPOINT_URL when it is set, and the network."
	case errors.Is(err, context.Canceled):
		return interruptedHint
	}
	return ""
}

// hintForRemoved is for an answer that may announce the removal of the linker endpoints.
// One answer proves nothing: see package removal.
func hintForRemoved() string {
	return "Bitbucket may have removed the linker endpoints for Connect apps, or this is a brownout, which ends after minutes: try again in a quarter of an hour. Save what you have with \"linkersync installations list --json\", and see docs/migrate.md."
}

// hintForUnauthorized tells a wrong clock from a wrong secret: the refusal itself
// came with Bitbucket's time.
func (inv *invocation) hintForUnauthorized() string {
	if problem := clockProblem(inv.session.Skew()); problem != "" {
		return problem
	}
	return "This machine's clock is right, so it is the shared secret: \"linkersync doctor --installation …\" looks closer."
}

// clockProblem says what to do about a clock that is too far off; empty when it isn't.
func clockProblem(ahead time.Duration, known bool) string {
	if !known || ahead.Abs() <= setup.MaxSkew {
		return ""
	}
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	return fmt.Sprintf("This machine's clock is %s %s Bitbucket's, and every signature has the time in it: set the clock (turn on NTP) and run it again.", ahead.Abs(), side)
}
