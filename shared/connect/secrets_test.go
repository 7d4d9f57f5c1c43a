package connect_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

var errStore = errors.New("store: ThrottlingException")

func secrets(current, previous string) connect.Secrets {
	return connect.Secrets{Current: redact.New(current), Previous: redact.New(previous)}
}

func known(of connect.Secrets) map[string]connect.Secrets {
	return map[string]connect.Secrets{tenant: of}
}

// What a token is signed with, against what the store holds, decides; it is never
// asked more than twice.
func TestVerifySecrets(t *testing.T) {
	t.Parallel()
	nobody := map[string]connect.Secrets{}
	tests := map[string]struct {
		signedWith, appSecret string
		source                *source
		want                  connect.SignedBy
		reason                connect.Reason
		unavailable           bool
		reads, rereads        int32
	}{
		"current":                           {signedWith: currentSecret, source: tenantSource(), want: connect.SignedByCurrent, reads: 1},
		"previous, just rotated":            {signedWith: previousSecret, source: tenantSource(), want: connect.SignedByPrevious, reads: 1},
		"L06 app secret, tenant known":      {signedWith: appSecret, appSecret: appSecret, source: tenantSource(), want: connect.SignedByApp, reads: 1},
		"L06 app secret, tenant unknown":    {signedWith: appSecret, appSecret: appSecret, source: &source{cached: nobody}, want: connect.SignedByApp, reads: 1},
		"app secret is also the tenant's":   {signedWith: appSecret, appSecret: appSecret, source: &source{cached: known(secrets(appSecret, ""))}, want: connect.SignedByCurrent, reads: 1},
		"app secret that we do not have":    {signedWith: appSecret, source: tenantSource(), reason: connect.ReasonSignature, reads: 1, rereads: 1},
		"L21 bad signature":                 {signedWith: wrongSecret, appSecret: appSecret, source: tenantSource(), reason: connect.ReasonSignature, reads: 1, rereads: 1},
		"rotated by another process":        {signedWith: "new", source: &source{cached: known(secrets("old", "")), stored: known(secrets("new", "old"))}, want: connect.SignedByCurrent, reads: 1, rereads: 1},
		"rotated twice by another process":  {signedWith: "new", source: &source{cached: known(secrets("old", "")), stored: known(secrets("newer", "new"))}, want: connect.SignedByPrevious, reads: 1, rereads: 1},
		"created by another process":        {signedWith: "new", source: &source{cached: nobody, stored: known(secrets("new", ""))}, want: connect.SignedByCurrent, reads: 1, rereads: 1},
		"bad signature, then rotated":       {signedWith: wrongSecret, source: &source{cached: known(secrets("old", "")), stored: known(secrets("new", "old"))}, reason: connect.ReasonSignature, reads: 1, rereads: 1},
		"unknown tenant":                    {signedWith: currentSecret, source: &source{cached: nobody}, reason: connect.ReasonUnknownTenant, reads: 1, rereads: 1},
		"L32 empty key, no previous secret": {signedWith: "", source: &source{cached: known(secrets(currentSecret, ""))}, reason: connect.ReasonSignature, reads: 1, rereads: 1},
		"L32 empty key, empty secrets":      {signedWith: "", source: &source{cached: known(connect.Secrets{})}, reason: connect.ReasonSignature, reads: 1, rereads: 1},
		"L32 empty key, unknown tenant":     {signedWith: "", source: &source{cached: nobody}, reason: connect.ReasonUnknownTenant, reads: 1, rereads: 1},
		"L32 public key as key":             {signedWith: publicKey, source: tenantSource(), reason: connect.ReasonSignature, reads: 1, rereads: 1},
		"store down":                        {signedWith: currentSecret, source: &source{err: errStore}, unavailable: true, reads: 1},
		"store down, app secret known":      {signedWith: appSecret, appSecret: appSecret, source: &source{err: errStore}, unavailable: true, reads: 1},
		"store down on the second look":     {signedWith: wrongSecret, source: &source{cached: known(secrets(currentSecret, "")), rereadErr: errStore}, unavailable: true, reads: 1, rereads: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifier := newVerifier(test.source)
			verifier.AppSecret = redact.New(test.appSecret)
			token := sign(bitbucketHeader, bitbucketClaims().json(t), test.signedWith)
			verified, err := verifier.Verify(t.Context(), installedRequest(token))

			if test.unavailable {
				checkUnavailable(t, err)
			} else if got := reasonOf(t, err); got != test.reason {
				t.Errorf("reason is %q, want %q", got, test.reason)
			}
			if verified.SignedBy() != test.want {
				t.Errorf("signed by %s, want %s", verified.SignedBy(), test.want)
			}
			if reads, rereads := test.source.reads.Load(), test.source.rereads.Load(); reads != test.reads || rereads != test.rereads {
				t.Errorf("%d reads and %d rereads, want %d and %d", reads, rereads, test.reads, test.rereads)
			}
		})
	}
}

// publicKey has the form of what Bitbucket publishes in an installed payload.
const publicKey = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ-not-a-real-key"

func checkUnavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, connect.ErrUnavailable) || !errors.Is(err, errStore) {
		t.Errorf("error is %v, want ErrUnavailable with its cause", err)
	}
	if errors.Is(err, connect.ErrUnauthenticated) {
		t.Error("a request that could not be checked counts as refused")
	}
}

// A token whose times or hash are wrong is refused for that only if it is signed
// well: an outsider learns nothing, and a rotated secret is still found first.
func TestVerifyChecksTheSignatureFirst(t *testing.T) {
	t.Parallel()
	claims := bitbucketClaims().without("exp").without("qsh")
	_, err := newVerifier(tenantSource()).Verify(t.Context(), installedRequest(sign(bitbucketHeader, claims.json(t), wrongSecret)))
	if got := reasonOf(t, err); got != connect.ReasonSignature {
		t.Errorf("reason is %q, want %q", got, connect.ReasonSignature)
	}
}

// contextSource sees the context that Verify was called with.
type contextSource struct{ *source }

type contextKey struct{}

func (s contextSource) Try(ctx context.Context, clientKey string, signed func(connect.Secrets) bool) error {
	if ctx.Value(contextKey{}) != "deadline" || clientKey != tenant {
		return fmt.Errorf("asked for %q with another context", clientKey)
	}
	return s.source.Try(ctx, clientKey, signed)
}

func TestVerifyPassesItsContextOn(t *testing.T) {
	t.Parallel()
	ctx := context.WithValue(t.Context(), contextKey{}, "deadline")
	token := sign(bitbucketHeader, bitbucketClaims().json(t), currentSecret)
	if _, err := newVerifier(contextSource{tenantSource()}).Verify(ctx, installedRequest(token)); err != nil {
		t.Error(err)
	}
}

func TestSignedByPrints(t *testing.T) {
	t.Parallel()
	for by, want := range map[connect.SignedBy]string{
		connect.SignedByCurrent: "current", connect.SignedByPrevious: "previous", connect.SignedByApp: "app",
		connect.Verified{}.SignedBy(): "nobody",
	} {
		if got := by.String(); got != want {
			t.Errorf("SignedBy(%d) prints %q, want %q", by, got, want)
		}
	}
}
