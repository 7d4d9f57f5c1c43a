package infisical

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

const (
	// renewMargin is how long before its end a token is no longer used.
	renewMargin = time.Minute
	// refusalMemory is how long a refused login is not tried again. It is the
	// default of Infisical's lock-out, which three wrong secrets within 30 seconds
	// cause: without this, three parallel calls with one wrong secret would.
	refusalMemory = 5 * time.Minute
	// revokeTimeout bounds the last call of a command.
	revokeTimeout = 10 * time.Second
)

// session is the login that a client's calls share. The gate, a channel and not
// a mutex, lets a caller whose context ends stop waiting for another one's login.
type session struct {
	gate    chan struct{}
	token   redact.Secret
	expires time.Time // zero: never
	until   time.Time // when to stop using token; zero: never

	refusal      error
	refusedUntil time.Time
}

func (s *session) lock(ctx context.Context) error {
	select {
	case s.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) unlock() { <-s.gate }

// drop forgets the token if it is still the one that failed.
func (s *session) drop(ctx context.Context, token redact.Secret) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if s.token.Equal(token) {
		s.token = redact.Secret{}
	}
	return nil
}

// token returns the identity's access token, logging in when there is none or
// when it is about to end. Tokens are never renewed: with Infisical's default
// limits a renewal fails and deletes the token.
func (c *Client) token(ctx context.Context) (redact.Secret, error) {
	s := &c.session
	if err := s.lock(ctx); err != nil {
		return redact.Secret{}, fmt.Errorf("wait for the login: %w", err)
	}
	defer s.unlock()
	now := c.now()
	if !s.token.IsZero() && (s.until.IsZero() || now.Before(s.until)) {
		return s.token, nil
	}
	if s.refusal != nil && now.Before(s.refusedUntil) {
		return redact.Secret{}, s.refusal
	}
	granted, err := c.login(ctx, now)
	if errors.Is(err, ErrLoginRefused) {
		s.refusal, s.refusedUntil = err, now.Add(refusalMemory)
	}
	if err != nil {
		return redact.Secret{}, err
	}
	s.keep(granted, now)
	if c.OnToken != nil {
		c.OnToken(s.token)
	}
	return s.token, nil
}

func (s *session) keep(granted loginAnswer, now time.Time) {
	s.token = redact.New(granted.AccessToken)
	s.expires, s.until, s.refusal = time.Time{}, time.Time{}, nil
	if lifetime := granted.lifetime(); lifetime > 0 {
		s.expires = now.Add(lifetime)
		// A token of less than two minutes would otherwise be used for one call only.
		s.until = s.expires.Add(-min(renewMargin, lifetime/2))
	}
}

// Revoke ends the login, if there was one, so that a token with a default life
// of 30 days doesn't outlive the job. A token that Infisical no longer knows is
// fine. It works for up to 10 seconds even when ctx is done already, because an
// interrupted job has the most reason to clean up. The client stays usable: the
// next call connects and logs in again. A client that could not be used has
// nothing to end.
func (c *Client) Revoke(ctx context.Context) error {
	if c.prepare() != nil {
		return nil
	}
	defer c.endpoint.rest()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	s := &c.session
	if err := s.lock(ctx); err != nil {
		return fmt.Errorf("revoke the access token: %w", err)
	}
	defer s.unlock()
	token, expires := s.token, s.expires
	s.token = redact.Secret{}
	if token.IsZero() || !expires.IsZero() && !c.now().Before(expires) {
		return nil
	}
	err := c.send(ctx, request{
		method:  http.MethodPost,
		path:    []string{"auth", "token", "revoke"},
		body:    map[string]string{"accessToken": token.Reveal()},
		secrets: []redact.Secret{token},
		// Revoking twice is an error that the next lines take for success.
		repeatable: true,
	}, &revokeAnswer{})
	if err == nil || errors.Is(err, ErrTokenExpired) || errors.Is(err, ErrUnauthorized) {
		return nil
	}
	return fmt.Errorf("revoke the access token: %w", err)
}

// revokeAnswer's text isn't needed; that it is a JSON object is.
type revokeAnswer struct{}

func (revokeAnswer) complete() bool { return true }
