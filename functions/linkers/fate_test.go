package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/rollout"
	"github.com/linkersync/linkersync/shared/s3object"
	"github.com/linkersync/linkersync/shared/transport"
)

// patience is how long a message with an error is put back before it is buried.
type patience string

const (
	done    patience = "finished at once"
	atOnce  patience = "buried at once"
	sixFold patience = "put back six times"
	aDay    patience = "put back for a day"
)

// patienceOf asks for the fate of a message at both ends of both bounds.
func patienceOf(err error) patience {
	at := func(deferred int, age time.Duration) fate {
		return fateOf(&work{begun: true, err: err, message: rollout.Message{Deferred: deferred, Since: today.Add(-age)}}, today)
	}
	answers := [...]fate{at(0, 0), at(maxRepeats-1, maxAge), at(maxRepeats, 0), at(1000, maxAge-time.Nanosecond), at(maxRepeats, maxAge)}
	switch answers {
	case [...]fate{finished, finished, finished, finished, finished}:
		return done
	case [...]fate{buried, buried, buried, buried, buried}:
		return atOnce
	case [...]fate{deferred, deferred, buried, buried, buried}:
		return sixFold
	case [...]fate{deferred, deferred, deferred, deferred, buried}:
		return aDay
	}
	return patience(fmt.Sprint("mixed: ", answers))
}

func bitbucketAnswers(status int, message string) error {
	return fmt.Errorf("linker issues: %w", &bitbucket.APIError{Method: http.MethodGet, Path: "/2.0/addon/linkers/issues/values", Status: status, Message: message})
}

func storeFails(kind error) error {
	return &installation.Error{Op: "read installation", Subject: "x", Kind: kind, AWS: &awsenv.Error{Kind: kind}}
}

func notConverged(cause error, reason string) error {
	return &reconcile.NotConvergedError{Linker: "issues", Missing: []reconcile.Left{{Value: "A", Reason: reason}}, Cause: cause}
}

// TestPatienceWithEveryError is every kind of error that a message's work can end
// with, what becomes of the message, and why.
func TestPatienceWithEveryError(t *testing.T) {
	t.Parallel()
	late := &url.Error{Op: "Get", URL: "https://s3.example.com", Err: io.ErrUnexpectedEOF}
	for _, test := range []struct {
		name string
		err  error
		want patience
		why  string
	}{
		{"nothing", nil, done, "it worked"},
		{"skipped", fmt.Errorf("%w: the app is uninstalled there", errSkipped), done, "nothing is to be done"},
		{"endpoint removed", bitbucketAnswers(410, ""), done, "everything is stopped, see gate"},

		{"prune guard", &reconcile.PruneGuardError{}, atOnce, "a person has to say yes"},
		{"values", &reconcile.ValuesError{}, atOnce, "the manifest has to change"},
		{"bulk refused", &reconcile.BulkRefusedError{Cause: bitbucketAnswers(413, "")}, atOnce, "the manifest has to change"},
		{"values left, each with a reason", notConverged(nil, "refused"), atOnce, "no call can bring them where they belong"},
		{"values left with a reason, after an outage", notConverged(bitbucketAnswers(500, ""), "refused"), atOnce, "the outage is not why"},
		{"values left without a reason", notConverged(nil, ""), sixFold, "a lagging replica, or another writer"},
		{"values left after an outage", notConverged(bitbucketAnswers(503, ""), ""), aDay, "an outage passes"},
		{"values left after a refused bulk update", notConverged(bitbucketAnswers(400, ""), ""), sixFold, "the last failure on the way isn't why"},
		{"a linker that isn't in the descriptor", bitbucketAnswers(404, "no such linker"), atOnce, "the manifest or the app has to change"},

		{"400", bitbucketAnswers(400, ""), atOnce, "it is what we send"},
		{"401", bitbucketAnswers(401, ""), sixFold, "a reinstall replaces the secret at this moment"},
		{"403", bitbucketAnswers(403, ""), atOnce, "the app lacks the permission"},
		{"403, wrong kind of credentials", bitbucketAnswers(403, "authentication types"), atOnce, "the app lacks the permission"},
		{"403, scope", bitbucketAnswers(403, "privilege scopes"), atOnce, "the app lacks the permission"},
		{"408", bitbucketAnswers(408, ""), sixFold, "it is about the moment"},
		{"values left after a 408", notConverged(bitbucketAnswers(408, ""), ""), sixFold, "it is about the moment"},
		{"409", bitbucketAnswers(409, ""), sixFold, "somebody else writes, too"},
		{"422", bitbucketAnswers(422, ""), sixFold, "no document lists it"},
		{"429", bitbucketAnswers(429, ""), aDay, "the limit counts over an hour"},
		{"500", bitbucketAnswers(500, ""), aDay, "an outage passes"},
		{"504", bitbucketAnswers(504, ""), aDay, "an outage passes"},
		{"555", bitbucketAnswers(555, ""), aDay, "an outage passes"},
		{"no answer", fmt.Errorf("GET: %w: %w", bitbucket.ErrUnavailable, io.ErrUnexpectedEOF), aDay, "an outage passes"},
		{"a proxy's page", fmt.Errorf("GET: %w", bitbucket.ErrNotJSON), sixFold, "whoever is in between may go"},
		{"an unknown shape", fmt.Errorf("GET: %w", bitbucket.ErrUnknownShape), atOnce, "the next answer has it, too"},
		{"a page elsewhere", fmt.Errorf("GET: %w", bitbucket.ErrForeignPage), atOnce, "the next answer has it, too"},
		{"an answer without end", fmt.Errorf("GET: %w", transport.ErrBodyTooLarge), atOnce, "the next one is as large"},
		{"a redirect", fmt.Errorf("GET: %w", transport.ErrRedirect), sixFold, "whoever is in between may go"},
		{"no signature", fmt.Errorf("GET: %w", transport.ErrAuthorization), sixFold, "a reinstall brings a secret"},
		{"the endpoint is gone for one alone", fmt.Errorf("%w (404)", errAlone), atOnce, "only a person can tell"},
		{"no updates of the app", fmt.Errorf("%w (410)", errAddonGone), atOnce, "only a person can tell"},

		{"store: gone", storeFails(installation.ErrNotFound), sixFold, "worker.do takes it for errSkipped before"},
		{"store: throttled", storeFails(awsenv.ErrThrottled), aDay, "an outage passes"},
		{"store: unreachable", storeFails(awsenv.ErrUnreachable), aDay, "an outage passes"},
		{"store: fails", storeFails(awsenv.ErrServer), aDay, "an outage passes"},
		{"store: denied", storeFails(awsenv.ErrAccessDenied), aDay, "thousands of dead letters would say no more"},
		{"store: credentials", storeFails(awsenv.ErrBadCredentials), aDay, "the role's are renewed"},
		{"store: key denied", storeFails(installation.ErrKMSDenied), aDay, "an operator can allow it"},
		{"store: key disabled", storeFails(installation.ErrKMSKey), aDay, "an operator can enable it"},
		{"store: damaged", storeFails(installation.ErrDamaged), atOnce, "only a person can mend it"},
		{"store: newer", storeFails(installation.ErrNewer), sixFold, "a deployment takes minutes"},
		{"store: invalid", storeFails(installation.ErrInvalid), atOnce, "nothing has such a name"},

		{"manifest: not valid", fmt.Errorf("%w: default.yaml", rollout.ErrRefused), atOnce, "the manifest has to change"},
		{"manifest: S3 answers 503", fmt.Errorf("get: %w", &s3object.StatusError{Status: 503}), aDay, "an outage passes"},
		{"manifest: S3 answers 403", fmt.Errorf("get: %w", &s3object.StatusError{Status: 403}), aDay, "an operator can allow it"},
		{"manifest: S3 doesn't answer", fmt.Errorf("get: %w", late), aDay, "an outage passes"},
		{"manifest: too large", fmt.Errorf("get: %w", &url.Error{Op: "Get", Err: transport.ErrBodyTooLarge}), atOnce, "the manifest has to change"},
		{"manifest: changes all the time", errors.New("the manifest changed 3 times"), sixFold, "somebody's loop ends"},
		{"table: throttled", fmt.Errorf("read: %w", &awsenv.Error{Kind: awsenv.ErrThrottled}), aDay, "an outage passes"},
		{"table: a code that we cause", fmt.Errorf("read: %w", &awsenv.Error{Code: "ValidationException"}), sixFold, "a release mends it"},

		{"no time left", context.DeadlineExceeded, aDay, "the next attempt goes on from here"},
		{"a panic", startup.ErrPanic, sixFold, "it may depend on what was read"},

		{"two linkers, both for good", failures{&reconcile.PruneGuardError{}, bitbucketAnswers(404, "no such linker")}, atOnce, "no attempt can help either"},
		{"two linkers, one rate limited", failures{&reconcile.PruneGuardError{}, bitbucketAnswers(429, "")}, aDay, "the other one still gets its values"},
		{"two linkers, one may pass", failures{bitbucketAnswers(401, ""), &reconcile.ValuesError{}}, sixFold, "the other one still gets its values"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := patienceOf(test.err); got != test.want {
				t.Errorf("%v is %s, want %s: %s", test.err, got, test.want, test.why)
			}
		})
	}
}

// TestKeptApartIsNoFailure: however old it is, and however often it was put back.
func TestKeptApartIsNoFailure(t *testing.T) {
	t.Parallel()
	w := &work{err: errApart, message: rollout.Message{Deferred: maxRepeats, Since: today.Add(-maxAge)}}
	if got := fateOf(w, today); got != apart {
		t.Errorf("fate %d, want it put back apart from others", got)
	}
}

// TestAMessageWithoutDateIsNotOld: the first sync of a release that didn't write it.
func TestAMessageWithoutDateIsNotOld(t *testing.T) {
	t.Parallel()
	w := &work{begun: true, err: bitbucketAnswers(429, ""), message: rollout.Message{Deferred: maxRepeats}}
	if got := fateOf(w, today); got != deferred {
		t.Errorf("fate %d, want it put back, which dates it", got)
	}
}
