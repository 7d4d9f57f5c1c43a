package secretsmanager

import (
	"context"
	"errors"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// The recovery window of a deleted secret, in days.
const (
	shortestWindow = 7
	longestWindow  = 30
)

type deleteInput struct {
	SecretID                   string `json:"SecretId"`
	RecoveryWindowInDays       *int
	ForceDeleteWithoutRecovery bool
}

type deleteOutput struct {
	ARN          string    `json:"ARN"`
	Name         string    `json:"Name"`
	DeletionDate wire.Time `json:"DeletionDate"`
}

func (s *Service) deleteSecret(_ context.Context, in deleteInput) (*deleteOutput, error) {
	days := longestWindow
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
		if in.ForceDeleteWithoutRecovery {
			return nil, wire.Refuse(invalidParameter, "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
		}
	}
	if days < shortestWindow || days > longestWindow {
		return nil, wire.Refuse(invalidParameter, "The RecoveryWindowInDays value must be between %d and %d days (inclusive).", shortestWindow, longestWindow)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.ForceDeleteWithoutRecovery {
		return s.forget(in.SecretID)
	}
	found, err := s.active(in.SecretID)
	if err != nil {
		return nil, err
	}
	found.deleted = s.cloud.Now()
	found.gone = found.deleted.Add(time.Duration(days) * 24 * time.Hour)
	s.goneAt(found.gone)
	return &deleteOutput{found.arn, found.name, wire.Time(found.gone)}, nil
}

// forget deletes for good. A secret that is not there, or is scheduled for
// deletion already, is no error, unlike for a deletion with a recovery window.
func (s *Service) forget(id string) (*deleteOutput, error) {
	now := s.cloud.Now()
	found, err := s.find(id)
	var refusal *wire.Error
	if errors.As(err, &refusal) && refusal.Code == notFound {
		return &deleteOutput{s.newARN(id), id, wire.Time(now)}, nil
	}
	if err != nil {
		return nil, err
	}
	found.deleted, found.gone = now, now
	s.goneAt(now)
	return &deleteOutput{found.arn, found.name, wire.Time(now)}, nil
}

func (s *Service) restoreSecret(_ context.Context, in secretInput) (*written, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.SecretID)
	if err != nil {
		return nil, err
	}
	found.deleted, found.gone = time.Time{}, time.Time{}
	return &written{ARN: found.arn, Name: found.name}, nil
}

type tagInput struct {
	SecretID string `json:"SecretId"`
	Tags     []tag
}

func (s *Service) tagResource(_ context.Context, in tagInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.active(in.SecretID)
	if err != nil {
		return nil, err
	}
	tags, err := withTags(found.tags, in.Tags)
	if err != nil {
		return nil, err
	}
	found.tags, found.changed = tags, s.cloud.Now()
	return nil, nil
}
