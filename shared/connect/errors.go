package connect

import (
	"errors"
	"fmt"
	"log/slog"
)

// Errors that callers branch on. The package documentation says which answer each one
// becomes.
var (
	// ErrUnauthenticated: the request does not prove that Bitbucket sent it for an
	// installation of ours. An outsider sees its text and no more.
	ErrUnauthenticated = errors.New("request is not authenticated")
	// ErrSignature, an [ErrUnauthenticated]: the token is signed with none of the
	// secrets.
	ErrSignature = errors.New("request is signed with none of the secrets")
	// ErrInvalidPayload: a body is not what the protocol says. Its text names
	// fields and never repeats a value, so it can be sent to the caller.
	ErrInvalidPayload = errors.New("invalid payload")
	// ErrNoSharedSecret, an [ErrInvalidPayload]: an installed payload carries no
	// shared secret. Bitbucket sends such payloads for personal accounts.
	ErrNoSharedSecret = fmt.Errorf("%w: sharedSecret is missing", ErrInvalidPayload)
)

// Reason tells an operator why a request was refused. It goes to the log and never to
// the sender.
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

// AuthError is the error of a request that was refused. It prints exactly as
// [ErrUnauthenticated] does, whatever the reason: it quotes nothing of the token, and
// gives a forger no hint.
type AuthError struct {
	Reason Reason
	// IssuerHash is the start of the SHA-256 of the token's issuer (hex), so that
	// log lines of one installation can be found. It is empty when the token names
	// no usable issuer.
	IssuerHash string
}

// Error returns the text of [ErrUnauthenticated].
func (e *AuthError) Error() string { return ErrUnauthenticated.Error() }

// Is makes an AuthError an [ErrUnauthenticated], and an [ErrSignature] if no secret
// fits.
func (e *AuthError) Is(target error) bool {
	noSecretFits := e.Reason == ReasonSignature || e.Reason == ReasonUnknownTenant
	return target == ErrUnauthenticated || target == ErrSignature && noSecretFits
}

// LogValue implements slog.LogValuer: the reason and the hash, for operators.
func (e *AuthError) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("reason", string(e.Reason)),
		slog.String("issuer_hash", e.IssuerHash),
	)
}
