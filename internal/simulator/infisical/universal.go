package infisical

import (
	"crypto/subtle"
	"time"
)

// UniversalAuth lets an identity log in with a client id and a client secret.
type UniversalAuth struct {
	ClientID string
	Secrets  []ClientSecret
}

// ClientSecret is one of the secrets of a client.
type ClientSecret struct {
	Value string
	// Created and TTL bound its life; a TTL of zero means no end.
	Created time.Time
	TTL     time.Duration
	// UsesLimit is how many logins it is good for; zero means any number.
	UsesLimit int
	// Uses counts the logins so far, and Revoked is set once a bound was reached.
	Uses    int
	Revoked bool
}

// The defaults of the lock-out.
const (
	lockoutThreshold = 3
	lockoutReset     = 30 * time.Second
	lockoutDuration  = 300 * time.Second
)

const (
	textInvalidCredentials = "Invalid credentials"
	textLocked             = "This identity auth method is temporarily locked, please try again later"
)

// lockout counts the bad secrets of one client.
type lockout struct {
	failures int
	locked   bool
	until    time.Time
}

// loginUniversal is POST /api/v1/auth/universal-auth/login.
// Source: https://infisical.com/docs/api-reference/endpoints/universal-auth/login
func (s *Server) loginUniversal(x *exchange) (any, *refusal) {
	var in reader
	fields := in.object(x.body)
	if fields == nil {
		return nil, invalid(in.issues)
	}
	clientID, _ := in.text(fields, "clientId")
	clientSecret, _ := in.text(fields, "clientSecret")
	slug := in.optionalText(fields, "organizationSlug")
	if len(in.issues) > 0 {
		return nil, invalid(in.issues)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	identity := s.byClient(clientID)
	if identity == nil {
		return nil, unauthorized(textInvalidCredentials)
	}
	if no := s.checkSecret(identity.Universal, clientSecret); no != nil {
		return nil, no
	}
	return s.loggedIn(identity, slug)
}

func (s *Server) byClient(clientID string) *Identity {
	for _, identity := range s.identities {
		if identity.Universal != nil && identity.Universal.ClientID == clientID {
			return identity
		}
	}
	return nil
}

// checkSecret also locks the client out for a while after some bad secrets in a row,
// during which the right one is refused as well.
func (s *Server) checkSecret(universal *UniversalAuth, value string) *refusal {
	now := s.now()
	lock := s.lockouts[universal.ClientID]
	if lock != nil && !now.Before(lock.until) {
		lock = nil
	}
	if lock != nil && lock.locked {
		return unauthorized(textLocked)
	}
	secret := universal.find(value)
	if secret == nil {
		if lock == nil {
			lock = &lockout{}
		}
		lock.failures++
		lock.locked = lock.failures >= lockoutThreshold
		lock.until = now.Add(lockoutReset)
		if lock.locked {
			lock.until = now.Add(lockoutDuration)
		}
		s.lockouts[universal.ClientID] = lock
		return unauthorized(textInvalidCredentials)
	}
	delete(s.lockouts, universal.ClientID)
	if secret.TTL > 0 && now.After(secret.Created.Add(secret.TTL)) {
		secret.Revoked = true
		return unauthorized("Access denied due to expired client secret")
	}
	if secret.UsesLimit > 0 && secret.Uses >= secret.UsesLimit {
		secret.Revoked = true
		return unauthorized("Access denied due to client secret usage limit reached")
	}
	secret.Uses++
	return nil
}

func (u *UniversalAuth) find(value string) *ClientSecret {
	for i := range u.Secrets {
		same := subtle.ConstantTimeCompare([]byte(u.Secrets[i].Value), []byte(value)) == 1
		if same && !u.Secrets[i].Revoked {
			return &u.Secrets[i]
		}
	}
	return nil
}
