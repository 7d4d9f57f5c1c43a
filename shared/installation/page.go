package installation

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// ErrCursor is the kind of the error when a cursor is too old or not one of ours:
// start again without one.
var ErrCursor = errors.New("the cursor of the list is not valid any more")

// List returns one page of what [SecretsManager.All] yields without secrets, and
// the cursor of the next one, empty after the last. A page may be empty before
// the last. It is for a caller that has to go on in another process; everybody
// else uses All.
//
// A secret under our prefix whose name no look-up asks for is no installation:
// All reports it, and List passes over it, or it would stop every fan-out.
func (s *SecretsManager) List(ctx context.Context, cursor string) (page []Installation, next string, err error) {
	entries, next, err := s.entries(ctx, cursor)
	if err != nil {
		return nil, "", err
	}
	for _, entry := range entries {
		if in, err := s.listed(entry); err == nil {
			page = append(page, in)
		}
	}
	return page, next, nil
}

// entries asks for one page of the app's secrets.
func (s *SecretsManager) entries(ctx context.Context, cursor string) (page []types.SecretListEntry, next string, err error) {
	if s.options.AppKey == "" {
		return nil, "", &Error{Op: "list installations", Kind: ErrInvalid, Hint: "the store has no app key"}
	}
	out, err := s.api.ListSecrets(ctx, &secretsmanager.ListSecretsInput{
		Filters:    []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{NamePrefix(s.options.AppKey)}}},
		MaxResults: aws.Int32(listPage),
		NextToken:  optional(cursor),
	})
	switch {
	case codeIs(err, "InvalidNextTokenException"):
		return nil, "", &Error{Op: "list installations", Kind: ErrCursor}
	case err != nil:
		return nil, "", s.failed(call{"list installations", "", "ListSecrets"}, err)
	}
	return out.SecretList, aws.ToString(out.NextToken), nil
}
