package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/bitbucket"
)

// ends tells whether an error of a write would meet every further call too.
// Anything else, a time-out, a reset or a 500, says nothing about whether the
// write happened, so it is the next read that decides.
func ends(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return true
	}
	for _, sentinel := range []error{
		bitbucket.ErrRateLimited, bitbucket.ErrEndpointRemoved, bitbucket.ErrNotFound,
		bitbucket.ErrUnauthorized, bitbucket.ErrWrongAuthType, bitbucket.ErrForbidden,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// refused tells whether Bitbucket gave a verdict on what was sent: a 400, for the
// body's shape or the value, a 413, for its size, or any other 4xx but those about
// the moment. Repeating it changes nothing.
func refused(err error) bool {
	answer, found := errors.AsType[*bitbucket.APIError](err)
	return errors.Is(err, bitbucket.ErrInvalid) || found && answer.Status/100 == 4 && !momentary(answer.Status)
}

// momentary tells whether a 4xx is about when, or over which connection, the call
// came, and not about what it said. Like a 500 it is no verdict.
// Source: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9 (408) and 15.5.20
// (421), https://www.rfc-editor.org/rfc/rfc4918#section-11.3 (423),
// https://www.rfc-editor.org/rfc/rfc8470#section-5.2 (425)
func momentary(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusLocked, http.StatusTooEarly:
		return true
	}
	return false
}

// BulkRefusedError says that the bulk update, the only way for so many values, was
// refused, and that none of them was tried on its own. The manifest has to change
// first, or the shape of the bodies; errors.Is sees why Bitbucket refused.
type BulkRefusedError struct {
	Linker string
	// Values were in the bulk update, Missing of them aren't at Bitbucket.
	Values, Missing int
	Cause           error
}

func (e *BulkRefusedError) Error() string {
	return fmt.Sprintf("update linker %q: Bitbucket refused the bulk update of %d values, and to add the %d that are missing one by one is too many calls (at most %d), so none was tried; "+
		"if the list is too long, split it over several linkers, otherwise pin the shape of the bodies: %v",
		e.Linker, e.Values, e.Missing, maxSingleAdds, e.Cause)
}

// Unwrap returns the cause.
func (e *BulkRefusedError) Unwrap() error { return e.Cause }

// NotConvergedError says what is left between a linker and its target after the
// last round, and why. errors.Is sees the last failure of a call.
type NotConvergedError struct {
	Linker string
	// Missing should be there and isn't; Extra is there and shouldn't be.
	Missing, Extra []Left
	// Rounds is how often it was acted on.
	Rounds int
	// Cause is the last failure that was hoped to pass; nil when no call failed.
	Cause error
}

// Left is a value that is not where it belongs.
type Left struct {
	Value string `json:"value"`
	// Reason is empty when nothing is known but that it stayed that way.
	Reason string `json:"reason,omitempty"`
}

func (e *NotConvergedError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, fmt.Sprintf("%d missing: %s", len(e.Missing), listLeft(e.Missing)))
	}
	if len(e.Extra) > 0 {
		parts = append(parts, fmt.Sprintf("%d not removed: %s", len(e.Extra), listLeft(e.Extra)))
	}
	text := fmt.Sprintf("reconcile linker %q: not as wanted after %s, %s", e.Linker, counted(e.Rounds, "round"), strings.Join(parts, "; "))
	if e.Cause != nil {
		text += "; last failure: " + e.Cause.Error()
	}
	if !e.Permanent() {
		text += "; running it again continues from here"
	}
	return text
}

// Unwrap returns the cause.
func (e *NotConvergedError) Unwrap() error { return e.Cause }

// Permanent tells that every value has a reason, and so running again won't help:
// the manifest, or something at Bitbucket, has to change first.
func (e *NotConvergedError) Permanent() bool {
	return !slices.ContainsFunc(slices.Concat(e.Missing, e.Extra), func(l Left) bool { return l.Reason == "" })
}

func listLeft(left []Left) string {
	shown := make([]string, 0, MaxShown)
	for _, l := range left[:min(len(left), MaxShown)] {
		text := quote(l.Value)
		if l.Reason != "" {
			text += " (" + l.Reason + ")"
		}
		shown = append(shown, text)
	}
	return strings.Join(shown, ", ") + andMore(len(left))
}

func (r *run) notConverged() error {
	err := &NotConvergedError{Linker: r.first.Linker, Rounds: r.rounds, Cause: r.cause}
	for _, value := range r.last.Add {
		err.Missing = append(err.Missing, Left{Value: value, Reason: r.stuck[value]})
	}
	for _, value := range r.last.Remove {
		err.Extra = append(err.Extra, Left{Value: value, Reason: r.stuck[value]})
	}
	return err
}
