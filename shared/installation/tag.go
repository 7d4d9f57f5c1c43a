package installation

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// Tags of an installation's secret, for IAM policies and for finding it by hand.
// The value in force decides; the state's tag follows it. docs/iam.md shows both
// ways to scope a policy.
const (
	// TagApp has the app key.
	TagApp = "linkersync:app"
	// TagClientKey has the client key as its name has it, because tags take no
	// braces. A client key too long for a tag has none.
	TagClientKey = "linkersync:client-key"
	// TagWorkspace has the principal's UUID without its braces.
	TagWorkspace = "linkersync:workspace"
	// TagState has the [State].
	TagState = "linkersync:state"
)

// maxTag is the longest value of a tag, in characters.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Tag.html
const maxTag = 256

// maxTagging is how often the tags are written before a writer gives up. Each
// round more means that the state changed once more meanwhile.
const maxTagging = 10

func wantedTags(in Installation) map[string]string {
	tags := map[string]string{
		TagApp:       in.AppKey,
		TagClientKey: escape(in.ClientKey, "-._@+/"),
		TagWorkspace: in.Principal.UUID.Bare(),
		TagState:     string(in.State),
	}
	maps.DeleteFunc(tags, func(_, value string) bool { return value == "" || len(value) > maxTag })
	return tags
}

// tagList sorts, so that the same tags make the same request.
func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

func tagMap(tags []types.Tag) map[string]string {
	found := make(map[string]string, len(tags))
	for _, tag := range tags {
		found[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return found
}

// alignTags brings the tags in line with the state in force. Tags can't be written
// conditionally, so after each write the state is read again. Of two writers that
// race here, the one that tags last also reads the final state.
func (s *SecretsManager) alignTags(ctx context.Context, name string, current record) error {
	op := call{"update installation", current.ClientKey, "DescribeSecret"}
	described, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil {
		return s.failed(op, err)
	}
	found := tagMap(described.Tags)
	for range maxTagging {
		missing := wantedTags(current.Installation)
		maps.DeleteFunc(missing, func(key, value string) bool { return found[key] == value })
		if len(missing) == 0 {
			return nil
		}
		if err := s.tag(ctx, op.op, name, current.Installation, missing); err != nil {
			return err
		}
		maps.Copy(found, missing)
		if current, err = s.current(ctx, op.op, current.ClientKey); err != nil {
			return err
		}
	}
	return &Error{Op: op.op, Subject: current.ClientKey, Kind: ErrConflict, Hint: "the state is stored, its tag is not: others keep changing it"}
}

func (s *SecretsManager) tag(ctx context.Context, op, name string, in Installation, tags map[string]string) error {
	_, err := s.api.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: aws.String(name), Tags: tagList(tags)})
	if err != nil {
		return s.failed(call{op, in.ClientKey, "TagResource"}, err)
	}
	return nil
}
