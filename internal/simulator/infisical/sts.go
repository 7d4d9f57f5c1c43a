package infisical

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stsBody is the whole of a GetCallerIdentity request, 43 bytes.
const stsBody = "Action=GetCallerIdentity&Version=2011-06-15"

// signatureAge is how far a signature's time may be from AWS's clock.
const signatureAge = 15 * time.Minute

// stsRequest is a request to the STS of a region; header names are in lower case.
type stsRequest struct {
	method, region string
	headers        map[string]string
	body           string
}

// verify checks the request as STS does and returns the key that signed it. It is
// written from the documentation of Signature Version 4, without an SDK.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func (r stsRequest) verify(keys map[string]*AWSKey, now time.Time) (*AWSKey, error) {
	if err := r.checkShape(now); err != nil {
		return nil, err
	}
	auth, err := parseAuthorization(r.headers["authorization"])
	if err != nil {
		return nil, err
	}
	key := keys[auth.accessKeyID]
	if key == nil {
		return nil, errors.New("unknown access key")
	}
	if err := r.checkScope(auth, key); err != nil {
		return nil, err
	}
	signature := hex.EncodeToString(r.signature(auth, key.Secret))
	if !hmac.Equal([]byte(signature), []byte(auth.signature)) {
		return nil, errors.New("the signature does not match")
	}
	return key, nil
}

// checkShape checks what needs no key: that it is this one call, made now, to the
// host of the region that the signature is for.
func (r stsRequest) checkShape(now time.Time) error {
	signed, err := time.Parse("20060102T150405Z", r.headers["x-amz-date"])
	switch {
	case err != nil:
		return fmt.Errorf("x-amz-date: %w", err)
	case signed.Sub(now).Abs() > signatureAge:
		return errors.New("the signature is expired or not yet current")
	case r.method != "POST" || r.body != stsBody:
		return errors.New("the request is not GetCallerIdentity")
	case r.headers["host"] != "sts."+r.region+".amazonaws.com":
		return errors.New("the host is not that of the region")
	case r.headers["content-length"] != strconv.Itoa(len(r.body)):
		return errors.New("the content-length is not that of the body")
	case !strings.HasPrefix(r.headers["content-type"], "application/x-www-form-urlencoded"):
		return errors.New("the content-type is not that of a form")
	}
	return nil
}

func (r stsRequest) checkScope(auth authorization, key *AWSKey) error {
	for _, required := range []string{"host", "x-amz-date"} {
		if !slices.Contains(auth.signedHeaders, required) {
			return fmt.Errorf("header %s is not signed", required)
		}
	}
	if r.headers["x-amz-security-token"] != key.SessionToken {
		return errors.New("the security token is invalid")
	}
	if key.SessionToken != "" && !slices.Contains(auth.signedHeaders, "x-amz-security-token") {
		return errors.New("header x-amz-security-token is not signed")
	}
	if !slices.IsSorted(auth.signedHeaders) {
		return errors.New("the signed headers are not sorted")
	}
	date, _, _ := strings.Cut(r.headers["x-amz-date"], "T")
	if want := []string{date, r.region, "sts", "aws4_request"}; !slices.Equal(auth.scope, want) {
		return fmt.Errorf("the credential's scope is not %s", strings.Join(want, "/"))
	}
	return nil
}

// signature computes what the signature must be.
func (r stsRequest) signature(auth authorization, secret string) []byte {
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n/\n\n", r.method)
	for _, name := range auth.signedHeaders {
		fmt.Fprintf(&canonical, "%s:%s\n", name, strings.Join(strings.Fields(r.headers[name]), " "))
	}
	fmt.Fprintf(&canonical, "\n%s\n%s", strings.Join(auth.signedHeaders, ";"), hexSum(r.body))
	toSign := strings.Join([]string{
		"AWS4-HMAC-SHA256", r.headers["x-amz-date"], strings.Join(auth.scope, "/"), hexSum(canonical.String()),
	}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range auth.scope {
		key = sum(key, part)
	}
	return sum(key, toSign)
}

func sum(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func hexSum(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}

// authorization is a parsed Authorization header of Signature Version 4.
type authorization struct {
	accessKeyID string
	// scope is date, region, service and "aws4_request".
	scope         []string
	signedHeaders []string
	signature     string
}

func parseAuthorization(header string) (authorization, error) {
	rest, found := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !found {
		return authorization{}, errors.New("the Authorization is not of AWS4-HMAC-SHA256")
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	credential := strings.Split(fields["Credential"], "/")
	auth := authorization{
		accessKeyID: credential[0], scope: credential[1:],
		signedHeaders: strings.Split(fields["SignedHeaders"], ";"), signature: fields["Signature"],
	}
	if fields["SignedHeaders"] == "" || auth.signature == "" {
		return authorization{}, errors.New("the Authorization is incomplete")
	}
	return auth, nil
}
