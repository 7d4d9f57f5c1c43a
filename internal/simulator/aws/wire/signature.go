package wire

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	// maxSkew is how far a signature's time may be off; S3 allows 15 minutes, the others 5.
	maxSkew    = 5 * time.Minute
	timeFormat = "20060102T150405Z"
)

// Denials are a service's errors for a signature that isn't right.
type Denials struct {
	Missing, Incomplete, Mismatch, UnknownKey, Expired, Skewed Error
}

func jsonDenials() Denials {
	return Denials{
		Missing:    Error{Code: "MissingAuthenticationTokenException"},
		Incomplete: Error{Code: "IncompleteSignatureException"},
		Mismatch:   Error{Code: "InvalidSignatureException"},
		UnknownKey: Error{Code: "UnrecognizedClientException"},
		Expired:    Error{Code: "ExpiredTokenException"},
		Skewed:     Error{Code: "InvalidSignatureException"},
	}
}

// Credential is an access key that the simulator accepts.
type Credential struct {
	SecretAccessKey string
	// SessionToken goes with a temporary access key; Expires is zero for a lasting one.
	SessionToken string
	Expires      time.Time
}

// Authenticator checks signatures.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
type Authenticator struct {
	Region string
	// Credential looks an access key up.
	Credential func(accessKey string) (Credential, bool)
	// Now is the clock that signatures are compared with: the signer's, so the real one.
	Now func() time.Time
}

// signature is what a request says about its signature.
type signature struct {
	accessKey, date, region, service string
	headers                          []string
	sum                              string
	at                               time.Time
}

// Verify checks the signature of a request to a service; the error is an *Error in the service's words.
func (a Authenticator) Verify(r *http.Request, body []byte, service Service) error {
	deny := func(refusal Error, message string) error {
		refusal.Message = message
		return &refusal
	}
	denials := service.Denials()
	if r.Header.Get("Authorization") == "" {
		return deny(denials.Missing, "the request has no Authorization header")
	}
	sig, problem := parseSignature(r)
	if problem != "" {
		return deny(denials.Incomplete, problem)
	}
	if sig.service != service.SigningName() || sig.region != a.Region {
		return deny(denials.Mismatch, "Credential should be scoped to "+a.Region+"/"+service.SigningName()+", not "+sig.region+"/"+sig.service)
	}
	if skew := a.Now().Sub(sig.at).Abs(); skew > maxSkew {
		return deny(denials.Skewed, "the signature's time is off by "+skew.String())
	}
	credential, ok := a.Credential(sig.accessKey)
	if !ok || credential.SessionToken != r.Header.Get("X-Amz-Security-Token") {
		return deny(denials.UnknownKey, "The security token included in the request is invalid.")
	}
	if !credential.Expires.IsZero() && a.Now().After(credential.Expires) {
		return deny(denials.Expired, "The security token included in the request is expired")
	}
	want, err := sig.compute(r, body, credential.SecretAccessKey)
	if err != nil || subtle.ConstantTimeCompare([]byte(want), []byte(sig.sum)) != 1 {
		return deny(denials.Mismatch, "The request signature we calculated does not match the signature you provided.")
	}
	return nil
}

// AccessKey returns the access key that signed a request, "" for none.
func AccessKey(r *http.Request) string {
	sig, _ := parseSignature(r)
	return sig.accessKey
}

// parseSignature reads the Authorization header; problem says what is wrong with it.
func parseSignature(r *http.Request) (sig signature, problem string) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme != algorithm {
		return sig, "the Authorization header is not of the scheme " + algorithm
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	scope := strings.Split(parts["Credential"], "/")
	if len(scope) != 5 || slices.Contains(scope, "") || scope[4] != "aws4_request" {
		return sig, "Credential must be <access key>/<date>/<region>/<service>/aws4_request"
	}
	sig = signature{accessKey: scope[0], date: scope[1], region: scope[2], service: scope[3], sum: parts["Signature"]}
	if raw, err := hex.DecodeString(sig.sum); err != nil || len(raw) != sha256.Size {
		return sig, "Signature must be 64 hexadecimal digits"
	}
	at, err := time.Parse(timeFormat, r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != sig.date {
		return sig, "X-Amz-Date must be there, as " + timeFormat + ", and of the day in Credential"
	}
	sig.at = at
	sig.headers = strings.Split(parts["SignedHeaders"], ";")
	if !slices.IsSorted(sig.headers) {
		return sig, "SignedHeaders must be sorted"
	}
	for _, name := range mustSign(r) {
		if !slices.Contains(sig.headers, name) {
			return sig, "SignedHeaders must name " + name
		}
	}
	return sig, ""
}

// mustSign lists the headers that have to be signed: host, and every x-amz-*.
func mustSign(r *http.Request) []string {
	names := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") {
			names = append(names, lower)
		}
	}
	return names
}

// compute returns the signature that AWS's own signer makes of the request's signed
// headers. All but S3 escape the path once more than it is on the wire.
func (sig signature) compute(r *http.Request, body []byte, secret string) (string, error) {
	request := r.Clone(r.Context())
	for name := range request.Header {
		if !slices.Contains(sig.headers, strings.ToLower(name)) {
			request.Header.Del(name)
		}
	}
	if !slices.Contains(sig.headers, "content-length") {
		request.ContentLength = 0 // is not signed then
	}
	payload := r.Header.Get("X-Amz-Content-Sha256")
	if payload == "" {
		sum := sha256.Sum256(body)
		payload = hex.EncodeToString(sum[:])
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = sig.service == "s3" })
	credentials := aws.Credentials{AccessKeyID: sig.accessKey, SecretAccessKey: secret}
	if err := signer.SignHTTP(r.Context(), credentials, request, payload, sig.service, sig.region, sig.at); err != nil {
		return "", err
	}
	_, sum, _ := strings.Cut(request.Header.Get("Authorization"), "Signature=")
	return sum, nil
}
