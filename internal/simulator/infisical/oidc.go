package infisical

import (
	"crypto/rsa"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// OIDCAuth lets an identity log in with a token of another service.
type OIDCAuth struct {
	// Issuer is the URL of an [Issuer], and the iss that tokens must have.
	Issuer string
	// Subject, Audiences and Claims may have * and **, which stop at slashes or don't;
	// a claim may have several of them, separated by a comma and a space. An empty
	// Subject and no Audiences mean that any will do.
	Subject   string
	Audiences []string
	Claims    map[string]string
}

// Issuer signs OIDC tokens.
type Issuer struct {
	URL string
	// Keys verify by key id: an *rsa.PublicKey, or the []byte of an HMAC secret, which no
	// real issuer has but which spares tests the cost of RSA.
	Keys map[string]any
}

// loginOIDC is POST /api/v1/auth/oidc-auth/login.
// Source: https://infisical.com/docs/documentation/platform/identities/oidc-auth/general
func (s *Server) loginOIDC(x *exchange) (any, *refusal) {
	var in reader
	fields := in.object(x.body)
	if fields == nil {
		return nil, invalid(in.issues)
	}
	identityID, _ := in.text(fields, "identityId")
	raw, _ := in.text(fields, "jwt")
	slug := in.optionalText(fields, "organizationSlug")
	if len(in.issues) > 0 {
		return nil, invalid(in.issues)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	identity := s.identities[identityID]
	if identity == nil || identity.OIDC == nil {
		return nil, notFound("OIDC auth method not found for identity, did you configure OIDC auth?")
	}
	claims, no := s.verifyOIDC(identity.OIDC, raw)
	if no != nil {
		return nil, no
	}
	if no := identity.OIDC.allows(claims); no != nil {
		return nil, no
	}
	return s.loggedIn(identity, slug)
}

// verifyOIDC checks signature, times and issuer. A token without a key id is tried
// with every key.
func (s *Server) verifyOIDC(auth *OIDCAuth, raw string) (jwt.MapClaims, *refusal) {
	issuer := s.issuers[auth.Issuer]
	if issuer == nil {
		return nil, unauthorized("Access denied: Failed to fetch OIDC discovery document from %s.", auth.Issuer)
	}
	unverified, _, err := jwt.NewParser().ParseUnverified(raw, jwt.MapClaims{})
	if err != nil && unverified == nil {
		return nil, unauthorized("Invalid JWT")
	}
	if id, _ := unverified.Header["kid"].(string); id != "" {
		key := issuer.Keys[id]
		if key == nil {
			return nil, unauthorized("Access denied: Unable to verify JWT signature. The signing key '%s' was not found in the OIDC provider's JWKS endpoint.", id)
		}
		claims, problem := s.parseWith(raw, key, auth.Issuer)
		if problem != "" {
			return nil, unauthorized("Access denied: %s", problem)
		}
		return claims, nil
	}
	last := "Invalid token"
	for _, key := range issuer.Keys {
		claims, problem := s.parseWith(raw, key, auth.Issuer)
		if problem == "" {
			return claims, nil
		}
		last = problem
	}
	return nil, unauthorized("Access denied: Unable to verify JWT signature with any available signing key. %s", last)
}

// parseWith allows only the algorithms of the key's kind.
func (s *Server) parseWith(raw string, key any, issuer string) (jwt.MapClaims, string) {
	methods := []string{"HS256", "HS384", "HS512"}
	if _, ok := key.(*rsa.PublicKey); ok {
		methods = []string{"RS256", "RS384", "RS512"}
	}
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods(methods), jwt.WithTimeFunc(s.now))
	if _, err := parser.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		return nil, jwtProblem(err)
	}
	if claims["iss"] != issuer {
		return nil, "jwt issuer invalid. expected: " + issuer
	}
	return claims, ""
}

// allows checks subject, audience and claims, in this order, with an answer for each.
func (a *OIDCAuth) allows(claims jwt.MapClaims) *refusal {
	subject, _ := claims["sub"].(string)
	if a.Subject != "" && !globMatch(a.Subject, subject) {
		return forbidden("Access denied: OIDC subject not allowed.")
	}
	audiences, _ := claims.GetAudience()
	if len(a.Audiences) > 0 && !slices.ContainsFunc(audiences, func(aud string) bool {
		return slices.ContainsFunc(a.Audiences, func(allowed string) bool { return globMatch(allowed, aud) })
	}) {
		return unauthorized("Access denied: OIDC audience not allowed.")
	}
	for name, allowed := range a.Claims {
		value, _ := claims[name].(string)
		if value == "" {
			return unauthorized("Access denied: token has no %s field", name)
		}
		if !slices.ContainsFunc(strings.Split(allowed, ", "), func(one string) bool { return globMatch(one, value) }) {
			return unauthorized("Access denied: OIDC claim not allowed.")
		}
	}
	return nil
}

// globMatch matches as a path glob does: * stops at a slash, ** doesn't.
func globMatch(pattern, text string) bool {
	if pattern == text {
		return true
	}
	var expression strings.Builder
	expression.WriteString("^")
	for i, part := range strings.Split(pattern, "**") {
		if i > 0 {
			expression.WriteString(".*")
		}
		for j, literal := range strings.Split(part, "*") {
			if j > 0 {
				expression.WriteString("[^/]*")
			}
			expression.WriteString(regexp.QuoteMeta(literal))
		}
	}
	return regexp.MustCompile(expression.String() + "$").MatchString(text)
}

// jwtProblem names a problem as the server's JWT library does.
func jwtProblem(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return "jwt malformed"
	case strings.Contains(err.Error(), "signing method"):
		return "invalid algorithm"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "invalid signature"
	case errors.Is(err, jwt.ErrTokenExpired):
		return "jwt expired"
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return "jwt not active"
	default:
		return "invalid token"
	}
}
