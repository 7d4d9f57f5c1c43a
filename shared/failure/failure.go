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
	forPerson := func(r rule) bool { return r.kind != RetryLater && errors.Is(err, r.is) }
	return KindOf(err) == RetryLater && !slices.ContainsFunc(rules(), forPerson) && !isA[*tls.CertificateVerificationError](err)
}

func byRule(err error) Kind {
	if removal.Evidence(err) {
		return Everything
	}
	for _, rule := range rules() {
		if errors.Is(err, rule.is) {
			return rule.kind
		}
	}
	if isA[*url.Error](err) {
		return RetryLater
	}
	return ThisInstallation
}

type rule struct {
	is   error
	kind Kind
}

// rules are asked in order; the first match counts.
func rules() []rule { return slices.Concat(stoppingRules(), passingRules(), permanentRules()) }

func stoppingRules() []rule {
	return []rule{
		{context.Canceled, Everything},
		{awsenv.ErrAccessDenied, Everything},
		{awsenv.ErrBadCredentials, Everything},
		{awsenv.ErrNoCredentials, Everything},
		{awsenv.ErrNoRegion, Everything},
		{installation.ErrKMSDenied, Everything},
		{installation.ErrKMSKey, Everything},
		{infisical.ErrLoginRefused, Everything},
		{infisical.ErrLockedOut, Everything},
		{infisical.ErrUnauthorized, Everything},
	}
}

func passingRules() []rule {
	return []rule{
		// A worker that reads what a newer release wrote is replaced within minutes.
		{installation.ErrNewer, ThisInstallation},
		{bitbucket.ErrUnavailable, RetryLater},
		{bitbucket.ErrIncomplete, RetryLater},
		{infisical.ErrRateLimited, RetryLater},
		{infisical.ErrBusy, RetryLater},
		{infisical.ErrServer, RetryLater},
		{infisical.ErrBitbucketUnavailable, RetryLater},
		{awsenv.ErrThrottled, RetryLater},
		{awsenv.ErrServer, RetryLater},
		{awsenv.ErrUnreachable, RetryLater},
		{context.DeadlineExceeded, RetryLater},
		{rollout.ErrReplaced, RetryLater},
	}
}

func permanentRules() []rule {
	return []rule{
		{rollout.ErrRefused, Permanent},
		{reconcile.ErrTooManyValues, Permanent},
		{installation.ErrDamaged, Permanent},
		{installation.ErrInvalid, Permanent},
		{installation.ErrPendingDeletion, Permanent},
		{installation.ErrTooLarge, Permanent},
		{installation.ErrNoSecret, Permanent},
		{transport.ErrBodyTooLarge, Permanent},
		{bitbucket.ErrNoLinker, Permanent},
		{bitbucket.ErrForbidden, Permanent},
		{bitbucket.ErrInvalid, Permanent},
		{bitbucket.ErrUnknownShape, Permanent},
		{bitbucket.ErrForeignPage, Permanent},
		{infisical.ErrInvalid, Permanent},
		{infisical.ErrPermission, Permanent},
		{infisical.ErrNotFound, Permanent},
		{infisical.ErrUnknownProject, Permanent},
		{infisical.ErrNameTaken, Permanent},
		{infisical.ErrWrongApp, Permanent},
		{infisical.ErrInUse, Permanent},
		{infisical.ErrUnknownFolder, Permanent},
		{infisical.ErrDuplicateTarget, Permanent},
		{infisical.ErrProjectType, Permanent},
		{infisical.ErrPlan, Permanent},
		{infisical.ErrBadCredentials, Permanent},
		{infisical.ErrUnsupported, Permanent},
		// After its causes: a damaged secret makes its installation unavailable, too.
		{installation.ErrUnavailable, RetryLater},
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
