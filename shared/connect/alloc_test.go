package connect_test

import (
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
)

// Not parallel: testing.AllocsPerRun counts the allocations of the whole process.

func TestVerifyAllocations(t *testing.T) {
	verifier := newVerifier(tenantSource())
	request := installedRequest(sign(bitbucketHeader, bitbucketClaims().json(t), currentSecret))
	var err error
	got := testing.AllocsPerRun(100, func() { _, err = verifier.Verify(t.Context(), request) })
	if err != nil {
		t.Fatal(err)
	}
	if got > 70 {
		t.Errorf("a verification makes %v allocations, want at most 70", got)
	}
}

// A flood of refused tokens must not cost more than valid requests do.
func TestRefusedTokensAllocateLess(t *testing.T) {
	claims := bitbucketClaims()
	count := func(token string, accepted bool) float64 {
		verifier, request := newVerifier(tenantSource()), installedRequest(token)
		return testing.AllocsPerRun(100, func() {
			if _, err := verifier.Verify(t.Context(), request); (err == nil) != accepted {
				t.Fatalf("accepted: %v, want %v", err == nil, accepted)
			}
		})
	}
	valid := count(sign(bitbucketHeader, claims.json(t), currentSecret), true)
	for name, token := range map[string]string{
		"garbage":        "garbage",
		"algorithm":      sign(`{"alg":"none"}`, claims.json(t), currentSecret),
		"signature":      sign(bitbucketHeader, claims.json(t), wrongSecret),
		"unknown tenant": sign(bitbucketHeader, claims.with("iss", stranger).json(t), currentSecret),
		"expired":        sign(bitbucketHeader, claims.with("iat", 1).with("exp", 2).json(t), currentSecret),
	} {
		if refused := count(token, false); refused >= valid {
			t.Errorf("%s: %v allocations, want fewer than the %v of a valid token", name, refused, valid)
		}
	}
}

func TestQueryStringHashAllocations(t *testing.T) {
	got := testing.AllocsPerRun(100, func() { connect.QueryStringHash("GET", "/2.0/addon/linkers/x/values", "pagelen=100", "") })
	if got > 1 {
		t.Errorf("hashing a usual request makes %v allocations, want only its result", got)
	}
}
