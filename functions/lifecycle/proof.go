package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/linkersync/linkersync/functions/internal/answer"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
)

// The ways to prove a first install, see LINKERSYNC_PROOF.
const (
	proofOAuth     = "oauth"
	proofWorkspace = "workspace"
)

// proofTimeout leaves room in the ten seconds that Bitbucket gives a webhook.
const proofTimeout = 8 * time.Second

// newProofLimit bounds the calls to Bitbucket that strangers can cause: real first
// installs are minutes apart.
func newProofLimit() *rate.Limiter { return rate.NewLimiter(1, 5) }

// prover asks Bitbucket whether an offered shared secret is real, by using it. The
// host is fixed by configuration; nothing in the payload can change it.
type prover struct {
	appKey          string
	method          string
	apiURL, authURL string
	http            *http.Client
	limit           *rate.Limiter
}

// prove returns nil when Bitbucket accepts the secret for this installation,
// ErrUnauthenticated when it does not, and ErrTryLater when it could not be asked.
func (p *prover) prove(ctx context.Context, event connect.Event) error {
	// A key of an old form names no workspace, so what it proves could not be tied
	// to the principal. New installations never have one.
	if _, _, ok := connect.ClientKeyWorkspace(event.ClientKey); !ok {
		return fmt.Errorf("%w: first install with a client key that names no workspace", connect.ErrUnauthenticated)
	}
	if !p.limit.Allow() {
		return fmt.Errorf("%w: too many first installs at once", answer.ErrTryLater)
	}
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	signer := connect.Signer{AppKey: p.appKey, ClientKey: event.ClientKey, Secret: event.SharedSecret}
	client := &bitbucket.Client{BaseURL: p.apiURL, AuthURL: p.authURL, HTTP: p.http, Sign: signer.Sign}
	err := p.use(ctx, client, event.Principal.UUID)
	switch {
	case err == nil:
		return nil
	case refusal(err):
		return fmt.Errorf("%w: Bitbucket refuses the offered secret: %w", connect.ErrUnauthenticated, err)
	}
	return fmt.Errorf("%w: Bitbucket can't be asked about the offered secret: %w", answer.ErrTryLater, err)
}

func (p *prover) use(ctx context.Context, client *bitbucket.Client, workspace string) error {
	if p.method == proofWorkspace {
		return client.Workspace(ctx, workspace)
	}
	_, err := client.AccessToken(ctx)
	return err
}

// refusal tells a verdict from an outage. Only these statuses say that the secret
// is not this installation's.
func refusal(err error) bool {
	failure, ok := errors.AsType[*bitbucket.APIError](err)
	if !ok {
		return false
	}
	switch failure.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return true
	}
	return false
}
