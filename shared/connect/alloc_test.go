package connect_test

import (
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
)

// Not parallel: testing.AllocsPerRun counts the allocations of the whole process.

func TestVerifyAllocations(t *testing.T) {
	receiver := newReceiver()
	request := installedRequest(sign(bitbucketHeader, bitbucketClaims().json(t), currentSecret))
	var err error
	got := testing.AllocsPerRun(100, func() { _, err = receiver.receive(request) })
	if err != nil {
		t.Fatal(err)
	}
	if got > 40 {
		t.Errorf("a verification makes %v allocations, want at most 40", got)
	}
}

// A flood of refused tokens costs little more than valid requests do: a bad signature is
// compared with two secrets, a good one with the first.
func TestRefusedTokensAllocateLittle(t *testing.T) {
	claims := bitbucketClaims()
	count := func(token string, accepted bool) float64 {
		receiver, request := newReceiver(), installedRequest(token)
		return testing.AllocsPerRun(100, func() {
			if _, err := receiver.receive(request); (err == nil) != accepted {
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
		if refused := count(token, false); refused > 1.5*valid {
			t.Errorf("%s: %v allocations, want at most 1.5 times the %v of a valid token", name, refused, valid)
		}
	}
}

func TestQueryStringHashAllocations(t *testing.T) {
	got := testing.AllocsPerRun(100, func() { connect.QueryStringHash("GET", "/2.0/addon/linkers/x/values", "pagelen=100", "") })
	if got > 1 {
		t.Errorf("hashing a usual request makes %v allocations, want only its result", got)
	}
}
