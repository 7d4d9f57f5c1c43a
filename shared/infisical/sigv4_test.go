package infisical_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// signed is a request as its receiver sees it.
type signed struct {
	method  string
	path    string
	query   string
	headers map[string]string
	body    string
}

var authorizationPattern = regexp.MustCompile(
	`^AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$`)

// verifySignature is AWS's side of SigV4, written from its documentation and not
// from the SDK, so that the two check each other.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func verifySignature(request signed, accessKey, secretKey, region, service string) error {
	headers := map[string]string{}
	for name, value := range request.headers {
		headers[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	parts := authorizationPattern.FindStringSubmatch(headers["authorization"])
	if parts == nil {
		return fmt.Errorf("authorization %q has another form", headers["authorization"])
	}
	date := headers["x-amz-date"]
	if parts[1] != accessKey || parts[3] != region || parts[4] != service || !strings.HasPrefix(date, parts[2]+"T") {
		return fmt.Errorf("scope %v isn't %s, %s, %s, %s", parts[1:5], accessKey, date, region, service)
	}
	names := strings.Split(parts[5], ";")
	if !slices.IsSorted(names) || !slices.Contains(names, "host") {
		return fmt.Errorf("signed headers %v aren't sorted or lack the host", names)
	}
	canonical := request.method + "\n" + request.path + "\n" + request.query + "\n"
	for _, name := range names {
		value, present := headers[name]
		if !present {
			return fmt.Errorf("header %s is signed but not sent", name)
		}
		canonical += name + ":" + value + "\n"
	}
	canonical += "\n" + parts[5] + "\n" + hash(request.body)
	scope := strings.Join([]string{parts[2], region, service, "aws4_request"}, "/")
	key := []byte("AWS4" + secretKey)
	for _, step := range strings.Split(scope, "/") {
		key = mac(key, step)
	}
	want := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hash(canonical)))
	if want != parts[6] {
		return errors.New("signature is wrong")
	}
	return nil
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// The verifier is checked with AWS's own test suite before it judges anybody.
func TestTheVerifierAgreesWithAWSsVectors(t *testing.T) {
	t.Parallel()
	sign := func(headers, signature string) string {
		return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + headers + ", Signature=" + signature
	}
	vectors := map[string]signed{
		"get-vanilla": {method: "GET", path: "/", headers: map[string]string{
			"Host": "example.amazonaws.com", "X-Amz-Date": "20150830T123600Z",
			"Authorization": sign("host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
		}},
		"post-x-www-form-urlencoded": {method: "POST", path: "/", body: "Param1=value1", headers: map[string]string{
			"Host": "example.amazonaws.com", "X-Amz-Date": "20150830T123600Z", "Content-Type": "application/x-www-form-urlencoded",
			"Authorization": sign("content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
		}},
	}
	for name, vector := range vectors {
		const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
		if err := verifySignature(vector, "AKIDEXAMPLE", secret, "us-east-1", "service"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if verifySignature(vector, "AKIDEXAMPLE", secret+"x", "us-east-1", "service") == nil {
			t.Errorf("%s: a wrong secret passes", name)
		}
		vector.body += "x"
		if verifySignature(vector, "AKIDEXAMPLE", secret, "us-east-1", "service") == nil {
			t.Errorf("%s: a changed body passes", name)
		}
	}
}
