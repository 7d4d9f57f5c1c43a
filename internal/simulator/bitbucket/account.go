package bitbucket

import (
	"crypto/rand"
	"crypto/subtle"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// grantLifetime is how long an access token works: "one hour".
// Source: https://developer.atlassian.com/cloud/bitbucket/oauth-2-connect/
const grantLifetime = time.Hour

// userScope is what an API token needs for GET /2.0/user.
const userScope = "read:user:bitbucket"

// maxGrants is how many access tokens are kept before the expired ones are swept.
const maxGrants = 100_000

// grant is an access token that was issued for an installation.
type grant struct {
	clientKey string
	expires   time.Time
}

// issueAccessToken is the JWT grant, on bitbucket.org rather than the API's host.
func (s *Server) issueAccessToken(w http.ResponseWriter, r *http.Request) *refusal {
	clientKey, no := s.authenticateApp(r)
	if no != nil {
		return no
	}
	if !s.spend(clientKey, s.Switches().HourlyBudget) {
		writeRateLimited(w)
		return nil
	}
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") == "" {
		writeOAuthError(w, "invalid_request", "grant_type is required, in a form-encoded body")
		return nil
	}
	if r.PostForm.Get("grant_type") != "urn:bitbucket:oauth2:jwt" {
		writeOAuthError(w, "unsupported_grant_type", "a JWT is exchanged with urn:bitbucket:oauth2:jwt")
		return nil
	}
	scopes := s.scopes(clientKey)
	for _, asked := range strings.Fields(r.PostForm.Get("scope")) {
		if scopes != nil && !slices.Contains(scopes, asked) { // nil stands for all of them
			writeOAuthError(w, "invalid_scope", "the app does not have the scope "+asked)
			return nil
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": s.newGrant(clientKey), "token_type": "bearer",
		"scopes": strings.Join(scopes, " "), "expires_in": int(grantLifetime.Seconds()),
	})
	return nil
}

func writeOAuthError(w http.ResponseWriter, code, description string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": description})
}

func (s *Server) scopes(clientKey string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if in := s.installations[clientKey]; in != nil {
		return in.descriptor.Scopes
	}
	return nil
}

func (s *Server) newGrant(clientKey string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.grants) >= maxGrants {
		maps.DeleteFunc(s.grants, func(_ string, g grant) bool { return !s.now().Before(g.expires) })
	}
	token := rand.Text() + rand.Text()
	s.grants[token] = grant{clientKey: clientKey, expires: s.now().Add(grantLifetime)}
	return token
}

// getWorkspace answers an installation about its own workspace, and knows no other.
func (s *Server) getWorkspace(w http.ResponseWriter, r *http.Request, name string) *refusal {
	clientKey, no := s.authenticateAny(r)
	if no != nil {
		return no
	}
	if !s.spend(clientKey, s.Switches().HourlyBudget) {
		writeRateLimited(w)
		return nil
	}
	own, _ := s.Installation(clientKey)
	principal := own.Principal
	if name == "" || name != principal.UUID && name != principal.Username {
		return notFound("No workspace with identifier '" + name + "'.")
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"type": "workspace", "uuid": principal.UUID, "name": principal.DisplayName, "slug": principal.Username,
		"links": map[string]any{"self": map[string]string{
			"href": "https://api.bitbucket.org/2.0/workspaces/" + url.PathEscape(principal.UUID),
		}},
	})
	return nil
}

// authenticateAny takes an app's JWT, or an access token that was issued for one.
func (s *Server) authenticateAny(r *http.Request) (string, *refusal) {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return s.authenticateApp(r)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	g, found := s.grants[token]
	in := s.installations[g.clientKey]
	if !found || in == nil || len(in.usableSecrets()) == 0 || !s.now().Before(g.expires) {
		return "", &refusal{status: http.StatusUnauthorized, message: textInvalidToken}
	}
	return g.clientKey, nil
}

// getUser answers for an API token: the user name is the account's email, and the
// token must have the scope. App passwords are gone, so nothing else is accepted.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/#api-user-get
func (s *Server) getUser(w http.ResponseWriter, r *http.Request) *refusal {
	user, no := s.withScope(w, r, userScope)
	if no != nil || user == nil {
		return no
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"type": "user", "uuid": user.UUID, "account_id": user.AccountID,
		"display_name": user.DisplayName, "username": user.DisplayName,
	})
	return nil
}

// withScope is the account of an API token that has the scope. It is nil, without a
// refusal, when the rate limit was answered.
func (s *Server) withScope(w http.ResponseWriter, r *http.Request, scope string) (*User, *refusal) {
	email, password, _ := r.BasicAuth()
	user, token, known := s.userToken(email, password)
	switch {
	case !known:
		return nil, &refusal{status: http.StatusUnauthorized, message: textInvalidToken}
	case !s.spend(email, s.Switches().HourlyBudget):
		writeRateLimited(w)
		return nil, nil //nolint:nilnil // the limit is the answer
	case !slices.Contains(token.Scopes, scope):
		return nil, &refusal{
			status: http.StatusForbidden, message: "Your credentials lack one or more required privilege scopes.",
			detail: map[string][]string{"required": {scope}, "granted": token.Scopes},
		}
	}
	return &user, nil
}

// userToken finds a token of the account that hasn't expired.
func (s *Server) userToken(email, value string) (User, Token, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	user := s.users[email]
	if user == nil {
		return User{}, Token{}, false
	}
	for _, token := range user.Tokens {
		same := subtle.ConstantTimeCompare([]byte(token.Value), []byte(value)) == 1
		if same && (token.Expires.IsZero() || s.now().Before(token.Expires)) {
			return *user, token, true
		}
	}
	return User{}, Token{}, false
}
