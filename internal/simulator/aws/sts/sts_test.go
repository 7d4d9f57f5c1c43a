package sts_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

const role = "arn:aws:iam::111122223333:role/ci/linkersync"

func start(t *testing.T) (*simulator.Server, *sdk.Client) {
	t.Helper()
	cloud := simulator.New(simulator.Options{})
	t.Cleanup(cloud.Close)
	return cloud, sdk.NewFromConfig(cloud.Config(), func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
}

func token(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("the issuer's key"))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// claims are those of a GitHub Actions job.
func claims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "https://token.actions.githubusercontent.com", "sub": "repo:linkersync/example:ref:refs/heads/main",
		"aud": "sts.amazonaws.com", "exp": time.Now().Add(time.Hour).Unix(),
	}
}

func assume(token string) *sdk.AssumeRoleWithWebIdentityInput {
	return &sdk.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(role), RoleSessionName: aws.String("job"), WebIdentityToken: &token}
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	got := ""
	var refusal smithy.APIError
	if errors.As(err, &refusal) {
		got = refusal.ErrorCode()
	} else if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}

func TestCallerIdentity(t *testing.T) {
	t.Parallel()
	_, client := start(t)
	out, err := client.GetCallerIdentity(t.Context(), &sdk.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"111122223333", "arn:aws:iam::111122223333:user/simulator", "AIDASIMULATOR"}
	if diff := cmp.Diff(want, []string{*out.Account, *out.Arn, *out.UserId}); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
}

func TestAssumedRolesSign(t *testing.T) {
	t.Parallel()
	cloud, _ := start(t)
	anonymous := sdk.NewFromConfig(cloud.Config(), func(o *sdk.Options) { o.Credentials = aws.AnonymousCredentials{} })
	in := assume(token(t, claims()))
	in.DurationSeconds = aws.Int32(900)
	out, err := anonymous.AssumeRoleWithWebIdentity(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{*out.Provider, *out.Audience, *out.SubjectFromWebIdentityToken, *out.AssumedRoleUser.Arn}
	want := []string{
		"https://token.actions.githubusercontent.com", "sts.amazonaws.com", "repo:linkersync/example:ref:refs/heads/main",
		"arn:aws:sts::111122223333:assumed-role/linkersync/job",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if left := time.Until(*out.Credentials.Expiration); left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("the credentials last %v, want 15 minutes", left)
	}
	with := func(change func(*aws.Credentials)) error {
		credentials := aws.Credentials{
			AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken,
		}
		change(&credentials)
		// A client of its own, since a client keeps the signing key of an access key.
		config := cloud.Config()
		config.Credentials = staticCredentials(credentials)
		who, err := sdk.NewFromConfig(config).GetCallerIdentity(t.Context(), &sdk.GetCallerIdentityInput{})
		if err == nil && *who.Arn != *out.AssumedRoleUser.Arn {
			t.Errorf("signed as %s, want the assumed role", *who.Arn)
		}
		return err
	}
	wantCode(t, "the issued credentials", with(func(*aws.Credentials) {}), "")
	wantCode(t, "without their token", with(func(c *aws.Credentials) { c.SessionToken = "" }), "InvalidClientTokenId")
	wantCode(t, "with a wrong secret", with(func(c *aws.Credentials) { c.SecretAccessKey = "x" }), "SignatureDoesNotMatch")
}

func TestInvalidTokensAndRolesAreRefused(t *testing.T) {
	t.Parallel()
	_, client := start(t)
	without := func(claim string) string {
		left := claims()
		delete(left, claim)
		return token(t, left)
	}
	expired := claims()
	expired["exp"] = time.Now().Add(-time.Second).Unix()
	early := claims()
	early["nbf"] = time.Now().Add(time.Minute).Unix()
	good := token(t, claims())
	for what, test := range map[string]struct {
		change func(*sdk.AssumeRoleWithWebIdentityInput)
		want   string
	}{
		"all right":         {func(*sdk.AssumeRoleWithWebIdentityInput) {}, ""},
		"the shortest time": {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(900) }, ""},
		"the longest time":  {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(3600) }, ""},
		"too long a time":   {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(3601) }, "ValidationError"},
		"a name of 64":      {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.RoleSessionName = aws.String(strings.Repeat("a", 64)) }, ""},
		"a name of 65":      {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.RoleSessionName = aws.String(strings.Repeat("a", 65)) }, "ValidationError"},
		"no JWT":            {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = aws.String("abcd") }, "InvalidIdentityToken"},
		"no subject":        {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = aws.String(without("sub")) }, "InvalidIdentityToken"},
		"no audience":       {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = aws.String(without("aud")) }, "InvalidIdentityToken"},
		"no end":            {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = aws.String(without("exp")) }, "InvalidIdentityToken"},
		"expired":           {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = aws.String(token(t, expired)) }, "ExpiredTokenException"},
		"not valid yet":     {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = aws.String(token(t, early)) }, "InvalidIdentityToken"},
		"too large a token": {func(in *sdk.AssumeRoleWithWebIdentityInput) {
			in.WebIdentityToken = aws.String(good + strings.Repeat("x", 20_000))
		}, "ValidationError"},
		"no role":                          {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.RoleArn = aws.String("arn:aws:iam::1:user/someone") }, "ValidationError"},
		"a bad session name":               {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.RoleSessionName = aws.String("a b") }, "ValidationError"},
		"too short a time":                 {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(899) }, "ValidationError"},
		"a policy, which is not simulated": {func(in *sdk.AssumeRoleWithWebIdentityInput) { in.Policy = aws.String("{}") }, "NotSimulated"},
	} {
		t.Run(what, func(t *testing.T) {
			in := assume(good)
			test.change(in)
			_, err := client.AssumeRoleWithWebIdentity(t.Context(), in)
			wantCode(t, what, err, test.want)
		})
	}
	_, err := client.GetSessionToken(t.Context(), &sdk.GetSessionTokenInput{})
	wantCode(t, "another action", err, "NotSimulated")
}

func TestTheQueryProtocol(t *testing.T) {
	t.Parallel()
	cloud, _ := start(t)
	identity := "&RoleArn=" + url.QueryEscape(role) + "&RoleSessionName=job&WebIdentityToken=" + token(t, claims())
	for what, test := range map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"as it should be":    {"POST", "/", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15" + identity, 200, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`},
		"another version":    {"POST", "/", "Action=AssumeRoleWithWebIdentity&Version=2012-06-15" + identity, 400, "<Code>InvalidAction</Code>"},
		"one parameter more": {"POST", "/", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&Extra=1" + identity, 501, "<Code>NotSimulated</Code>"},
		"another path":       {"POST", "/x", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15" + identity, 400, "<Code>MalformedQueryString</Code>"},
		"another method":     {"PUT", "/", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15" + identity, 400, "<Code>MalformedQueryString</Code>"},
		"no form":            {"POST", "/", "%", 403, "<Code>MissingAuthenticationToken</Code>"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, cloud.URL+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := loopback.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != test.status || !strings.Contains(string(answer), test.want) {
			t.Errorf("%s: %d %s, error %v, want %d with %s", what, response.StatusCode, answer, err, test.status, test.want)
		}
	}
}

func TestCredentialsLastAnHourUnlessAskedOtherwise(t *testing.T) {
	t.Parallel()
	cloud, client := start(t)
	out, err := client.AssumeRoleWithWebIdentity(t.Context(), assume(token(t, claims())))
	if err != nil {
		t.Fatal(err)
	}
	credential, ok := cloud.Tokens.Credential(*out.Credentials.AccessKeyId)
	if !ok || credential.Expires.Sub(*out.Credentials.Expiration).Abs() > time.Second {
		t.Errorf("the service keeps the end %v, and told %v", credential.Expires, *out.Credentials.Expiration)
	}
	if left := time.Until(credential.Expires); left > time.Hour || left < 59*time.Minute {
		t.Errorf("the credentials last %v, want an hour", left)
	}
	if id := *out.Credentials.AccessKeyId; len(id) != 20 || !strings.HasPrefix(id, "ASIA") {
		t.Errorf("access key %s, want ASIA and 16 characters", id)
	}
}

func staticCredentials(credentials aws.Credentials) aws.CredentialsProvider {
	return aws.NewCredentialsCache(provider(credentials))
}

type provider aws.Credentials

// Retrieve implements aws.CredentialsProvider.
func (p provider) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials(p), nil }
