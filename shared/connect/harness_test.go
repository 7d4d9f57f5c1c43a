package connect_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

// What the tests are about: one installation that is known, and its secrets.
const (
	appKey         = "example-linker-app"
	tenant         = "ari:cloud:bitbucket::app/{11111111-2222-4333-8444-555555555555}/example-linker-app"
	stranger       = "ari:cloud:bitbucket::app/{66666666-7777-4888-8999-aaaaaaaaaaaa}/example-linker-app"
	currentSecret  = "not-a-real-current-secret"
	previousSecret = "not-a-real-previous-secret"
	appSecret      = "not-a-real-app-secret"
	wrongSecret    = "not-a-real-wrong-secret"
)

const issuedAt = 1_700_000_000

// clock stands half a minute after the tokens were issued.
func clock() time.Time { return time.Unix(issuedAt+30, 0) }

// object is a JSON object that tests vary.
type object map[string]any

// with returns a copy that has the member.
func (o object) with(name string, value any) object {
	changed := maps.Clone(o)
	changed[name] = value
	return changed
}

// without returns a copy that lacks the member.
func (o object) without(name string) object {
	changed := maps.Clone(o)
	delete(changed, name)
	return changed
}

func (o object) json(tb testing.TB) string {
	tb.Helper()
	encoded, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	return string(encoded)
}

// bitbucketHeader and bitbucketClaims are what recorded tokens have.
const bitbucketHeader = `{"alg":"HS256","typ":"JWT"}`

func bitbucketClaims() object {
	return object{
		"iss": tenant, "aud": tenant, "iat": issuedAt, "exp": issuedAt + 3600,
		"qsh": hashOf("POST&/installed&"),
	}
}

func hashOf(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return hex.EncodeToString(sum[:])
}

// sign signs by hand, so that no token depends on the code under test.
func sign(header, claims, secret string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(claims))
	return signed + "." + base64.RawURLEncoding.EncodeToString(hmacSHA256(signed, secret))
}

func hmacSHA256(text, secret string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func installedRequest(token string) connect.Request {
	return connect.Request{Method: "POST", RawPath: "/installed", Authorization: "JWT " + token}
}

// receiver is an app that receives requests: it finds the secrets of the installation
// that a token names, and verifies with them.
type receiver struct {
	connect.Verifier
	secrets map[string]connect.Secrets
	app     redact.Secret
	// lookups counts the requests for which secrets were needed.
	lookups int
}

func newReceiver() *receiver {
	return &receiver{
		Verifier: connect.Verifier{AppKey: appKey, Now: clock},
		secrets:  map[string]connect.Secrets{tenant: {Current: redact.New(currentSecret), Previous: redact.New(previousSecret)}},
	}
}

func (r *receiver) receive(request connect.Request) (connect.Verified, error) {
	token, err := r.Parse(request)
	if err != nil {
		return connect.Verified{}, err
	}
	r.lookups++
	secrets := r.secrets[token.ClientKey()]
	secrets.App = r.app
	return r.Verify(token, secrets)
}

// reasonOf returns why a request was refused, "" if it was not. It fails the test
// if the refusal is not what callers rely on.
func reasonOf(tb testing.TB, err error) connect.Reason {
	tb.Helper()
	if err == nil {
		return ""
	}
	var refused *connect.AuthError
	if !errors.As(err, &refused) || !errors.Is(err, connect.ErrUnauthenticated) {
		tb.Fatalf("error is %v, want an AuthError that wraps ErrUnauthenticated", err)
	}
	if err.Error() != connect.ErrUnauthenticated.Error() {
		tb.Errorf("error text is %q, want the constant %q", err, connect.ErrUnauthenticated)
	}
	return refused.Reason
}
