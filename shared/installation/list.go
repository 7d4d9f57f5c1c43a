package installation

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/linkersync/linkersync/shared/connect"
)

// Sizes of a page. AWS caps both.
// Sources: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
// and https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
const (
	listPage  = 100
	batchPage = 20
)

// All implements [Store]: one call per 100 installations, and with secrets one
// more per 20.
//
// Without secrets, what is known comes from the tags and is up to five minutes
// old, as ListSecrets is: client key, the principal's UUID, state, version, and
// as UpdatedAt the time of the secret's last change of any kind. With secrets it
// is the state in force.
//
// An installation that can't be read is yielded as an error, with its client key
// in the Installation where that is known, and the iteration goes on if the
// caller does; one that can't be listed ends it. Purged ones are left out.
func (s *SecretsManager) All(ctx context.Context, query Query) iter.Seq2[Installation, error] {
	return func(yield func(Installation, error) bool) {
		wanted := func(in Installation, err error) bool {
			if err == nil && query.State != "" && in.State != query.State {
				return true
			}
			return yield(in, err)
		}
		for page, err := range s.pages(ctx) {
			if err != nil {
				yield(Installation{}, err)
				return
			}
			if query.WithSecrets {
				if !s.withSecrets(ctx, page, wanted) {
					return
				}
			} else if !s.withoutSecrets(page, wanted) {
				return
			}
		}
	}
}

// pages lists the app's secrets. A page may be empty before the last one.
func (s *SecretsManager) pages(ctx context.Context) iter.Seq2[[]types.SecretListEntry, error] {
	return func(yield func([]types.SecretListEntry, error) bool) {
		cursor := ""
		for {
			page, next, err := s.entries(ctx, cursor)
			if next != "" && next == cursor {
				err = &Error{Op: "list installations", Hint: "Secrets Manager returned the same page twice"}
			}
			if !yield(page, err) || err != nil || next == "" {
				return
			}
			cursor = next
		}
	}
}

// withoutSecrets yields what a page of the list tells.
func (s *SecretsManager) withoutSecrets(page []types.SecretListEntry, yield func(Installation, error) bool) bool {
	for _, entry := range page {
		if !yield(s.listed(entry)) {
			return false
		}
	}
	return true
}

func (s *SecretsManager) listed(entry types.SecretListEntry) (Installation, error) {
	clientKey, err := DecodeName(s.options.AppKey, aws.ToString(entry.Name))
	if err != nil {
		return Installation{}, &Error{Op: "list installations", Kind: err, Hint: "no look-up asks for it; keep its value under its client key's name, or delete it"}
	}
	tags := tagMap(entry.Tags)
	in := Installation{
		AppKey: s.options.AppKey, ClientKey: clientKey, State: State(tags[TagState]),
		UpdatedAt: aws.ToTime(entry.LastChangedDate).UTC(),
	}
	if in.State != Uninstalled {
		// Without a tag too: a needless update of a workspace does less harm than a
		// workspace that is left out.
		in.State = Installed
	}
	if workspace, err := connect.ParseWorkspaceUUID(tags[TagWorkspace]); err == nil {
		in.Principal.UUID = workspace
	}
	for version, stages := range entry.SecretVersionsToStages {
		if slices.Contains(stages, stageCurrent) {
			in.Version = version
		}
	}
	return in, nil
}

// withSecrets yields a page of the list with its values, read 20 at a time.
func (s *SecretsManager) withSecrets(ctx context.Context, page []types.SecretListEntry, yield func(Installation, error) bool) bool {
	for entries := range slices.Chunk(page, batchPage) {
		keys := make(map[string]string, len(entries)) // client keys by name
		names := make([]string, 0, len(entries))
		for _, entry := range entries {
			in, err := s.listed(entry)
			if err != nil {
				if !yield(in, err) {
					return false
				}
				continue
			}
			keys[aws.ToString(entry.Name)] = in.ClientKey
			names = append(names, aws.ToString(entry.Name))
		}
		if len(names) > 0 && !s.batch(ctx, names, keys, yield) {
			return false
		}
	}
	return true
}

// batch reads up to 20 secrets. Each is yielded, is gone, or is an error: none is
// left out silently.
func (s *SecretsManager) batch(ctx context.Context, names []string, keys map[string]string, yield func(Installation, error) bool) bool {
	out, err := s.api.BatchGetSecretValue(ctx, &secretsmanager.BatchGetSecretValueInput{SecretIdList: names})
	if err != nil {
		yield(Installation{}, s.failed(call{"list installations", "", "BatchGetSecretValue"}, err))
		return false
	}
	for _, entry := range out.SecretValues {
		clientKey, asked := keys[aws.ToString(entry.Name)]
		if !asked {
			continue
		}
		delete(keys, aws.ToString(entry.Name))
		read, err := s.batched(ctx, clientKey, entry)
		read.ClientKey = clientKey // also of one that can't be read
		if !yield(read.Installation, err) {
			return false
		}
	}
	for _, refused := range out.Errors {
		clientKey, asked := keys[aws.ToString(refused.SecretId)]
		if !asked {
			continue
		}
		delete(keys, aws.ToString(refused.SecretId))
		err := s.failed(call{"list installations", clientKey, "GetSecretValue"}, &smithy.GenericAPIError{
			Code: aws.ToString(refused.ErrorCode), Message: aws.ToString(refused.Message),
		})
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrPendingDeletion) {
			continue // purged since the list was made
		}
		if !yield(Installation{ClientKey: clientKey}, err) {
			return false
		}
	}
	for _, name := range names {
		if clientKey, unanswered := keys[name]; unanswered {
			if !yield(Installation{ClientKey: clientKey}, &Error{Op: "list installations", Subject: clientKey, Hint: "Secrets Manager left it out of its answer"}) {
				return false
			}
		}
	}
	return true
}

// batched reads one value of a batch. A batch can't be told which version is
// wanted, so a value counts only if it is labelled as the one in force.
func (s *SecretsManager) batched(ctx context.Context, clientKey string, entry types.SecretValueEntry) (record, error) {
	if !slices.Contains(entry.VersionStages, stageCurrent) {
		return s.current(ctx, "list installations", clientKey)
	}
	return s.decode("list installations", clientKey, entry.SecretString, entry.VersionId)
}
