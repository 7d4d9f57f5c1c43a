package connect

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/shared/redact"
)

// reference is where third-party vectors lie when the whole workspace is checked
// out: beside the repository, because they are not ours to publish.
const reference = "../../../shared/reference"

// readVectors reads the "vectors" of a file, and skips the test when a file that
// is not part of the repository is absent.
func readVectors[T any](t *testing.T, path string) []T {
	t.Helper()
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && !strings.HasPrefix(path, "testdata") {
		t.Skipf("SKIPPED: the third-party vectors are not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []T }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(file.Vectors) == 0 {
		t.Fatalf("%s has no vectors", path)
	}
	return file.Vectors
}

type hashVector struct {
	Name, Method, URL, Base, Body, Canonical, QSH string
	// AgreesWithNPM is false for a vector that contradicts the reference implementation.
	AgreesWithNPM *bool `json:"agrees_with_npm"`
}

// quirks are the vectors that hold the library to its own behaviour where Atlassian's
// text says otherwise, with the canonical request that the text asks for.
var quirks = map[string]string{
	"own: __proto__ param":                         "GET&/x&__proto__=1&a=1",
	"base prefix w/o segment boundary (lib quirk)": "POST&/application/x&",
	"own: base path is only a string prefix":       "GET&/basement/x&a=1",
}

func TestQueryStringHashVectors(t *testing.T) {
	t.Parallel()
	testHashVectors(t, filepath.Join("testdata", "qsh.json"))
}

func TestQueryStringHashPeerVectors(t *testing.T) {
	t.Parallel()
	testHashVectors(t, filepath.Join(reference, "qsh-peers.json"))
}

func testHashVectors(t *testing.T, path string) {
	for i, vector := range readVectors[hashVector](t, path) {
		t.Run(strconv.Itoa(i)+" "+vector.Name, func(t *testing.T) {
			t.Parallel()
			target, err := url.Parse(vector.URL)
			if err != nil {
				t.Fatal(err)
			}
			base, err := url.Parse(vector.Base)
			if err != nil {
				t.Fatal(err)
			}
			query := target.RawQuery
			if vector.Body != "" {
				query = vector.Body // a form is hashed like a query
			}
			got := CanonicalRequest(vector.Method, target.EscapedPath(), query, base.EscapedPath())
			if want, quirk := quirks[vector.Name]; quirk {
				if got != want {
					t.Errorf("canonical request\n got %q\nwant %q, unlike the library", got, want)
				}
				return
			}
			if contradicts := vector.AgreesWithNPM != nil && !*vector.AgreesWithNPM; contradicts && got != vector.Canonical {
				t.Skipf("the file marks this vector: %q contradicts the reference implementation, ours is %q", vector.Canonical, got)
			}
			if got != vector.Canonical {
				t.Errorf("canonical request\n got %q\nwant %q", got, vector.Canonical)
			}
			// The simulator's own computation has to agree as well.
			for whose, hash := range map[string]func(method, path, query, base string) string{"ours": QueryStringHash, "the simulator's": bitbucket.QueryStringHash} {
				if got := hash(vector.Method, target.EscapedPath(), query, base.EscapedPath()); got != vector.QSH {
					t.Errorf("hash, %s\n got %s\nwant %s", whose, got, vector.QSH)
				}
			}
		})
	}
}

type tokenVector struct {
	Name, Token, Secret, Expect string
	TokenGen                    string `json:"token_gen"`
	// Request is set where the request is known that the token came with.
	Request *struct{ Method, URL string }
}

// layers tells which layer of the verification has each reason.
var layers = map[Reason]string{
	ReasonScheme: "reject", ReasonTooLong: "reject", ReasonMalformed: "reject", ReasonAlgorithm: "reject", ReasonSignature: "reject",
	ReasonTimes: "reject-time", ReasonExpired: "reject-time", ReasonNotYetValid: "reject-time", ReasonLifetime: "reject-time",
	ReasonIssuer: "reject-tenant", ReasonUnknownTenant: "reject-tenant",
	ReasonNoHash: "reject-qsh", ReasonWrongHash: "reject-qsh",
}

func TestTokenVectors(t *testing.T) {
	t.Parallel()
	now := time.Unix(1700000030, 0)
	for _, vector := range readVectors[tokenVector](t, filepath.Join("testdata", "jwt.json")) {
		t.Run(vector.Name, func(t *testing.T) {
			t.Parallel()
			testTokenVector(t, vector, now)
		})
	}
}

func TestTokenPeerVectors(t *testing.T) {
	t.Parallel()
	for i, vector := range readVectors[tokenVector](t, filepath.Join(reference, "jwt-peers.json")) {
		t.Run(strconv.Itoa(i)+" "+vector.Name, func(t *testing.T) {
			t.Parallel()
			// Most are of past years: the file asks to pin the clock to iat.
			now := time.Unix(1700000030, 0)
			if parsed, reason := parseToken(vector.Token); reason == "" && vector.Expect == "ok" {
				now = time.Unix(parsed.claims.issuedAt.seconds, 0)
			}
			testTokenVector(t, vector, now)
		})
	}
}

// testTokenVector compares the layer of the verification that refused. Most good vectors
// belong to no request that is known: the hash, which is checked last, is all that they
// may fail at.
func testTokenVector(t *testing.T, vector tokenVector, now time.Time) {
	if vector.TokenGen == "'.'*1048576" {
		vector.Token = strings.Repeat(".", 1<<20)
	}
	request := Request{Method: "POST", RawPath: "/installed", Authorization: "JWT " + vector.Token}
	if vector.Request != nil {
		target, err := url.Parse(vector.Request.URL)
		if err != nil {
			t.Fatal(err)
		}
		request.Method, request.RawPath, request.RawQuery = vector.Request.Method, target.EscapedPath(), target.RawQuery
	}
	// Some good vectors are valid for decades; the cap has its own tests.
	verifier := &Verifier{Now: func() time.Time { return now }, MaxLifetime: math.MaxInt64}
	token, err := verifier.Parse(request)
	if err == nil {
		var secrets Secrets
		if token.ClientKey() != "testserver.jira:unknown" {
			secrets = Secrets{Current: redact.New(vector.Secret), Previous: redact.New("another")}
		}
		_, err = verifier.Verify(token, secrets)
	}
	reason, got := reasonOf(t, err), "ok"
	if reason != "" {
		got = layers[reason]
	}
	if vector.Request == nil && vector.Expect == "ok" && got == "reject-qsh" {
		got = "ok"
	}
	if got != vector.Expect {
		t.Errorf("verdict is %q (%s), want %q", got, reason, vector.Expect)
	}
}

func reasonOf(t *testing.T, err error) Reason {
	t.Helper()
	var refused *AuthError
	if err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if err == nil {
		return ""
	}
	return refused.Reason
}
