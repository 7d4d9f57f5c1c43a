package setup

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/linkersync/linkersync/shared/redact"
)

// role is an AWS role that the CI's identity token opens, so that no other action
// is needed to get credentials.
type role struct {
	arn   string
	token func(context.Context) (redact.Secret, error)
}

// AssumeRole makes every AWS client use the role, with the identity token that
// token returns for AWS.
// Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func (s *Session) AssumeRole(arn string, token func(context.Context) (redact.Secret, error)) {
	s.role = &role{arn: arn, token: token}
}

// provider returns the role's credentials.
func (r *role) provider(config aws.Config) aws.CredentialsProvider {
	return aws.NewCredentialsCache(stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(config), r.arn, retriever{r.token},
		func(o *stscreds.WebIdentityRoleOptions) { o.RoleSessionName = "linkersync" }))
}

// retriever gives the SDK the token; its interface has no context.
type retriever struct {
	token func(context.Context) (redact.Secret, error)
}

// GetIdentityToken implements stscreds.IdentityTokenRetriever.
func (r retriever) GetIdentityToken() ([]byte, error) {
	token, err := r.token(context.Background())
	return []byte(token.Reveal()), err
}
