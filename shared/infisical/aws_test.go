package infisical_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
)

const (
	awsPath   = "POST /api/v1/auth/aws-auth/login"
	accessKey = "AKIDEXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

func awsLogin(region, sessionToken string) infisical.AWSAuth {
	return infisical.AWSAuth{IdentityID: identityID, Region: region, Credentials: provide(aws.Credentials{
		AccessKeyID: accessKey, SecretAccessKey: secretKey, SessionToken: sessionToken,
	}, nil)}
}

func provide(credentials aws.Credentials, err error) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, err })
}

// presented logs in and returns what was sent: the body's fields and, decoded, the
// request that Infisical would make of them.
func presented(t *testing.T, login infisical.AWSAuth) (map[string]any, signed) {
	t.Helper()
	server := newRecorder(t).on(listPath, many())
	client := server.client()
	client.Login = login
	list(t, client)
	if server.calls[0].Route != awsPath {
		t.Fatalf("logged in at %s", server.calls[0].Route)
	}
	body := server.calls[0].decoded(t)
	request := signed{method: body["iamHttpRequestMethod"].(string), path: "/", headers: map[string]string{}}
	request.body = string(unbase64(t, body["iamRequestBody"]))
	if err := json.Unmarshal(unbase64(t, body["iamRequestHeaders"]), &request.headers); err != nil {
		t.Fatal(err)
	}
	return body, request
}

func unbase64(t *testing.T, value any) []byte {
	t.Helper()
	text, isText := value.(string)
	decoded, err := base64.StdEncoding.DecodeString(text)
	if !isText || err != nil {
		t.Fatalf("%v is not base64: %v", value, err)
	}
	return decoded
}

func TestTheAWSLoginIsSignedForTheRegionsSTS(t *testing.T) {
	t.Parallel()
	for _, region := range []string{"us-east-1", "eu-central-1", "us-gov-west-1", "ap-southeast-3"} {
		for title, session := range map[string]string{"access key": "", "session": "session/with+chars=="} {
			t.Run(region+" with "+title, func(t *testing.T) {
				t.Parallel()
				body, request := presented(t, awsLogin(region, session))
				if err := verifySignature(request, accessKey, secretKey, region, "sts"); err != nil {
					t.Error(err)
				}
				wantHeaders := map[string]string{
					"Content-Length": "43",
					"Content-Type":   "application/x-www-form-urlencoded; charset=utf-8",
					"Host":           "sts." + region + ".amazonaws.com",
					"X-Amz-Date":     "20260501T120000Z",
					"Authorization":  request.headers["Authorization"],
				}
				wantSigned := "SignedHeaders=content-length;content-type;host;x-amz-date,"
				if session != "" {
					wantHeaders["X-Amz-Security-Token"] = session
					wantSigned = "SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token,"
				}
				if diff := cmp.Diff(wantHeaders, request.headers); diff != "" {
					t.Errorf("headers (-want +got):\n%s", diff)
				}
				if !strings.Contains(request.headers["Authorization"], wantSigned) {
					t.Errorf("authorization %q lacks %s", request.headers["Authorization"], wantSigned)
				}
				if request.method != "POST" || request.body != "Action=GetCallerIdentity&Version=2011-06-15" || len(request.body) != 43 {
					t.Errorf("request = %s %q", request.method, request.body)
				}
				if body["identityId"] != identityID || len(body) != 4 {
					t.Errorf("body = %v", body)
				}
			})
		}
	}
}

// The same requests were signed with AWS's Python SDK.
func TestTheAWSLoginIsSignedAsByAnotherSDK(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "sigv4.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct{ Name, Region, SessionToken, Authorization, Date string }
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) == 0 {
		t.Fatal("no vectors")
	}
	for _, vector := range vectors.Cases {
		t.Run(vector.Name, func(t *testing.T) {
			t.Parallel()
			_, request := presented(t, awsLogin(vector.Region, vector.SessionToken))
			got := []string{request.headers["Authorization"], request.headers["X-Amz-Date"]}
			if diff := cmp.Diff([]string{vector.Authorization, vector.Date}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// codedError stands for an error of an AWS service, whose text may hold anything.
type codedError struct{}

func (codedError) Error() string     { return "AccessDenied: canary" }
func (codedError) ErrorCode() string { return "AccessDenied" }

func TestAnAWSLoginThatCantBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	fine := provide(aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}, nil)
	tests := map[string]struct {
		login infisical.AWSAuth
		says  []string
	}{
		"nothing set":     {infisical.AWSAuth{}, []string{"identity_id: ", "region: ", "credentials: have no source"}},
		"no region":       {infisical.AWSAuth{IdentityID: identityID, Credentials: fine}, []string{`region: ""`}},
		"not a region":    {infisical.AWSAuth{IdentityID: identityID, Credentials: fine, Region: "Frankfurt"}, []string{`region: "Frankfurt"`, "eu-central-1"}},
		"a host for one":  {infisical.AWSAuth{IdentityID: identityID, Credentials: fine, Region: "x.evil.example/"}, []string{"region: "}},
		"too long a name": {infisical.AWSAuth{IdentityID: identityID, Credentials: fine, Region: "eu-central-1-and-some"}, []string{"region: "}},
		"China":           {infisical.AWSAuth{IdentityID: identityID, Credentials: fine, Region: "cn-north-1"}, []string{"partition"}},
		"AWS refuses": {
			infisical.AWSAuth{IdentityID: identityID, Region: "eu-central-1", Credentials: provide(aws.Credentials{}, codedError{})},
			[]string{"read AWS credentials: AccessDenied"},
		},
		"none found": {
			infisical.AWSAuth{IdentityID: identityID, Region: "eu-central-1", Credentials: provide(aws.Credentials{}, errors.New("canary"))},
			[]string{"read AWS credentials: none were found", "get-caller-identity"},
		},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t)
			client := server.client()
			client.Login = test.login
			_, err := client.Connections(t.Context(), "")
			mustContain(t, err, test.says...)
			if len(server.routes()) > 0 {
				t.Errorf("called %v", server.routes())
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error holds AWS's text: %v", err)
			}
		})
	}
	for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
		client := newRecorder(t).client()
		client.Login = infisical.AWSAuth{IdentityID: identityID, Region: "eu-central-1", Credentials: provide(aws.Credentials{}, want)}
		if _, err := client.Connections(t.Context(), ""); !errors.Is(err, want) {
			t.Errorf("error = %v, want %v", err, want)
		}
	}
}

func TestARefusedAWSLoginIsExplained(t *testing.T) {
	t.Parallel()
	const session = "session-canary"
	tests := map[string]struct {
		reply reply
		kinds []string
		says  []string
	}{
		"account":            {refuse(401, "UnauthorizedError", `"Access denied: AWS account ID not allowed."`), []string{"ErrLoginRefused"}, []string{"account ID not allowed"}},
		"principal":          {refuse(401, "UnauthorizedError", `"Access denied: AWS principal ARN not allowed. [principal-arn=arn:aws:iam::1:role/x]"`), []string{"ErrLoginRefused"}, []string{"role/x"}},
		"region":             {refuse(400, "BadRequest", `"Invalid AWS region"`), []string{"ErrLoginRefused", "ErrInvalid"}, nil},
		"not configured":     {refuse(404, "NotFound", `"AWS auth method not found for identity, did you configure AWS auth?"`), []string{"ErrLoginRefused"}, nil},
		"STS, behind a 500":  {refuse(500, "InternalServerError", `"Something went wrong"`), []string{"ErrServer"}, []string{"STS refuses the signature", "clock"}},
		"an echo of its own": {refuse(400, "BadRequest", `"X-Amz-Security-Token: `+session+`"`), []string{"ErrLoginRefused", "ErrInvalid"}, []string{"[withheld"}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(awsPath, test.reply)
			client := server.client()
			client.Login = awsLogin("eu-central-1", session)
			_, err := client.Connections(t.Context(), "")
			checkKinds(t, err, test.kinds...)
			mustContain(t, err, append(test.says, "AWS in eu-central-1", identityID)...)
			for _, secret := range []string{session, secretKey} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds a secret: %v", err)
				}
			}
			if n := server.count(awsPath); n != 1 {
				t.Errorf("logged in %d times, want 1", n)
			}
		})
	}
}
