package connect

import (
	"errors"
	"fmt"
	"log/slog"
)

// Errors that callers branch on; the package documentation says which answer
// each one becomes.
var (
	// ErrUnauthenticated: the request does not prove that Bitbucket sent it for an
	// installation of ours. Its text is all that an outsider gets to see.
	ErrUnauthenticated = errors.New("request is not authenticated")
	// ErrUnavailable: the secrets could not be read, so nothing is known about the request.
	ErrUnavailable = errors.New("secrets are unavailable")
	// ErrUnknownTenant is what a [SecretSource] returns for a client key that it
	// has never seen, not even as an installation that is gone.
	ErrUnknownTenant = errors.New("unknown client key")
	// ErrInvalidPayload: a body is not what the protocol says. Its text names
	// fields and never repeats a value, so it can be sent to the caller.
	ErrInvalidPayload = errors.New("invalid payload")
	// ErrNoSharedSecret, an [ErrInvalidPayload]: an installed payload carries no
	// shared secret. Bitbucket sends such payloads for personal accounts.
	ErrNoSharedSecret = fmt.Errorf("%w: sharedSecret is missing", ErrInvalidPayload)
)

// Reason tells an operator why a request was refused. It never leaves the process
// towards the caller.
type Reason string

// The reasons, in the order in which they are checked.
const (
	ReasonScheme         Reason = "wrong_authorization_scheme"
	ReasonAmbiguousToken Reason = "ambiguous_token"
	ReasonNoToken        Reason = "no_token"
	ReasonTooLong        Reason = "token_too_long"
	ReasonMalformed      Reason = "malformed_token"
	ReasonAlgorithm      Reason = "wrong_algorithm"
	ReasonIssuer         Reason = "invalid_issuer"
	ReasonUnknownTenant  Reason = "unknown_tenant"
	ReasonSignature      Reason = "bad_signature"
	ReasonTimes          Reason = "invalid_time_claims"
	ReasonLifetime       Reason = "lifetime_too_long"
	ReasonExpired        Reason = "expired"
	ReasonNotYetValid    Reason = "not_yet_valid"
	ReasonNoHash         Reason = "no_query_string_hash"
	ReasonWrongHash      Reason = "wrong_query_string_hash"
)

// AuthError is the error of a request that was refused. It wraps
// [ErrUnauthenticated] and prints exactly as that does, whatever the reason:
// nothing of the token, and no hint for whoever forges one.
type AuthError struct {
	Reason Reason
	// IssuerHash is the start of the SHA-256 of the token's issuer (hex), so that
	// log lines of one installation can be found. It is empty when the token names
	// no usable issuer.
	IssuerHash string
}

// Error returns the text of [ErrUnauthenticated].
func (e *AuthError) Error() string { return ErrUnauthenticated.Error() }

// Unwrap makes errors.Is(err, ErrUnauthenticated) true.
func (e *AuthError) Unwrap() error { return ErrUnauthenticated }

// LogValue implements slog.LogValuer: the reason and the hash, for operators.
func (e *AuthError) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("reason", string(e.Reason)),
		slog.String("issuer_hash", e.IssuerHash),
	)
}
