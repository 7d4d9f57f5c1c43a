package failure_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/failure"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/rollout"
)

func answer(status int, message string) error {
	return fmt.Errorf("read values: %w", &bitbucket.APIError{Status: status, Path: "/2.0/addon/linkers/issues/values", Message: message})
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want failure.Kind
	}{
		"nil":                         {nil, failure.None},
		"410 of the linkers":          {answer(410, ""), failure.Everything},
		"404, no API hosted":          {answer(404, "There is no API hosted at this URL."), failure.Everything},
		"410 of another endpoint":     {&bitbucket.APIError{Status: 410, Path: "/2.0/addon"}, failure.ThisInstallation},
		"404 about a workspace":       {answer(404, "No workspace with identifier 'example'."), failure.ThisInstallation},
		"404 about a linker":          {answer(404, "The linker does not exist."), failure.Permanent},
		"400":                         {answer(400, ""), failure.Permanent},
		"401":                         {answer(401, ""), failure.ThisInstallation},
		"403":                         {answer(403, ""), failure.Permanent},
		"429":                         {answer(429, ""), failure.RetryLater},
		"503":                         {answer(503, ""), failure.RetryLater},
		"a list of an unknown shape":  {fmt.Errorf("list: %w", bitbucket.ErrUnknownShape), failure.Permanent},
		"a list that ended early":     {fmt.Errorf("list: %w", bitbucket.ErrIncomplete), failure.RetryLater},
		"a proxy's page":              {fmt.Errorf("list: %w", bitbucket.ErrNotJSON), failure.ThisInstallation},
		"no connection":               {&url.Error{Op: "Get", URL: "x", Err: errors.New("refused")}, failure.RetryLater},
		"too little time":             {context.DeadlineExceeded, failure.RetryLater},
		"a signal":                    {context.Canceled, failure.Everything},
		"AWS denies":                  {&awsenv.Error{Code: "AccessDeniedException", Kind: awsenv.ErrAccessDenied}, failure.Everything},
		"AWS throttles":               {&awsenv.Error{Kind: awsenv.ErrThrottled}, failure.RetryLater},
		"the store is away":           {installation.ErrUnavailable, failure.RetryLater},
		"a damaged secret":            {&installation.Error{Kind: installation.ErrDamaged}, failure.Permanent},
		"a newer release's secret":    {&installation.Error{Kind: installation.ErrNewer}, failure.ThisInstallation},
		"a key that may not be used":  {&installation.Error{Kind: installation.ErrKMSDenied}, failure.Everything},
		"a code that nothing knows":   {&installation.Error{}, failure.RetryLater},
		"a manifest that isn't valid": {rollout.ErrRefused, failure.Permanent},
		"a large prune":               {&reconcile.PruneGuardError{}, failure.Permanent},
		"a sync's risk":               {fmt.Errorf("sync: %w", &reconcile.RiskError{}), failure.Permanent},
		"a connection of others":      {&reconcile.UnmanagedError{}, failure.Permanent},
		"a folder that isn't there":   {infisical.ErrUnknownFolder, failure.Permanent},
		"a run under way":             {infisical.ErrBusy, failure.RetryLater},
		"Infisical's limit":           {infisical.ErrRateLimited, failure.RetryLater},
		"Infisical's login":           {infisical.ErrLoginRefused, failure.Everything},
		"a name that is taken":        {infisical.ErrNameTaken, failure.Permanent},
		"what no rule knows":          {errors.New("?"), failure.ThisInstallation},
		"several, one may pass":       {fmt.Errorf("linkers: %w", failure.Several{answer(403, ""), answer(503, "")}), failure.RetryLater},
		"several, none may pass":      {failure.Several{answer(403, ""), answer(400, "")}, failure.Permanent},
	} {
		if got := failure.KindOf(test.err); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestPassing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                       {nil, false},
		"503":                       {answer(503, ""), true},
		"403":                       {answer(403, ""), false},
		"a signal":                  {context.Canceled, false},
		"several that pass":         {fmt.Errorf("linkers: %w", failure.Several{answer(429, ""), answer(503, "")}), true},
		"several, one for a person": {failure.Several{answer(403, ""), answer(503, "")}, false},
		"joined, one for a person":  {errors.Join(answer(503, ""), infisical.ErrPermission), false},
		"joined, all pass":          {errors.Join(answer(503, ""), infisical.ErrRateLimited), true},
		"an unknown certificate":    {&url.Error{Op: "Get", URL: "x", Err: &tls.CertificateVerificationError{Err: errors.New("unknown authority")}}, false},
		"none of several":           {failure.Several{}, false},
	} {
		if got := failure.Passing(test.err); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	limited := fmt.Errorf("read: %w", &bitbucket.APIError{Status: 429, RetryAfter: time.Minute})
	if got := [2]time.Duration{failure.RetryAfter(limited), failure.RetryAfter(errors.New("x"))}; got != [2]time.Duration{time.Minute, 0} {
		t.Errorf("waits %v", got)
	}
}
