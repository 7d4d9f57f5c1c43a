package infisical_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/linkersync/linkersync/internal/simulator/infisical"
)

const (
	stsBody = "Action=GetCallerIdentity&Version=2011-06-15"
	account = "123456789012"
	session = "arn:aws:sts::123456789012:assumed-role/ci-role/run-7"
)

func (r *rig) withAWS(auth infisical.AWSAuth) {
	r.t.Helper()
	r.seed(infisical.State{
		AWSKeys: []infisical.AWSKey{
			{AccessKeyID: "AKIALONG", Secret: "long-secret", Account: account, ARN: "arn:aws:iam::123456789012:user/team/robot"},
			{AccessKeyID: "ASIASHORT", Secret: "short-secret", SessionToken: "session-token", Account: account, ARN: session},
		},
		Identities: []infisical.Identity{{ID: "aws", OrgID: org, Permissions: infisical.Everything(), AWS: &auth}},
	})
}

// signed is a request to STS, as the SDK's signer makes it, before it is changed and sent.
type signed struct {
	key     aws.Credentials
	region  string
	service string
	host    string
	at      time.Time
	body    string
	// unsigned are headers that are added after signing.
	unsigned map[string]string
	// method replaces POST in the login's body, and signedMethod in what is signed.
	method, signedMethod string
}

func (r *rig) goodSTS() signed {
	return signed{
		key:    aws.Credentials{AccessKeyID: "ASIASHORT", SecretAccessKey: "short-secret", SessionToken: "session-token"},
		region: "eu-central-1", service: "sts", host: "sts.eu-central-1.amazonaws.com", at: r.clock.Now(), body: stsBody,
		method: http.MethodPost, signedMethod: http.MethodPost,
	}
}

func (r *rig) stsHeaders(s signed) map[string]string {
	r.t.Helper()
	httpRequest, err := http.NewRequestWithContext(r.t.Context(), s.signedMethod, "https://"+s.host+"/", strings.NewReader(s.body))
	if err != nil {
		r.t.Fatal(err)
	}
	httpRequest.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	digest := sha256.Sum256([]byte(s.body))
	err = v4.NewSigner().SignHTTP(r.t.Context(), s.key, httpRequest, hex.EncodeToString(digest[:]), s.service, s.region, s.at)
	if err != nil {
		r.t.Fatal(err)
	}
	headers := map[string]string{"Host": s.host, "Content-Length": "43"}
	for name := range httpRequest.Header {
		headers[name] = httpRequest.Header.Get(name)
	}
	maps.Copy(headers, s.unsigned)
	return headers
}

func (r *rig) awsLogin(s signed) request {
	r.t.Helper()
	headers, err := json.Marshal(r.stsHeaders(s))
	if err != nil {
		r.t.Fatal(err)
	}
	return awsRequest(map[string]string{
		"identityId": "aws", "iamHttpRequestMethod": s.method,
		"iamRequestBody":    base64.StdEncoding.EncodeToString([]byte(s.body)),
		"iamRequestHeaders": base64.StdEncoding.EncodeToString(headers),
	})
}

func awsRequest(fields map[string]string) request {
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return request{method: "POST", path: "/api/v1/auth/aws-auth/login", body: string(body)}
}

func TestAWSLoginAcceptsWhatTheSDKSigns(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withAWS(infisical.AWSAuth{})
	short, long, skewed := r.goodSTS(), r.goodSTS(), r.goodSTS()
	long.key = aws.Credentials{AccessKeyID: "AKIALONG", SecretAccessKey: "long-secret"}
	skewed.at = r.clock.Now().Add(-15 * time.Minute)
	for _, s := range []signed{short, long, skewed} {
		var got login
		r.want(200, "", "", r.awsLogin(s)).decode(t, &got)
		r.want(200, "", "", request{method: "GET", path: connectionsURL, token: got.AccessToken})
	}
}

// What STS refuses comes out as a 500 without a reason.
func TestAWSLoginRefusesABrokenSignature(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*signed){
		"wrong secret":         func(s *signed) { s.key.SecretAccessKey = "x" },
		"unknown key":          func(s *signed) { s.key.AccessKeyID = "AKIANOBODY" },
		"wrong session token":  func(s *signed) { s.key.SessionToken = "x" },
		"no session token":     func(s *signed) { s.key.SessionToken = "" },
		"global host":          func(s *signed) { s.host = "sts.amazonaws.com" },
		"host of other region": func(s *signed) { s.host = "sts.us-east-1.amazonaws.com" },
		"another service":      func(s *signed) { s.service = "iam" },
		"too old":              func(s *signed) { s.at = s.at.Add(-15*time.Minute - time.Second) },
		"from the future":      func(s *signed) { s.at = s.at.Add(15*time.Minute + time.Second) },
		"another action":       func(s *signed) { s.body = "Action=GetCallerIdentitY&Version=2011-06-15" },
		"content-type changed": func(s *signed) { s.unsigned = map[string]string{"Content-Type": "application/x-www-form-urlencoded"} },
		"not a form":           func(s *signed) { s.unsigned = map[string]string{"Content-Type": "text/plain"} },
		"wrong length":         func(s *signed) { s.unsigned = map[string]string{"Content-Length": "44"} },
		"date changed": func(s *signed) {
			s.unsigned = map[string]string{"X-Amz-Date": s.at.Add(time.Second).Format("20060102T150405Z")}
		},
		"no date":       func(s *signed) { s.unsigned = map[string]string{"X-Amz-Date": ""} },
		"signed as GET": func(s *signed) { s.method, s.signedMethod = http.MethodGet, http.MethodGet },
		"sent as GET":   func(s *signed) { s.method = http.MethodGet },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.withAWS(infisical.AWSAuth{})
			s := r.goodSTS()
			change(&s)
			r.want(500, "InternalServerError", "Something went wrong", r.awsLogin(s))
		})
	}
}

func TestAWSLoginReadsTheAuthorizationHeader(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withAWS(infisical.AWSAuth{})
	headers := r.stsHeaders(r.goodSTS())
	with := func(authorization string) request {
		changed := maps.Clone(headers)
		changed["Authorization"] = authorization
		encoded, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		return awsRequest(map[string]string{
			"identityId": "aws", "iamRequestBody": base64.StdEncoding.EncodeToString([]byte(stsBody)),
			"iamRequestHeaders": base64.StdEncoding.EncodeToString(encoded),
		})
	}
	good := headers["Authorization"]
	r.want(200, "", "", with(good)) // the method is POST when it isn't given
	r.want(400, "BadRequest", "Invalid AWS region", with(""))
	r.want(400, "BadRequest", "Invalid AWS region", with(strings.Replace(good, "/eu-central-1/", "/EU/", 1)))
	r.want(400, "BadRequest", "Invalid AWS region", with(strings.Replace(good, "/eu-central-1/", "/a-region-of-21-letters/", 1)))
	r.want(400, "BadRequest", "Invalid AWS region", with(strings.Replace(good, " Credential", "Credential", 1)))
	for name, authorization := range map[string]string{
		"another algorithm":  strings.Replace(good, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512", 1),
		"host is not signed": strings.Replace(good, "host;", "", 1),
		"token not signed":   strings.Replace(good, ";x-amz-security-token", "", 1),
		"not sorted":         strings.Replace(good, "content-length;content-type", "content-type;content-length", 1),
		"no signature":       strings.Split(good, ", Signature=")[0],
		"scope ends early":   "AWS4-HMAC-SHA256 SignedHeaders=host Credential=ASIASHORT/20260102/eu-central-1",
		"scope is short":     strings.Replace(good, "/aws4_request", "", 1),
	} {
		if authorization == good {
			t.Fatalf("%s: nothing was changed in %s", name, good)
		}
		r.want(500, "InternalServerError", "Something went wrong", with(authorization))
	}
}

func TestAWSLoginCanNotDecode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withAWS(infisical.AWSAuth{})
	good := r.stsHeaders(r.goodSTS())
	encoded, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	base := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, fields := range []map[string]string{
		{"identityId": "aws", "iamRequestBody": base(stsBody), "iamRequestHeaders": "%%%"},
		{"identityId": "aws", "iamRequestBody": base(stsBody), "iamRequestHeaders": base("not JSON")},
		{"identityId": "aws", "iamRequestBody": "%%%", "iamRequestHeaders": base(string(encoded))},
	} {
		r.want(500, "InternalServerError", "Something went wrong", awsRequest(fields))
	}
	r.want(422, "ValidationFailure", "", awsRequest(map[string]string{"identityId": "aws"}))
	const notConfigured = "AWS auth method not found for identity, did you configure AWS auth?"
	r.want(404, "NotFound", notConfigured, awsRequest(map[string]string{"identityId": robot, "iamRequestBody": "x", "iamRequestHeaders": "x"}))
}

func TestAWSLoginIsLimitedToAccountsAndPrincipals(t *testing.T) {
	t.Parallel()
	const notAllowed = "Access denied: AWS principal ARN not allowed. [principal-arn=arn:aws:sts::123456789012:assumed-role/ci-role]"
	for name, test := range map[string]struct {
		auth    infisical.AWSAuth
		refusal string
	}{
		"account":                {infisical.AWSAuth{AccountIDs: []string{"1", account}}, ""},
		"another account":        {infisical.AWSAuth{AccountIDs: []string{"1"}}, "Access denied: AWS account ID not allowed."},
		"the session's role":     {infisical.AWSAuth{PrincipalARNs: []string{"arn:aws:sts::123456789012:assumed-role/ci-role"}}, ""},
		"the IAM role":           {infisical.AWSAuth{PrincipalARNs: []string{"x", "arn:aws:iam::123456789012:role/ci-role"}}, ""},
		"wildcard":               {infisical.AWSAuth{PrincipalARNs: []string{"arn:aws:iam::123456789012:role/ci-*"}}, ""},
		"another role":           {infisical.AWSAuth{PrincipalARNs: []string{"arn:aws:iam::123456789012:role/other"}}, notAllowed},
		"a dot is not any":       {infisical.AWSAuth{PrincipalARNs: []string{"arn:aws:iam::123456789012:role/ci.role"}}, notAllowed},
		"the full session's ARN": {infisical.AWSAuth{PrincipalARNs: []string{session}}, notAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.withAWS(test.auth)
			if test.refusal == "" {
				r.want(200, "", "", r.awsLogin(r.goodSTS()))
				return
			}
			r.want(401, "UnauthorizedError", test.refusal, r.awsLogin(r.goodSTS()))
		})
	}
	r := newRig(t)
	r.withAWS(infisical.AWSAuth{PrincipalARNs: []string{"arn:aws:iam::123456789012:user/robot"}})
	long := r.goodSTS()
	long.key = aws.Credentials{AccessKeyID: "AKIALONG", SecretAccessKey: "long-secret"}
	r.want(200, "", "", r.awsLogin(long)) // a user's path is left out
}
