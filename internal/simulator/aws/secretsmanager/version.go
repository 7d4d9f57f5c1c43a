package secretsmanager

import (
	"context"
	"slices"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

const (
	// maxLabels is how many staging labels a secret may have.
	maxLabels = 20
	// maxVersions is how many versions a secret has before those without a label
	// are removed, unless they are younger than a day.
	maxVersions = 100
	deprecation = 24 * time.Hour
)

type putInput struct {
	SecretID           string `json:"SecretId"`
	ClientRequestToken string
	SecretString       *string
	SecretBinary       []byte
	VersionStages      []string
}

func (s *Service) putSecretValue(_ context.Context, in putInput) (*written, error) {
	content := value{in.SecretString, in.SecretBinary}
	if err := validPut(in, content); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.active(in.SecretID)
	if err != nil {
		return nil, err
	}
	added, err := s.put(found, in.ClientRequestToken, content, in.VersionStages)
	if err != nil {
		return nil, err
	}
	return &written{ARN: found.arn, Name: found.name, VersionID: added.id, VersionStages: found.labels(added.id)}, nil
}

func validPut(in putInput, content value) error {
	if err := validToken(in.ClientRequestToken); err != nil {
		return err
	}
	if content.empty() {
		return wire.Refuse(invalidRequest, "You must provide either SecretString or SecretBinary.")
	}
	if err := validValue(content); err != nil {
		return err
	}
	if in.VersionStages != nil && (len(in.VersionStages) == 0 || len(in.VersionStages) > maxLabels) {
		return wire.Refuse(validation, "1 validation error detected: 'versionStages' must have between 1 and %d members", maxLabels)
	}
	for _, label := range in.VersionStages {
		if err := lengthOf("versionStages", label, 1, 256); err != nil {
			return err
		}
	}
	return nil
}

// put adds a version, whose id is the token, with labels (AWSCURRENT when there
// are none). The same token with the same value changes nothing.
func (s *Service) put(to *secret, token string, content value, labels []string) (*version, error) {
	if same := to.versions[token]; same != nil {
		if !same.value.equal(content) {
			return nil, wire.Refuse(exists, "You can't modify an existing version, you can only create a new version.")
		}
		return same, nil
	}
	if len(labels) == 0 {
		labels = []string{current}
	}
	if len(to.versions) == 0 && !slices.Contains(labels, current) {
		labels = append(slices.Clone(labels), current) // the first version is always the current one
	}
	now := s.cloud.Now()
	if err := to.roomFor(labels, now); err != nil {
		return nil, err
	}
	number := 1
	if versions := to.byAge(); len(versions) > 0 {
		number = versions[len(versions)-1].number + 1
	}
	added := &version{id: token, number: number, value: content, created: now}
	to.versions[token] = added
	for _, label := range labels {
		s.move(to, label, token)
	}
	to.changed = now
	return added, nil
}

// roomFor makes place for a version with these labels, or refuses.
func (s *secret) roomFor(labels []string, now time.Time) error {
	count := len(s.stages)
	for _, label := range labels {
		if _, known := s.stages[label]; !known {
			count++
		}
	}
	if count > maxLabels {
		return wire.Refuse(limitExceeded, "A secret can have %d staging labels at most.", maxLabels)
	}
	if len(s.versions) < maxVersions {
		return nil
	}
	for _, old := range s.byAge() {
		if len(s.labels(old.id)) == 0 && now.Sub(old.created) > deprecation {
			delete(s.versions, old.id)
			return nil
		}
	}
	return wire.Refuse(limitExceeded, "The secret has %d versions and none of them can be removed yet.", maxVersions)
}

// move attaches a label to a version. AWSPREVIOUS follows AWSCURRENT.
func (s *Service) move(of *secret, label, versionID string) {
	old, attached := of.stages[label]
	if attached && old == versionID {
		return
	}
	if attached && label == current {
		of.stages[previous] = old
	}
	of.stages[label] = versionID
	s.tell(of, label, versionID)
}

// tell sends the event that AWS sends for every label but these two.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
func (s *Service) tell(of *secret, label, versionID string) {
	if label == "AWSPENDING" || label == previous {
		return
	}
	s.emit("aws.secretsmanager", "Secret Label Updated", []string{of.arn}, map[string]string{
		"name": of.name, "labelUpdated": label, "versionId": versionID,
	})
}

type stageInput struct {
	SecretID            string `json:"SecretId"`
	VersionStage        string
	RemoveFromVersionID *string `json:"RemoveFromVersionId"`
	MoveToVersionID     *string `json:"MoveToVersionId"`
}

func (s *Service) updateSecretVersionStage(_ context.Context, in stageInput) (*written, error) {
	if err := lengthOf("versionStage", in.VersionStage, 1, 256); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.active(in.SecretID)
	if err != nil {
		return nil, err
	}
	if err := found.mayMove(in); err != nil {
		return nil, err
	}
	if in.MoveToVersionID == nil {
		delete(found.stages, in.VersionStage)
	} else {
		s.move(found, in.VersionStage, *in.MoveToVersionID)
	}
	found.changed = s.cloud.Now()
	return &written{ARN: found.arn, Name: found.name}, nil
}

// mayMove checks what makes the operation a compare-and-swap: a label that is on
// one version moves to another only when the caller names the first.
func (s *secret) mayMove(in stageInput) error {
	for _, id := range []*string{in.RemoveFromVersionID, in.MoveToVersionID} {
		if id != nil && s.versions[*id] == nil {
			return wire.Refuse(invalidParameter, "Not a valid version: %s", *id)
		}
	}
	holder, attached := s.stages[in.VersionStage]
	switch {
	case in.RemoveFromVersionID == nil && in.MoveToVersionID == nil:
		return wire.Refuse(invalidParameter, "You must provide RemoveFromVersionId, MoveToVersionId or both.")
	case in.RemoveFromVersionID != nil && holder != *in.RemoveFromVersionID:
		return wire.Refuse(invalidParameter, "When you move staging label %s, if you specify RemoveFromVersionId, it must be set to the version that currently has the staging label.", in.VersionStage)
	case in.RemoveFromVersionID == nil && attached && holder != *in.MoveToVersionID:
		return wire.Refuse(invalidParameter, "The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", in.VersionStage, holder)
	case in.MoveToVersionID == nil && in.VersionStage == current:
		return wire.Refuse(invalidParameter, "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
	case !attached && len(s.stages) >= maxLabels:
		return wire.Refuse(limitExceeded, "A secret can have %d staging labels at most.", maxLabels)
	}
	return nil
}
