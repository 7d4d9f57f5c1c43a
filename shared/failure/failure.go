// Package failure says what an error of a client means: whether a person has to act,
// whether time helps, and whom it concerns. Workers, command and CI ask it; none of them
// has a list of its own.
package failure

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/rollout"
	"github.com/linkersync/linkersync/shared/transport"
)

// Kind is what an error means.
type Kind int

// The kinds, from the one that stops least.
const (
	// None is the kind of nil.
	None Kind = iota
	// Permanent: every further attempt would meet the same error. A person has to act.
	Permanent
	// ThisInstallation: something is wrong with one installation, such as its secret or
	// its workspace, and nothing is known about others. An incident of the vendor looks
	// the same, so it is worth trying again for an hour or two. So is an error that no
	// rule knows.
	ThisInstallation
	// RetryLater: there is no verdict, because of a rate limit, an outage or too little time.
	RetryLater
	// Everything: every installation would meet the error, such as missing AWS
	// permissions, or an answer that announces the end of the linker endpoints.
	Everything
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"none", "permanent", "this installation only", "retry later", "everything stops"}[k]
}

// Several are the errors of independent parts, such as the linkers of one installation.
// Their kind is that of the part that stops most: what can pass for one of them is worth
// coming back for.
type Several []error

// Error joins the texts.
func (s Several) Error() string { return errors.Join(s...).Error() }

// Unwrap returns all of them.
func (s Several) Unwrap() []error { return s }

// Err is nil when there is no error.
func (s Several) Err() error {
	if len(s) == 0 {
		return nil
	}
	return s
}

// KindOf sorts an error of any client.
func KindOf(err error) Kind {
	if several, ok := errors.AsType[Several](err); ok {
		kind := None
		for _, one := range several {
			kind = max(kind, KindOf(one))
		}
		return kind
	}
	if err == nil {
		return None
	}
	// Before its cause, which is only the last failure on the way.
	if left, ok := errors.AsType[*reconcile.NotConvergedError](err); ok {
		if left.Permanent() {
			return Permanent
		}
		return max(ThisInstallation, byRule(err))
	}
	if isA[*reconcile.PruneGuardError](err) || isA[*reconcile.ValuesError](err) || isA[*reconcile.BulkRefusedError](err) || isA[*reconcile.RiskError](err) || isA[*reconcile.UnmanagedError](err) {
		return Permanent
	}
	return byRule(err)
}

// Passing tells whether time alone may help: nothing in err is for a person to correct,
// such as one of several errors, or a server's certificate.
func Passing(err error) bool {
	if several, ok := errors.AsType[Several](err); ok {
		return len(several) > 0 && !slices.ContainsFunc(several, func(one error) bool { return !Passing(one) })
	}
	forPerson := func(r rule) bool { return r.kind != RetryLater && r.matches(err) }
	return KindOf(err) == RetryLater && !slices.ContainsFunc(rules(), forPerson) && !isA[*tls.CertificateVerificationError](err)
}

func byRule(err error) Kind {
	if removal.Evidence(err) {
		return Everything
	}
	for _, rule := range rules() {
		if rule.matches(err) {
			return rule.kind
		}
	}
	if isA[*url.Error](err) {
		return RetryLater
	}
	return ThisInstallation
}

// rule gives errors a kind.
type rule struct {
	kind Kind
	of   []error
}

func (r rule) matches(err error) bool {
	return slices.ContainsFunc(r.of, func(one error) bool { return errors.Is(err, one) })
}

// rules are asked in order; the first match counts.
func rules() []rule {
	return []rule{
		{Everything, []error{
			context.Canceled,
			awsenv.ErrAccessDenied, awsenv.ErrBadCredentials, awsenv.ErrNoCredentials, awsenv.ErrNoRegion,
			installation.ErrKMSDenied, installation.ErrKMSKey,
			infisical.ErrLoginRefused, infisical.ErrLockedOut, infisical.ErrUnauthorized,
		}},
		// A worker that reads what a newer release wrote is replaced within minutes.
		{ThisInstallation, []error{installation.ErrNewer}},
		{RetryLater, []error{
			context.DeadlineExceeded,
			awsenv.ErrThrottled, awsenv.ErrServer, awsenv.ErrUnreachable,
			bitbucket.ErrUnavailable, bitbucket.ErrIncomplete,
			infisical.ErrRateLimited, infisical.ErrBusy, infisical.ErrServer, infisical.ErrBitbucketUnavailable,
			rollout.ErrReplaced,
		}},
		{Permanent, []error{
			rollout.ErrRefused, reconcile.ErrTooManyValues, transport.ErrBodyTooLarge,
			installation.ErrDamaged, installation.ErrInvalid, installation.ErrPendingDeletion, installation.ErrTooLarge, installation.ErrNoSecret,
			bitbucket.ErrNoLinker, bitbucket.ErrForbidden, bitbucket.ErrInvalid, bitbucket.ErrUnknownShape, bitbucket.ErrForeignPage,
			infisical.ErrInvalid, infisical.ErrPermission, infisical.ErrNotFound, infisical.ErrUnknownProject, infisical.ErrNameTaken,
			infisical.ErrWrongApp, infisical.ErrInUse, infisical.ErrUnknownFolder, infisical.ErrDuplicateTarget, infisical.ErrProjectType,
			infisical.ErrPlan, infisical.ErrBadCredentials, infisical.ErrUnsupported,
		}},
		// After its causes: a damaged secret makes its installation unavailable, too.
		{RetryLater, []error{installation.ErrUnavailable}},
	}
}

func isA[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}

// RetryAfter is how long the server asked to wait, 0 when it didn't.
func RetryAfter(err error) time.Duration {
	if answer, ok := errors.AsType[*bitbucket.APIError](err); ok {
		return answer.RetryAfter
	}
	if answer, ok := errors.AsType[*infisical.APIError](err); ok {
		return answer.RetryAfter
	}
	return 0
}
