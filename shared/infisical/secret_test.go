package infisical_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// secret is a value and the only places that it may be sent in.
type secret struct {
	name  string
	value string
	// bodies maps a route to the field that holds it.
	bodies map[string]string
	// bearer permits it in the Authorization header.
	bearer bool
}

const (
	updatePath  = "PATCH /api/v1/app-connections/bitbucket/" + connectionID
	accessToken = "access-canary/eyJhbGciOiJIUzI1NiJ9"
)

// secrets have characters that encodings write differently.
func secrets() []secret {
	return []secret{
		{"API token", `ATATT3x "api-canary" <&>/+=\é`, map[string]string{createPath: "credentials.apiToken", updatePath: "credentials.apiToken"}, false},
		{"client secret", `st.client-canary/+="<`, map[string]string{loginPath: "clientSecret"}, false},
		{"access token", accessToken, map[string]string{revokePath: "accessToken"}, true},
	}
}

// forms are the ways in which a secret may hide in a text: as it is, escaped,
// and in base64 at each of the three offsets that a text before it can cause.
func (s secret) forms() map[string]string {
	quoted, _ := json.Marshal(s.value)
	forms := map[string]string{
		"plain": s.value, "JSON": strings.Trim(string(quoted), `"`), "Go": strings.Trim(fmt.Sprintf("%q", s.value), `"`),
		"query": url.QueryEscape(s.value), "path": url.PathEscape(s.value),
		"hex": hex.EncodeToString([]byte(s.value)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(s.value))),
	}
	for offset := range 3 {
		shifted := append(make([]byte, offset), s.value...)
		shifted = shifted[:len(shifted)/3*3] // the rest shares a character with what follows
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.URLEncoding} {
			encoded := encoding.EncodeToString(shifted)
			if offset > 0 {
				encoded = encoded[4:]
			}
			forms[fmt.Sprintf("%s at %d", name, offset)] = encoded
		}
	}
	return forms
}

// in returns the form in which a text holds the secret, or "".
func (s secret) in(text string) string {
	for form, hidden := range s.forms() {
		if strings.Contains(text, hidden) {
			return form
		}
	}
	return ""
}

// checkNoSecret fails if text holds one of the secrets in any form.
func checkNoSecret(t *testing.T, where, text string, secrets ...secret) {
	t.Helper()
	for _, s := range secrets {
		if form := s.in(text); form != "" {
			t.Errorf("%s holds the %s (%s): %s", where, s.name, form, text)
		}
	}
}

// The search finds what it is for.
func TestTheSearchForSecretsFindsThem(t *testing.T) {
	t.Parallel()
	for _, s := range secrets() {
		quoted, _ := json.Marshal(map[string]string{"a": s.value})
		for _, text := range []string{
			s.value, "x" + s.value + "y", string(quoted), fmt.Sprintf("%q", s.value), fmt.Sprintf("%x", s.value), fmt.Sprintf("%X", s.value),
			url.Values{"q": {s.value}}.Encode(), "/" + url.PathEscape(s.value),
			base64.StdEncoding.EncodeToString([]byte(s.value)),
			base64.StdEncoding.EncodeToString([]byte("e:" + s.value)),
			base64.StdEncoding.EncodeToString([]byte("em:" + s.value + "x")),
			base64.RawURLEncoding.EncodeToString([]byte("ema:" + s.value)),
		} {
			if s.in(text) == "" {
				t.Errorf("the %s isn't found in %s", s.name, text)
			}
		}
	}
}
