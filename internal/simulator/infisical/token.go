package infisical

import (
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// defaultTTL is the lifetime of an access token unless the identity says otherwise. It
// is also how far one could be renewed, which nobody here does.
const defaultTTL = 30 * 24 * time.Hour

// tokenRow is an access token as the server keeps it.
type tokenRow struct {
	id, identityID string
	// orgID is the organisation that the token is for; a sub-organisation when one was named.
	orgID   string
	expires time.Time
}

func (row *tokenRow) expired(now time.Time) bool {
	return !now.Before(row.expires)
}

func (s *Server) tokenAnswer(row *tokenRow) any {
	claims := jwt.MapClaims{
		"identityId": row.identityID, "identityAccessTokenId": row.id, "authTokenType": "identityAccessToken",
		"iat": s.now().Unix(), "exp": row.expires.Unix(),
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.signingKey)
	if err != nil {
		panic(err) // HMAC of a map of texts and numbers can't fail
	}
	return map[string]any{
		"accessToken": signed, "expiresIn": int64(row.expires.Sub(s.now()).Seconds()),
		"accessTokenMaxTTL": int64(defaultTTL.Seconds()), "tokenType": "Bearer",
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

// tokenBody reads {"accessToken": …}, which revoke takes.
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
