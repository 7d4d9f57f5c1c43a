package main

import (
	"time"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
)

// rotates tells whether the install offers another secret than the stored one.
func (a authorization) rotates() bool { return !a.in.SharedSecret.Equal(a.event.SharedSecret) }

// isOvertaken tells whether an event that Bitbucket made later was applied before.
//
// Bitbucket signs with the current secret only after the rotation to it, so such an
// event is later than the rotation, whatever the clocks say. It is compared only
// with what came since. All other events are ordered by the clocks alone.
func (a authorization) isOvertaken() bool {
	if a.signedBy == connect.SignedByCurrent {
		return a.at.Before(a.in.SignedAt)
	}
	return a.at.Before(a.in.EventAt)
}

// timed sets the event times of next, the state that the event makes of from.
func (a authorization) timed(from, next installation.Installation) installation.Installation {
	next.EventAt = later(a.at, from.EventAt)
	switch {
	case next.SharedSecret.Equal(from.SharedSecret):
		next.SignedAt = later(a.at, from.SignedAt)
	case next.SharedSecret.Equal(a.signedWith):
		next.SignedAt = next.EventAt
	default: // a rotation: nothing was signed with the new secret yet
		next.SignedAt = time.Time{}
	}
	return next
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
