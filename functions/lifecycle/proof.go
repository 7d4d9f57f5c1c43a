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
	// unsignedPerSecond and unsignedBurst bound the unsigned installs of one process
	// that Bitbucket is asked about. Real first installs are minutes apart.
	unsignedPerSecond, unsignedBurst = 1, 5
	// signedPerSecond and signedBurst bound the questions about events that are signed.
	// Only the holder of an installation's secret can cause one.
	signedPerSecond, signedBurst = 2, 20
)

// prover asks Bitbucket whether a shared secret is real, by using it. The host is
// fixed by configuration; nothing in the payload can change it.
type prover struct {
	appKey          string
	method          string
	apiURL, authURL string
	http            *http.Client
	// unsigned and signed are separate, so that strangers can't use up what a signed
	// event needs.
	unsigned, signed *rate.Limiter
	now              func() time.Time
}

func newProver(s settings) *prover {
	return &prover{
		appKey: s.appKey, method: s.proof, apiURL: s.apiURL, authURL: s.authURL,
		http:     &http.Client{Transport: transport.New(proofCalls())},
		unsigned: rate.NewLimiter(unsignedPerSecond, unsignedBurst),
		signed:   rate.NewLimiter(signedPerSecond, signedBurst), now: s.now,
	}
}

// proofCalls is how often and how long Bitbucket is asked.
func proofCalls() transport.Options {
	return transport.Options{Attempts: proofAttempts, Timeout: proofTime / proofAttempts, FailFastOn429: true}
}

// proveUnsigned proves the secret of an unsigned install. ErrTooMany tells that
// this process has asked about too many of them.
func (p *prover) proveUnsigned(ctx context.Context, event connect.Event) error {
	if !p.unsigned.AllowN(p.now(), 1) {
		return fmt.Errorf("%w: unsigned installs", answer.ErrTooMany)
	}
	return offered(p.ask(ctx, event.ClientKey, event.Principal.UUID, event.SharedSecret))
}

// prove proves the secret that a signed install offers.
func (p *prover) prove(ctx context.Context, event connect.Event) error {
	if err := p.admitSigned(); err != nil {
		return err
	}
	return offered(p.ask(ctx, event.ClientKey, event.Principal.UUID, event.SharedSecret))
}

// inForce tells whether Bitbucket uses the installation's current secret. The
// installation changes when it doesn't, so only a clear refusal of the secret says
// so. Any other failure is ErrTryLater.
func (p *prover) inForce(ctx context.Context, in installation.Installation) (bool, error) {
	if err := p.admitSigned(); err != nil {
		return false, err
	}
	err := p.ask(ctx, in.ClientKey, in.Principal.UUID, in.SharedSecret)
	failure, answered := errors.AsType[*bitbucket.APIError](err)
	switch {
	case err == nil:
		return true, nil
	case answered && refusesSecret(failure):
		return false, nil
	}
	return false, noVerdict(err)
}

func (p *prover) admitSigned() error {
	if !p.signed.AllowN(p.now(), 1) {
		return fmt.Errorf("%w: too many signed events to ask Bitbucket about", answer.ErrTryLater)
	}
	return nil
}

// ask uses the secret once.
func (p *prover) ask(ctx context.Context, clientKey string, workspace connect.WorkspaceUUID, secret redact.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	signer := connect.Signer{AppKey: p.appKey, ClientKey: clientKey, Secret: secret, Now: p.now}
	client := &bitbucket.Client{BaseURL: p.apiURL, AuthURL: p.authURL, HTTP: p.http, Sign: signer.Sign}
	if p.method == proofWorkspace {
		return client.Workspace(ctx, workspace)
	}
	_, err := client.AccessToken(ctx)
	return err
}

// offered says what Bitbucket's answer means for a secret that is offered, and that
// is stored when Bitbucket accepts it. These statuses refuse it: a wrong refusal
// stores nothing. ErrUnauthenticated for a refusal, ErrTryLater for no verdict.
func offered(err error) error {
	if failure, answered := errors.AsType[*bitbucket.APIError](err); answered {
		switch failure.Status {
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
			return fmt.Errorf("%w: Bitbucket refuses the secret with status %d", connect.ErrUnauthenticated, failure.Status)
		}
	}
	return noVerdict(err)
}

// refusesSecret tells a refusal of the secret itself from all other failures. In an
// incident Bitbucket answers 400, 403 and 404 as well.
// Source: https://www.rfc-editor.org/rfc/rfc6749#section-5.2 (invalid_grant)
func refusesSecret(failure *bitbucket.APIError) bool {
	return failure.Status == http.StatusUnauthorized ||
		failure.Status == http.StatusBadRequest && failure.Code == "invalid_grant"
}

// noVerdict returns nil for nil. Bitbucket's words are left out: it knows the
// secret, and might repeat it.
func noVerdict(err error) error {
	failure, answered := errors.AsType[*bitbucket.APIError](err)
	switch {
	case err == nil:
		return nil
	case answered:
		return fmt.Errorf("%w: Bitbucket answers with status %d, which says nothing about the secret", answer.ErrTryLater, failure.Status)
	}
	return fmt.Errorf("%w: Bitbucket can't be asked about the secret: %w", answer.ErrTryLater, err)
}
