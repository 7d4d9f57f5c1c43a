package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/redact"
)

// role is an AWS role that the CI's identity token opens, so that no other action
// is needed to get credentials.
type role struct {
	arn   string
	token func(context.Context) (redact.Secret, error)
	// last is the token that STS saw last. Calls come one at a time, from the cache of
	// the credentials.
	last redact.Secret
}

// AssumeRole makes every AWS client use the role, with the identity token that token
// returns for AWS, and asks STS for it at once: a refusal is an error about the role,
// and not about the first call that needs it.
// Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func (s *Session) AssumeRole(ctx context.Context, arn string, token func(context.Context) (redact.Secret, error)) error {
	s.role = &role{arn: arn, token: token}
	config, err := s.AWS(ctx)
	if err != nil {
		return err
	}
	_, err = config.Credentials.Retrieve(ctx)
	return err
}

// provider returns the role's credentials.
func (r *role) provider(config aws.Config) aws.CredentialsProvider {
	return aws.NewCredentialsCache(stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(config), r.arn, r,
		func(o *stscreds.WebIdentityRoleOptions) { o.RoleSessionName = "linkersync" }))
}

// GetIdentityToken implements stscreds.IdentityTokenRetriever, which has no context.
func (r *role) GetIdentityToken() ([]byte, error) {
	token, err := r.token(context.Background())
	r.last = token
	return []byte(token.Reveal()), err
}

// noCredentials says which call failed to get credentials, and of a refused identity
// token what the role's trust policy is compared with. The token is never in it.
func (s *Session) noCredentials(err error) error {
	var operation *smithy.OperationError
	if !errors.As(err, &operation) || operation.Service() != "STS" {
		return err // the SDK looked in other places; Cut knows what it says then
	}
	text := fmt.Sprintf("get AWS credentials: %s %s", operation.Service(), operation.Operation())
	arn, token := s.webIdentity()
	withToken := operation.Operation() == "AssumeRoleWithWebIdentity"
	if withToken {
		text += " for the role " + arn
	}
	reason, remedy := awsenv.Cut(operation).Error(), ""
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		reason = refusal.ErrorCode() + ": " + withoutAccounts(strings.ReplaceAll(refusal.ErrorMessage(), cmp.Or(token.Reveal(), redact.Placeholder), redact.Placeholder))
		if withToken {
			remedy = "; " + infisical.DescribeIDToken(token) + ": compare them with the role's trust policy and the account's OIDC provider"
		}
	}
	return &awsenv.CredentialsError{Reason: text + ": " + reason + remedy}
}

// webIdentity is the role and the identity token of it: the session's, or those of the
// variables that the SDK reads.
func (s *Session) webIdentity() (arn string, token redact.Secret) {
	if s.role != nil {
		return s.role.arn, s.role.last
	}
	data, _ := input.ReadFile(s.getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), maxIdentityToken) // empty is said as such
	return s.getenv("AWS_ROLE_ARN"), redact.New(input.Trim(string(data)))
}

const (
	// maxIdentityToken is the longest token that STS takes, in bytes.
	maxIdentityToken = 20_000
	// maxReason is the most bytes of AWS's reason that are shown.
	maxReason = 300
)

// withoutAccounts leaves ARNs and account ids out of what AWS says, and what would
// steer a terminal.
func withoutAccounts(text string) string {
	text = regexp.MustCompile(`arn:aws[\w-]*:\S*|\b\d{12}\b`).ReplaceAllString(platform.Printable(text), "…")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}
