package secretsmanager

import (
	"context"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

type createInput struct {
	Name               string
	ClientRequestToken string
	Description        string
	KmsKeyID           string `json:"KmsKeyId"`
	SecretString       *string
	SecretBinary       []byte
	Tags               []tag
}

// written is the output of the operations that may write a version.
type written struct {
	ARN           string   `json:"ARN"`
	Name          string   `json:"Name"`
	VersionID     string   `json:"VersionId,omitempty"`
	VersionStages []string `json:"VersionStages,omitempty"`
}

func (s *Service) createSecret(_ context.Context, in createInput) (*written, error) {
	content := value{in.SecretString, in.SecretBinary}
	tags, err := validCreate(in, content)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	if old := s.byName[in.Name]; old != nil {
		return again(old, in.ClientRequestToken, content)
	}
	s.created++
	now := s.cloud.Now()
	fresh := &secret{
		number: s.created, arn: s.newARN(in.Name), name: in.Name, description: in.Description, kmsKeyID: in.KmsKeyID,
		tags: tags, versions: map[string]*version{}, stages: map[string]string{}, created: now, changed: now,
	}
	s.byName[fresh.name], s.byARN[fresh.arn] = fresh, fresh
	s.ordered = append(s.ordered, fresh)
	out := &written{ARN: fresh.arn, Name: fresh.name}
	if !content.empty() {
		added, err := s.put(fresh, in.ClientRequestToken, content, nil)
		if err != nil {
			return nil, err
		}
		out.VersionID = added.id
	}
	return out, nil
}

// Add puts a secret with one version in place, past the protocol and the faults:
// the quick way for a test to start with thousands.
func (s *Service) Add(name, text string, tags map[string]string) error {
	in := createInput{Name: name, SecretString: &text, ClientRequestToken: loopback.UUID()}
	for key, value := range tags {
		in.Tags = append(in.Tags, tag{key, value})
	}
	_, err := s.createSecret(context.Background(), in)
	return err
}

func validCreate(in createInput, content value) (map[string]string, error) {
	if err := validName(in.Name); err != nil {
		return nil, err
	}
	if err := validToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	if err := lengthOf("description", in.Description, 0, 2048); err != nil {
		return nil, err
	}
	if err := lengthOf("kmsKeyId", in.KmsKeyID, 0, 2048); err != nil {
		return nil, err
	}
	if err := validValue(content); err != nil {
		return nil, err
	}
	return withTags(nil, in.Tags)
}

// again answers a create of a name that is taken: the same request again
// succeeds, another one is refused, and so is any while deletion is scheduled.
func again(old *secret, token string, content value) (*written, error) {
	if !old.deleted.IsZero() {
		return nil, wire.Refuse(invalidRequest, "You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	same := old.versions[token]
	if same == nil || !same.value.equal(content) {
		return nil, wire.Refuse(exists, "The operation failed because the secret %s already exists.", old.name)
	}
	return &written{ARN: old.arn, Name: old.name, VersionID: same.id}, nil
}
