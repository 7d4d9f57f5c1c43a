package connect_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

// open checks a token by hand and returns its claims.
func open(t *testing.T, token redact.Secret, secret string) map[string]any {
	t.Helper()
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts", len(parts))
	}
	signature := base64.RawURLEncoding.EncodeToString(hmacSHA256(parts[0]+"."+parts[1], secret))
	if signature != parts[2] {
		t.Errorf("signature is wrong")
	}
	var header, claims map[string]any
	for segment, into := range map[string]*map[string]any{parts[0]: &header, parts[1]: &claims} {
		decoded, err := base64.RawURLEncoding.DecodeString(segment)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(decoded, into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]any{"alg": "HS256", "typ": "JWT"}, header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	return claims
}

func TestSign(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ method, target, canonical string }{
		"path has the version":    {"GET", "https://api.bitbucket.org/2.0/addon/linkers", "GET&/2.0/addon/linkers&"},
		"query":                   {"GET", "https://api.bitbucket.org/2.0/addon/linkers/issues/values?pagelen=100&page=2", "GET&/2.0/addon/linkers/issues/values&page=2&pagelen=100"},
		"method in lower case":    {"put", "https://api.bitbucket.org/2.0/addon", "PUT&/2.0/addon&"},
		"escaped braces":          {"GET", "https://api.bitbucket.org/2.0/workspaces/%7B1%7D", "GET&/2.0/workspaces/%7B1%7D&"},
		"braces are sent escaped": {"GET", "https://api.bitbucket.org/2.0/workspaces/{1}", "GET&/2.0/workspaces/%7B1%7D&"},
		"escaped slash":           {"GET", "https://api.bitbucket.org/2.0/addon/linkers/a%2Fb", "GET&/2.0/addon/linkers/a%2Fb&"},
		"no path":                 {"GET", "https://api.bitbucket.org", "GET&/&"},
		"fragment is not sent":    {"GET", "https://api.bitbucket.org/x#y", "GET&/x&"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, err := url.Parse(test.target)
			if err != nil {
				t.Fatal(err)
			}
			signer := connect.Signer{AppKey: appKey, ClientKey: tenant, Secret: redact.New(currentSecret), Now: clock}
			token, err := signer.Sign(test.method, target)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]any{
				"iss": appKey, "sub": tenant, "qsh": hashOf(test.canonical),
				"iat": float64(clock().Unix()), "exp": float64(clock().Unix() + 180),
			}
			if diff := cmp.Diff(want, open(t, token, currentSecret)); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignedTokensAreShortLived(t *testing.T) {
	t.Parallel()
	if connect.Lifetime > 5*time.Minute {
		t.Errorf("a token of ours lives %v, want at most 5 minutes", connect.Lifetime)
	}
}

func TestSignUsesTheRealClockByDefault(t *testing.T) {
	t.Parallel()
	before := time.Now().Unix()
	token, err := connect.Signer{AppKey: appKey, ClientKey: tenant, Secret: redact.New(currentSecret)}.Sign("GET", &url.URL{Path: "/x"})
	if err != nil {
		t.Fatal(err)
	}
	issued, _ := open(t, token, currentSecret)["iat"].(float64)
	if int64(issued) < before || int64(issued) > time.Now().Unix() {
		t.Errorf("iat is %v, want now", issued)
	}
}

func TestSignNeedsEverything(t *testing.T) {
	t.Parallel()
	complete := connect.Signer{AppKey: appKey, ClientKey: tenant, Secret: redact.New(currentSecret)}
	tests := map[string]struct {
		change func(*connect.Signer)
		want   string
	}{
		"no app key":    {func(s *connect.Signer) { s.AppKey = "" }, "sign request: app key and client key are required"},
		"no client key": {func(s *connect.Signer) { s.ClientKey = "" }, "sign request: app key and client key are required"},
		"no secret":     {func(s *connect.Signer) { s.Secret = redact.Secret{} }, "sign request for \"" + tenant + "\": its shared secret is empty"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := complete
			test.change(&signer)
			token, err := signer.Sign("GET", &url.URL{Path: "/x"})
			if err == nil || err.Error() != test.want {
				t.Errorf("error is %v, want %q", err, test.want)
			}
			if !token.IsZero() {
				t.Error("an error comes with a token")
			}
		})
	}
}
