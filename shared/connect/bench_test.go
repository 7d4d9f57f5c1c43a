package connect_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

// These pairs are compared with each other in one run, never with a clock:
//
//	go test -run '^$' -bench . ./shared/connect
//
// Verify may cost 0.9 times BareParse, Sign 1.3 times BareSign, and every case of
// VerifyRefused 1.5 times Verify.

func BenchmarkVerify(b *testing.B) {
	receiver := newReceiver()
	request := installedRequest(sign(bitbucketHeader, bitbucketClaims().json(b), currentSecret))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := receiver.receive(request); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareParse is golang-jwt as it comes, on the same token: signature and
// exp, no query string hash, no look-up.
func BenchmarkBareParse(b *testing.B) {
	token := sign(bitbucketHeader, bitbucketClaims().json(b), currentSecret)
	parser := jwt.NewParser(jwt.WithTimeFunc(clock))
	key := []byte(currentSecret)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parser.Parse(token, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyRefused(b *testing.B) {
	claims := bitbucketClaims()
	for _, refused := range []struct{ name, token string }{
		{"garbage", strings.Repeat("garbage.", 50)},
		{"dots", strings.Repeat(".", connect.MaxTokenLength)},
		{"algorithm", sign(`{"alg":"none","typ":"JWT"}`, claims.json(b), currentSecret)},
		{"signature", sign(bitbucketHeader, claims.json(b), wrongSecret)},
		{"unknown tenant", sign(bitbucketHeader, claims.with("iss", stranger).json(b), wrongSecret)},
		{"expired", sign(bitbucketHeader, claims.with("iat", issuedAt-9000).with("exp", issuedAt-5400).json(b), currentSecret)},
		{"no hash", sign(bitbucketHeader, claims.without("qsh").json(b), currentSecret)},
	} {
		b.Run(refused.name, func(b *testing.B) {
			receiver, request := newReceiver(), installedRequest(refused.token)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := receiver.receive(request); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	signer, target := benchSigner(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signer.Sign("GET", target); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareSign signs the same claims with golang-jwt, their hash given.
func BenchmarkBareSign(b *testing.B) {
	key := []byte(currentSecret)
	hash := hashOf("GET&/2.0/addon/linkers/issues/values&page=2&pagelen=100")
	b.ReportAllocs()
	for b.Loop() {
		now := clock()
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"iss": appKey, "sub": tenant, "iat": now.Unix(), "exp": now.Add(3 * time.Minute).Unix(), "qsh": hash,
		})
		if _, err := token.SignedString(key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQueryStringHash(b *testing.B) {
	for _, query := range []struct{ name, query string }{
		{"none", ""},
		{"page", "pagelen=100&page=2"},
		{"awkward", "zee_last=param&repeated=parameter+1&first=%E2%82%AC&repeated=a%2Cb&jwt=x"},
	} {
		b.Run(query.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				connect.QueryStringHash("GET", "/2.0/addon/linkers/issues/values", query.query, "")
			}
		})
	}
}

func benchSigner(tb testing.TB) (connect.Signer, *url.URL) {
	tb.Helper()
	target, err := url.Parse("https://api.bitbucket.org/2.0/addon/linkers/issues/values?pagelen=100&page=2")
	if err != nil {
		tb.Fatal(err)
	}
	return connect.Signer{AppKey: appKey, ClientKey: tenant, Secret: redact.New(currentSecret), Now: clock}, target
}
