package installation

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// ErrCursor: the cursor is too old or not one of ours. Start again without one.
var ErrCursor = errors.New("the cursor of the list is not valid any more")

// List returns one page of what [SecretsManager.All] yields without secrets, and
// the cursor of the next one, empty after the last. It is for a caller that has to
// go on in another process; everybody else uses All. An entry that can't be read
// is left to All.
func (s *SecretsManager) List(ctx context.Context, cursor string) (page []Installation, next string, err error) {
	out, err := s.api.ListSecrets(ctx, &secretsmanager.ListSecretsInput{
		Filters:    []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{NamePrefix(s.options.AppKey)}}},
		MaxResults: aws.Int32(listPage),
		NextToken:  optional(cursor),
	})
	if codeIs(err, "InvalidNextTokenException") {
		return nil, "", &Error{Op: "list installations", Kind: ErrCursor}
	}
	if err != nil {
		return nil, "", s.failed(call{"list installations", "", "ListSecrets"}, err)
	}
	for _, entry := range out.SecretList {
		if in, err := s.listed(entry); err == nil {
			page = append(page, in)
		}
	}
	return page, aws.ToString(out.NextToken), nil
}
