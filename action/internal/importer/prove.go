package importer

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
)

// Prove asks Bitbucket whether an installation's secret is the real one, by using it.
type Prove func(context.Context, installation.Installation) error

// refusal is a verdict, and says why: the row is not fit to be stored.
type refusal string

func (r refusal) Error() string { return string(r) }

// errUnproven is no verdict: Bitbucket could not be asked.
var errUnproven = errors.New("not proven")

// ByGrant proves a secret by trading a JWT for an OAuth token. It needs no scope.
func ByGrant(connect func(installation.Installation) *bitbucket.Client) Prove {
	return func(ctx context.Context, in installation.Installation) error {
		_, err := connect(in).AccessToken(ctx)
		return err
	}
}

// ByWorkspace proves a secret by reading the workspace that the row names, which
// shows that the row names the right one, too. It needs the scope account.
func ByWorkspace(connect func(installation.Installation) *bitbucket.Client) Prove {
	return func(ctx context.Context, in installation.Installation) error {
		if in.Principal.UUID == "" {
			return refusal("the row names no workspace to read: use --proof oauth")
		}
		return connect(in).Workspace(ctx, in.Principal.UUID)
	}
}

// prove asks, and sorts what comes back. Bitbucket's words stay here: it knows the
// secret, and might repeat it.
func (in *intake) prove(ctx context.Context, row installation.Installation) error {
	if in.options.Prove == nil {
		return nil
	}
	if row.State == installation.Uninstalled {
		return refusal("it is marked as uninstalled, and Bitbucket answers only installed ones: --no-proof keeps it as a tombstone")
	}
	err := in.options.Prove(ctx, row)
	failure, answered := errors.AsType[*bitbucket.APIError](err)
	switch {
	case err == nil:
		in.proven()
		return nil
	case isRefusal(err):
		return err
	case answered && isVerdict(failure.Status):
		in.proven()
		return refusal(fmt.Sprintf("Bitbucket doesn't accept the secret (status %d): the app is not installed there any more, or the secret is an old one", failure.Status))
	case answered:
		return fmt.Errorf("%w: Bitbucket says nothing about the secret but status %d", errUnproven, failure.Status)
	}
	return fmt.Errorf("%w: Bitbucket can't be asked about the secret: %w", errUnproven, err)
}

func isRefusal(err error) bool {
	_, is := errors.AsType[refusal](err)
	return is
}

// isVerdict tells a verdict from an outage.
func isVerdict(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return true
	}
	return false
}
