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
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

// The ways to prove a secret, see LINKERSYNC_PROOF.
const (
	proofOAuth     = "oauth"
	proofWorkspace = "workspace"
)

const (
	// proofTime leaves room for the write in callbackTime.
	proofTime = 5 * time.Second
	// proofAttempts is two: Bitbucket waits for the install, and has a person who can
	// try again.
	proofAttempts = 2
	// proofsPerSecond and proofBurst bound the calls to Bitbucket that strangers can
	// cause: real first installs are minutes apart.
	proofsPerSecond, proofBurst = 1, 5
)

// prover asks Bitbucket whether a shared secret is real, by using it. The host is
// fixed by configuration; nothing in the payload can change it.
type prover struct {
	appKey          string
	method          string
	apiURL, authURL string
	http            *http.Client
	limit           *rate.Limiter
	now             func() time.Time
}

func newProver(s settings) *prover {
	return &prover{
		appKey: s.appKey, method: s.proof, apiURL: s.apiURL, authURL: s.authURL,
		http:  &http.Client{Transport: transport.New(proofCalls())},
		limit: rate.NewLimiter(proofsPerSecond, proofBurst), now: s.now,
	}
}

// proofCalls is how often and how long Bitbucket is asked.
func proofCalls() transport.Options {
	return transport.Options{Attempts: proofAttempts, Timeout: proofTime / proofAttempts, FailFastOn429: true}
}

// prove returns nil when Bitbucket accepts the secret for this installation,
// ErrUnauthenticated when it does not, and ErrTryLater when it could not be asked.
func (p *prover) prove(ctx context.Context, clientKey, workspace string, secret redact.Secret) error {
	if !p.limit.AllowN(p.now(), 1) {
		return fmt.Errorf("%w: too many secrets to prove at once", answer.ErrTryLater)
	}
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	signer := connect.Signer{AppKey: p.appKey, ClientKey: clientKey, Secret: secret, Now: p.now}
	client := &bitbucket.Client{BaseURL: p.apiURL, AuthURL: p.authURL, HTTP: p.http, Sign: signer.Sign}
	err := p.use(ctx, client, workspace)
	// Bitbucket's words stay here: it knows the secret, and might repeat it.
	failure, answered := errors.AsType[*bitbucket.APIError](err)
	switch {
	case err == nil:
		return nil
	case answered && isRefusal(failure.Status):
		return fmt.Errorf("%w: Bitbucket refuses the secret with status %d", connect.ErrUnauthenticated, failure.Status)
	case answered:
		return fmt.Errorf("%w: Bitbucket says nothing about the secret but status %d", answer.ErrTryLater, failure.Status)
	}
	return fmt.Errorf("%w: Bitbucket can't be asked about the secret: %w", answer.ErrTryLater, err)
}

// accepts tells whether Bitbucket accepts the installation's current secret.
func (p *prover) accepts(ctx context.Context, in installation.Installation) (bool, error) {
	err := p.prove(ctx, in.ClientKey, in.Principal.UUID, in.SharedSecret)
	if errors.Is(err, connect.ErrUnauthenticated) {
		return false, nil
	}
	return err == nil, err
}

func (p *prover) use(ctx context.Context, client *bitbucket.Client, workspace string) error {
	if p.method == proofWorkspace {
		return client.Workspace(ctx, workspace)
	}
	_, err := client.AccessToken(ctx)
	return err
}

// isRefusal tells a verdict from an outage. Only these statuses say that the
// secret is not this installation's.
func isRefusal(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return true
	}
	return false
}
