package secretsmanager

import (
	"context"
	"maps"
	"slices"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// description is a secret without its values. DescribeSecret and ListSecrets
// name the labels differently.
type description struct {
	ARN                    string              `json:"ARN"`
	Name                   string              `json:"Name"`
	Description            string              `json:"Description,omitempty"`
	KmsKeyID               string              `json:"KmsKeyId,omitempty"`
	CreatedDate            *wire.Time          `json:"CreatedDate,omitempty"`
	LastChangedDate        *wire.Time          `json:"LastChangedDate,omitempty"`
	DeletedDate            *wire.Time          `json:"DeletedDate,omitempty"`
	Tags                   []tag               `json:"Tags,omitempty"`
	VersionIDsToStages     map[string][]string `json:"VersionIdsToStages,omitempty"`
	SecretVersionsToStages map[string][]string `json:"SecretVersionsToStages,omitempty"`
}

func describe(s *secret) description {
	out := description{
		ARN: s.arn, Name: s.name, Description: s.description, KmsKeyID: s.kmsKeyID,
		CreatedDate: wire.Timestamp(s.created), LastChangedDate: wire.Timestamp(s.changed),
		DeletedDate: wire.Timestamp(s.deleted),
	}
	for _, key := range slices.Sorted(maps.Keys(s.tags)) {
		out.Tags = append(out.Tags, tag{key, s.tags[key]})
	}
	return out
}

type secretInput struct {
	SecretID string `json:"SecretId"`
}

func (s *Service) describeSecret(_ context.Context, in secretInput) (*description, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.SecretID)
	if err != nil {
		return nil, err
	}
	out := describe(found)
	out.VersionIDsToStages = found.labelled()
	return &out, nil
}
