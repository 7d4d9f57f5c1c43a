package setup_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/redact"
)

const roleARN = "arn:aws:iam::111122223333:role/ci"

// ciToken is an identity token as GitHub's of a repository made after July 2026.
func ciToken() string {
	payload := `{"iss":"https://token.actions.githubusercontent.com","aud":"sts.amazonaws.com","sub":"repo:example@1234567/app@7654321:environment:production"}`
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".signature"
}

// refusingSTS makes the SDK of this process call a server that gives one answer.
func refusingSTS(t *testing.T, status int, body string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client's concern
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ENDPOINT_URL_STS": server.URL, "AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
}

// TestARefusedIdentityTokenIsExplained: the error names the call, the role, STS's
// reason and the token's claims, whoever asked for the role.
func TestARefusedIdentityTokenIsExplained(t *testing.T) { //nolint:paralleltest // the SDK reads the process's variables
	const form = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>0f2ab2f5-1111-4222-8333-444444444444</RequestId></ErrorResponse>`
	for name, test := range map[string]struct {
		status             int
		code, message, say string
	}{
		"not trusted":    {http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"wrong audience": {http.StatusBadRequest, "InvalidIdentityToken", "Incorrect token audience", "InvalidIdentityToken: Incorrect token audience"},
		"no provider":    {http.StatusBadRequest, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com", "No OpenIDConnect provider found"},
		"expired":        {http.StatusBadRequest, "ExpiredTokenException", "Token expired: current date/time 1 must be before the expiration date/time 0", "ExpiredTokenException: Token expired"},
		"an echo":        {http.StatusForbidden, "AccessDenied", "arn:aws:iam::444455556666:role/x of 444455556666 does not take " + ciToken(), "AccessDenied: … of … does not take [redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			refusingSTS(t, test.status, fmt.Sprintf(form, test.code, test.message))
			check := func(err error) {
				t.Helper()
				if err == nil {
					t.Fatal("no error")
				}
				for _, want := range []string{
					"STS AssumeRoleWithWebIdentity", roleARN, test.say, "repo:example@1234567/app@7654321:environment:production",
					`aud "sts.amazonaws.com"`, `iss "https://token.actions.githubusercontent.com"`, "trust policy",
				} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%v\nlacks %q", err, want)
					}
				}
				for _, leak := range []string{ciToken(), "signature", "secretsmanager", "444455556666"} {
					if strings.Contains(err.Error(), leak) {
						t.Errorf("%v\nhas %q", err, leak)
					}
				}
			}
			s := setup.New(setup.Options{AppKey: appKey}, variables{}.get, "test")
			token := func(context.Context) (redact.Secret, error) { return redact.New(ciToken()), nil }
			check(s.AssumeRole(t.Context(), roleARN, token))

			// The SDK's own variables, and the first call is another service's.
			file := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(file, []byte(ciToken()), 0o600); err != nil {
				t.Fatal(err)
			}
			own := variables{"AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_ROLE_ARN": roleARN}
			for name, value := range own {
				t.Setenv(name, value)
			}
			for _, err := range setup.New(setup.Options{AppKey: appKey}, own.get, "test").Installations(t.Context(), "all") {
				check(err)
			}
		})
	}
}
