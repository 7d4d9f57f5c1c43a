package secretsmanager

import (
	"context"
	"errors"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// maxBatch is how many secrets BatchGetSecretValue reads.
const maxBatch = 20

type getInput struct {
	SecretID     string `json:"SecretId"`
	VersionID    string `json:"VersionId"`
	VersionStage string
}

// secretValue is a version with its content, as GetSecretValue returns it.
type secretValue struct {
	ARN           string    `json:"ARN"`
	Name          string    `json:"Name"`
	VersionID     string    `json:"VersionId"`
	VersionStages []string  `json:"VersionStages,omitempty"`
	CreatedDate   wire.Time `json:"CreatedDate"`
	value
}

func (s *Service) getSecretValue(_ context.Context, in getInput) (*secretValue, error) {
	if in.VersionID != "" {
		if err := lengthOf("versionId", in.VersionID, 32, 64); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(in)
}

// read returns a version of an active secret, by default the current one.
func (s *Service) read(in getInput) (*secretValue, error) {
	found, err := s.active(in.SecretID)
	if err != nil {
		return nil, err
	}
	label := in.VersionStage
	if label == "" && in.VersionID == "" {
		label = current
	}
	id := in.VersionID
	if label != "" {
		id = found.stages[label]
		if id == "" {
			return nil, wire.Refuse(notFound, "Secrets Manager can't find the specified secret value for staging label: %s", label)
		}
		if in.VersionID != "" && id != in.VersionID {
			return nil, wire.Refuse(invalidRequest, "You provided a VersionStage that is not associated to the provided VersionId.")
		}
	}
	chosen := found.versions[id]
	if chosen == nil {
		return nil, wire.Refuse(notFound, "Secrets Manager can't find the specified secret value for VersionId: %s", id)
	}
	return &secretValue{
		ARN: found.arn, Name: found.name, VersionID: id, VersionStages: found.labels(id),
		CreatedDate: wire.Time(chosen.created), value: chosen.value,
	}, nil
}

type batchInput struct {
	SecretIDList []string `json:"SecretIdList"`
}

type batchOutput struct {
	SecretValues []*secretValue `json:"SecretValues"`
	Errors       []batchError   `json:"Errors"`
}

type batchError struct {
	SecretID  string `json:"SecretId"`
	ErrorCode string `json:"ErrorCode"`
	Message   string `json:"Message"`
}

func (s *Service) batchGetSecretValue(_ context.Context, in batchInput) (*batchOutput, error) {
	if len(in.SecretIDList) == 0 {
		return nil, wire.Refuse(invalidParameter, "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	}
	if len(in.SecretIDList) > maxBatch {
		return nil, wire.Refuse(validation, "1 validation error detected: 'secretIdList' must have between 1 and %d members", maxBatch)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &batchOutput{SecretValues: []*secretValue{}, Errors: []batchError{}}
	for _, id := range in.SecretIDList {
		got, err := s.read(getInput{SecretID: id})
		var refusal *wire.Error
		if errors.As(err, &refusal) {
			out.Errors = append(out.Errors, batchError{id, refusal.Code, refusal.Message})
			continue
		}
		out.SecretValues = append(out.SecretValues, got)
	}
	return out, nil
}
