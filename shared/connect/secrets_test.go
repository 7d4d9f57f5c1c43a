package connect_test

import (
	"errors"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

func secrets(current, previous, app string) connect.Secrets {
	return connect.Secrets{Current: redact.New(current), Previous: redact.New(previous), App: redact.New(app)}
}

// publicKey has the form of what Bitbucket publishes in an installed payload.
const publicKey = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ-not-a-real-key"

func TestVerifySecrets(t *testing.T) {
	t.Parallel()
	known := secrets(currentSecret, previousSecret, "")
	tests := map[string]struct {
		signedWith string
		secrets    connect.Secrets
		want       connect.SignedBy
		reason     connect.Reason
	}{
		"current":                         {currentSecret, known, connect.SignedByCurrent, ""},
		"previous, just rotated":          {previousSecret, known, connect.SignedByPrevious, ""},
		"app secret, tenant known":        {appSecret, secrets(currentSecret, "", appSecret), connect.SignedByApp, ""},
		"app secret, tenant unknown":      {appSecret, secrets("", "", appSecret), connect.SignedByApp, ""},
		"app secret is also the tenant's": {appSecret, secrets(appSecret, "", appSecret), connect.SignedByCurrent, ""},
		"app secret that we do not have":  {appSecret, known, 0, connect.ReasonSignature},
		"bad signature":                   {wrongSecret, secrets(currentSecret, previousSecret, appSecret), 0, connect.ReasonSignature},
		"unknown tenant":                  {currentSecret, connect.Secrets{}, 0, connect.ReasonUnknownTenant},
		"unknown tenant of a known app":   {currentSecret, secrets("", "", appSecret), 0, connect.ReasonUnknownTenant},
		"empty key, no previous secret":   {"", secrets(currentSecret, "", ""), 0, connect.ReasonSignature},
		"empty key, unknown tenant":       {"", connect.Secrets{}, 0, connect.ReasonUnknownTenant},
		"public key as key":               {publicKey, known, 0, connect.ReasonSignature},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifier := newReceiver().Verifier
			token, err := verifier.Parse(installedRequest(sign(bitbucketHeader, bitbucketClaims().json(t), test.signedWith)))
			if err != nil {
				t.Fatal(err)
			}
			verified, err := verifier.Verify(token, test.secrets)
			if got := reasonOf(t, err); got != test.reason {
				t.Errorf("reason is %q, want %q", got, test.reason)
			}
			if verified.SignedBy() != test.want {
				t.Errorf("signed by %s, want %s", verified.SignedBy(), test.want)
			}
			// The caller reads the secrets again after this error, and after no other.
			if errors.Is(err, connect.ErrSignature) != (test.want == 0) {
				t.Errorf("errors.Is(err, ErrSignature) is wrong for %s", test.reason)
			}
		})
	}
}

// A token that nothing read verifies with no secret, not even with an empty one.
func TestVerifyRefusesTheZeroToken(t *testing.T) {
	t.Parallel()
	for _, known := range []connect.Secrets{{}, secrets(currentSecret, previousSecret, appSecret)} {
		verifier := newReceiver().Verifier
		if verified, err := verifier.Verify(connect.Token{}, known); !errors.Is(err, connect.ErrSignature) || verified != (connect.Verified{}) {
			t.Errorf("verified %v, error %v", verified, err)
		}
	}
}

// A token whose times or hash are wrong is refused for that only if it is signed
// well: an outsider learns nothing, and a rotated secret is still found first.
func TestVerifyChecksTheSignatureFirst(t *testing.T) {
	t.Parallel()
	claims := bitbucketClaims().without("exp").without("qsh")
	_, err := newReceiver().receive(installedRequest(sign(bitbucketHeader, claims.json(t), wrongSecret)))
	if got := reasonOf(t, err); got != connect.ReasonSignature {
		t.Errorf("reason is %q, want %q", got, connect.ReasonSignature)
	}
}

func TestSignedByPrints(t *testing.T) {
	t.Parallel()
	for by, want := range map[connect.SignedBy]string{
		connect.SignedByCurrent: "current", connect.SignedByPrevious: "previous", connect.SignedByApp: "app",
		connect.Verified{}.SignedBy(): "nothing",
	} {
		if got := by.String(); got != want {
			t.Errorf("SignedBy(%d) prints %q, want %q", by, got, want)
		}
	}
}
