package bitbucket

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// clockSkew is how far in the future a token may claim to be made.
const clockSkew = time.Minute

// maxLifetime is the longest exp-iat that a JWT may have: the most that this project
// allows itself. Bitbucket's own limit is documented nowhere; clients get by with an hour.
const maxLifetime = 5 * time.Minute

// What the live service and its documentation say; the rest of a refusal's text
// is this server's own, to tell the developer what was wrong.
const (
	textJWTOnly      = "This API is only accessible with the following authentication types: jwt"
	textNoJWT        = "Authentication must use app JWT"
	textInvalidToken = "Token is invalid, expired, or not supported for this endpoint."
)

// claims are what a Connect JWT carries. Pointers tell an absent claim from a zero one.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	IssuedAt *float64 `json:"iat"`
	Expires  *float64 `json:"exp"`
	QSH      *string  `json:"qsh"`
}

// decodeClaims reads the payload of a token whose signature is not checked yet.
func decodeClaims(raw string) (claims, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return claims{}, fmt.Errorf("%d parts instead of three", len(parts))
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return claims{}, err
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return c, err
	}
	return c, exactNames(payload, "iss", "sub", "iat", "exp", "qsh")
}

// exactNames refuses what encoding/json would take for one of the names and another
// decoder would not: names are case-sensitive.
// Source: https://www.rfc-editor.org/rfc/rfc7519#section-10.1.1
func exactNames(object json.RawMessage, names ...string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return err
	}
	for field := range fields {
		for _, name := range names {
			if field != name && strings.EqualFold(field, name) {
				return fmt.Errorf("name %q is not %q", field, name)
			}
		}
	}
	return nil
}

// authenticateApp returns the client key of the installation that signed r.
func (s *Server) authenticateApp(r *http.Request) (string, *refusal) {
	raw, no := connectToken(r)
	if no != nil {
		return "", no
	}
	c, err := decodeClaims(raw)
	if err != nil {
		return "", unauthorized("the token is malformed: " + err.Error())
	}
	secrets, no := s.secretsOf(c)
	if no != nil {
		return "", no
	}
	if !signedWithOneOf(raw, secrets) {
		return "", unauthorized("the token's signature is not HS256 with the installation's shared secret")
	}
	if err := s.checkClaims(c, r); err != nil {
		return "", unauthorized(err.Error())
	}
	return c.Subject, nil
}

// connectToken takes the token from the one place it may be in.
func connectToken(r *http.Request) (string, *refusal) {
	if r.URL.Query().Has("jwt") {
		return "", unauthorized("the API takes a JWT in the header only, not in the query string")
	}
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return "", unauthorized(fmt.Sprintf("%d Authorization headers instead of one", len(headers)))
	}
	scheme, raw, found := strings.Cut(headers[0], " ")
	switch {
	case found && scheme == "JWT":
		return raw, nil
	case strings.EqualFold(scheme, "Bearer"), strings.EqualFold(scheme, "Basic"):
		return "", &refusal{status: http.StatusForbidden, message: textJWTOnly}
	default:
		return "", unauthorized(`the Authorization scheme is case-sensitive: "JWT <token>"`)
	}
}

// secretsOf finds the installation by claims that are not verified yet.
func (s *Server) secretsOf(c claims) ([]string, *refusal) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	in := s.installations[c.Subject]
	switch {
	case s.apps[c.Issuer] == nil:
		return nil, unauthorized("claim iss is not an app key")
	case in == nil:
		return nil, unauthorized("claim sub is not the client key of an installation")
	case in.app.Key != c.Issuer:
		return nil, unauthorized("claim iss is not the key of the app that claim sub is an installation of")
	}
	secrets := in.usableSecrets()
	if len(secrets) == 0 {
		return nil, unauthorized("the app is not installed any more")
	}
	return secrets, nil
}

func signedWithOneOf(raw string, secrets []string) bool {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	for _, secret := range secrets {
		if _, err := parser.Parse(raw, func(*jwt.Token) (any, error) { return []byte(secret), nil }); err == nil {
			return true
		}
	}
	return false
}

func (s *Server) checkClaims(c claims, r *http.Request) error {
	now := s.now()
	switch {
	case c.IssuedAt == nil || c.Expires == nil:
		return errors.New("claims iat and exp are required")
	case *c.IssuedAt != math.Trunc(*c.IssuedAt) || *c.Expires != math.Trunc(*c.Expires):
		return errors.New("claims iat and exp are whole seconds")
	case seconds(*c.IssuedAt).After(now.Add(clockSkew)):
		return errors.New("claim iat is in the future")
	case !seconds(*c.Expires).After(now):
		return errors.New("the token has expired")
	case *c.Expires <= *c.IssuedAt || *c.Expires-*c.IssuedAt > maxLifetime.Seconds():
		return fmt.Errorf("the token's lifetime is not within %s", maxLifetime)
	case c.QSH == nil:
		return errors.New("claim qsh is required")
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if subtle.ConstantTimeCompare([]byte(*c.QSH), []byte(QueryStringHash(r.Method, path, query, ""))) != 1 {
		return fmt.Errorf("claim qsh is not the hash of %q", CanonicalRequest(r.Method, path, query, ""))
	}
	return nil
}

func seconds(s float64) time.Time { return time.Unix(int64(s), 0) }

func unauthorized(detail string) *refusal {
	return &refusal{status: http.StatusUnauthorized, message: textNoJWT, detail: detail}
}
