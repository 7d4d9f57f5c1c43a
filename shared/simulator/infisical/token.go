package infisical

import (
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// defaultTTL is the lifetime of an access token unless the identity says otherwise,
// and how far it can be renewed, which is not at all.
const defaultTTL = 30 * 24 * time.Hour

// tokenRow is an access token as the server keeps it.
type tokenRow struct {
	id, identityID string
	// orgID is the organisation that the token is for; a sub-organisation when one was named.
	orgID       string
	ttl, maxTTL time.Duration
	created     time.Time
	renewed     time.Time
}

func (row *tokenRow) expired(now time.Time) bool {
	return row.ttl > 0 && !now.Before(row.renewed.Add(row.ttl))
}

func orDefault(ttl time.Duration) time.Duration {
	switch ttl {
	case 0:
		return defaultTTL
	case NoExpiry:
		return 0
	default:
		return ttl
	}
}

func (s *Server) tokenAnswer(row *tokenRow) any {
	claims := jwt.MapClaims{
		"identityId": row.identityID, "identityAccessTokenId": row.id, "authTokenType": "identityAccessToken",
		"iat": s.now().Unix(),
	}
	if row.ttl > 0 {
		claims["exp"] = s.now().Add(row.ttl).Unix()
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.signingKey)
	if err != nil {
		panic(err) // HMAC of a map of texts and numbers can't fail
	}
	return map[string]any{
		"accessToken": signed, "expiresIn": int64(row.ttl.Seconds()),
		"accessTokenMaxTTL": int64(row.maxTTL.Seconds()), "tokenType": "Bearer",
	}
}

// verify checks an access token: its signature and lifetime first, for which the
// server answers 403, then whether its row is still there.
func (s *Server) verify(raw string) (tokenRow, *refusal) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithTimeFunc(s.now))
	claims := jwt.MapClaims{}
	_, err := parser.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return s.signingKey, nil })
	if err != nil {
		return tokenRow{}, tokenError(tokenProblem(err, raw))
	}
	id, _ := claims["identityAccessTokenId"].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.tokens[id]
	if row == nil {
		return tokenRow{}, unauthorized("No identity access token found")
	}
	return *row, nil
}

// tokenBody reads {"accessToken": …}, which renew and revoke take.
func (s *Server) tokenBody(body any) (tokenRow, *refusal) {
	var in reader
	fields := in.object(body)
	if fields == nil {
		return tokenRow{}, invalid(in.issues)
	}
	raw, _ := in.text(fields, "accessToken")
	if len(in.issues) > 0 {
		return tokenRow{}, invalid(in.issues)
	}
	return s.verify(raw)
}

func (s *Server) revoke(x *exchange) (any, *refusal) {
	row, no := s.tokenBody(x.body)
	if no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, row.id)
	return map[string]string{"message": "Successfully revoked access token"}, nil
}

// renew extends a token, unless that would take it past its maximum: then the token
// is gone, which with the default of TTL = maximum always happens.
func (s *Server) renew(x *exchange) (any, *refusal) {
	old, no := s.tokenBody(x.body)
	if no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.tokens[old.id]
	if row == nil {
		return nil, unauthorized("No identity access token found")
	}
	if row.maxTTL > 0 && s.now().Add(row.ttl).After(row.created.Add(row.maxTTL)) {
		delete(s.tokens, row.id)
		return nil, unauthorized("Failed to renew MI access token past its Max TTL expiration")
	}
	row.renewed = s.now()
	return s.tokenAnswer(row), nil
}

// tokenProblem says what is wrong with an access token in the server's words.
func tokenProblem(err error, raw string) string {
	switch problem := jwtProblem(err); {
	case problem == "jwt expired":
		return "Your token has expired. Please re-authenticate."
	case problem == "jwt malformed" || strings.Count(raw, ".") != 2:
		return "The provided access token is malformed. Please use a valid token or generate a new one and try again."
	case problem == "invalid algorithm":
		return "The access token is signed with an invalid algorithm. Please provide a valid token and try again."
	default:
		return problem
	}
}
