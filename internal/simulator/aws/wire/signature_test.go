package wire_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	accessKey = "AKIDEXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// service stands for the service that the request claims to be for.
type service struct {
	*wire.JSON
}

func newService(name string) service { return service{&wire.JSON{Signing: name}} }

func authenticator() wire.Authenticator {
	return wire.Authenticator{
		Region: "us-east-1", Now: func() time.Time { return noon },
		Credential: func(key string) (wire.Credential, bool) {
			switch key {
			case accessKey:
				return wire.Credential{SecretAccessKey: secretKey}, true
			case "ASIATEMPORARY":
				return wire.Credential{SecretAccessKey: secretKey, SessionToken: "token", Expires: noon.Add(time.Minute)}, true
			}
			return wire.Credential{}, false
		},
	}
}

// sign signs a request as AWS's own signer does, at a time and with a key.
func sign(t *testing.T, r *http.Request, body, name string, at time.Time, credentials aws.Credentials) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	payload := hex.EncodeToString(sum[:])
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = name == "s3" })
	if name == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	if err := signer.SignHTTP(t.Context(), credentials, r, payload, name, "us-east-1", at); err != nil {
		t.Fatal(err)
	}
}

func key(id, token string) aws.Credentials {
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: secretKey, SessionToken: token}
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return wire.AsError(err).Code
}

// TestSignedURLs: a request reaches the signer as its client signed it.
func TestSignedURLs(t *testing.T) {
	t.Parallel()
	for name, urls := range map[string][]string{
		"sqs": {"/", "/a%20b/c%2Fd", "/ä", "/?b=2&a=1&a=0", "/?h=1&g=2&f=3&e=4&d=5&c=6&b=7&a=8", "/?a=%2F+x&%C3%A4=~", "/?empty"},
		"s3":  {"/bucket/key", "/bucket/installations/%7Bx%7D.yaml", "/b/a%2Fb%20c+d", "/b?list-type=2&prefix=a%2F", "/b?versioning"},
	} {
		for _, url := range urls {
			const body = `{"a":1}`
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4566"+url, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-amz-json-1.0")
			r.Header.Set("X-Amz-Meta-Spaces", "  a   b ")
			sign(t, r, body, name, noon, key(accessKey, ""))
			if err := authenticator().Verify(r, []byte(body), newService(name)); err != nil {
				t.Errorf("%s %s: %v", name, url, err)
			}
		}
	}
}

func TestWhatASignatureCovers(t *testing.T) {
	t.Parallel()
	const body = `{"a":1}`
	for what, test := range map[string]struct {
		at          time.Time
		credentials aws.Credentials
		change      func(*http.Request)
		body        string
		service     string
		want        string
	}{
		"nothing changed":    {},
		"the body":           {body: `{"a":2}`, want: "InvalidSignatureException"},
		"the method":         {change: func(r *http.Request) { r.Method = http.MethodPut }, want: "InvalidSignatureException"},
		"the path":           {change: func(r *http.Request) { r.URL.Path = "/x" }, want: "InvalidSignatureException"},
		"the query":          {change: func(r *http.Request) { r.URL.RawQuery = "x=1" }, want: "InvalidSignatureException"},
		"the host":           {change: func(r *http.Request) { r.Host = "elsewhere" }, want: "InvalidSignatureException"},
		"a signed header":    {change: func(r *http.Request) { r.Header.Set("X-Amz-Target", "AmazonSQS.Other") }, want: "InvalidSignatureException"},
		"an unsigned header": {change: func(r *http.Request) { r.Header.Set("Accept", "x") }},
		"an x-amz- header that isn't signed": {
			change: func(r *http.Request) { r.Header.Set("X-Amz-Added", "x") }, want: "IncompleteSignatureException",
		},
		"another service":        {service: "dynamodb", want: "InvalidSignatureException"},
		"five minutes late":      {at: noon.Add(-5 * time.Minute)},
		"later":                  {at: noon.Add(-5*time.Minute - time.Second), want: "InvalidSignatureException"},
		"too early":              {at: noon.Add(5*time.Minute + time.Second), want: "InvalidSignatureException"},
		"an unknown key":         {credentials: key("AKIDUNKNOWN", ""), want: "UnrecognizedClientException"},
		"a temporary key":        {credentials: key("ASIATEMPORARY", "token")},
		"without its token":      {credentials: key("ASIATEMPORARY", ""), want: "UnrecognizedClientException"},
		"with another token":     {credentials: key("ASIATEMPORARY", "other"), want: "UnrecognizedClientException"},
		"no header":              {change: func(r *http.Request) { r.Header.Del("Authorization") }, want: "MissingAuthenticationTokenException"},
		"another scheme":         {change: authorization("AWS4-HMAC-SHA256", "Bearer"), want: "IncompleteSignatureException"},
		"a scope without an end": {change: authorization("/aws4_request", ""), want: "IncompleteSignatureException"},
		"a short signature":      {change: authorization("Signature=", "Signature=ab"), want: "IncompleteSignatureException"},
		"no host signed":         {change: authorization(";host;", ";"), want: "IncompleteSignatureException"},
		"headers out of order":   {change: authorization("SignedHeaders=", "SignedHeaders=z;"), want: "IncompleteSignatureException"},
		"no date":                {change: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, want: "IncompleteSignatureException"},
		"a date of another day":  {change: func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260302T000000Z") }, want: "IncompleteSignatureException"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4566/", strings.NewReader(body))
			r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
			if test.at.IsZero() {
				test.at = noon
			}
			if test.credentials.AccessKeyID == "" {
				test.credentials = key(accessKey, "")
			}
			sign(t, r, body, "sqs", test.at, test.credentials)
			if test.change != nil {
				test.change(r)
			}
			if test.body == "" {
				test.body = body
			}
			if test.service == "" {
				test.service = "sqs"
			}
			err := authenticator().Verify(r, []byte(test.body), newService(test.service))
			if got := codeOf(err); got != test.want {
				t.Errorf("refused with %q, want %q", got, test.want)
			}
			if err != nil && strings.HasSuffix(err.Error(), ": ") {
				t.Errorf("refused without saying why: %v", err)
			}
		})
	}
}

// authorization changes a part of the Authorization header; a part of which
// nothing is left over goes up to the end.
func authorization(part, other string) func(*http.Request) {
	return func(r *http.Request) {
		old := r.Header.Get("Authorization")
		if part == "Signature=" {
			old = old[:strings.Index(old, part)+len(part)]
		}
		r.Header.Set("Authorization", strings.Replace(old, part, other, 1))
	}
}

func TestThePayloadMayBeUnsigned(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPut, "http://127.0.0.1:4566/bucket/key", strings.NewReader("body"))
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(t.Context(), key(accessKey, ""), r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", noon); err != nil {
		t.Fatal(err)
	}
	if err := authenticator().Verify(r, []byte("another body"), newService("s3")); err != nil {
		t.Error(err)
	}
}

func TestTemporaryKeysExpire(t *testing.T) {
	t.Parallel()
	late := authenticator()
	late.Now = func() time.Time { return noon.Add(time.Minute + time.Second) }
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4566/", nil)
	sign(t, r, "", "sqs", noon, key("ASIATEMPORARY", "token"))
	if got := codeOf(late.Verify(r, nil, newService("sqs"))); got != "ExpiredTokenException" {
		t.Errorf("refused with %q, want ExpiredTokenException", got)
	}
}

func TestAccessKeyNamesTheSigner(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4566/", nil)
	if got := wire.AccessKey(r); got != "" {
		t.Errorf("an unsigned request has the access key %q", got)
	}
	sign(t, r, "", "sqs", noon, key(accessKey, ""))
	if got := wire.AccessKey(r); got != accessKey {
		t.Errorf("AccessKey = %q, want %q", got, accessKey)
	}
}
