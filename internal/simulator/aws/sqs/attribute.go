package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// maxMessage is the largest message and the largest batch, in bytes. AWS takes
// 1 MiB since August 2025, though not in every partition, and SQS triggers of
// Lambda and others lag behind; what fits into the old limit fits everywhere.
const maxMessage = 256 << 10

// settings are a queue's attributes.
type settings struct {
	retention, visibility time.Duration
	// deadLetters is the ARN of the dead-letter queue; empty for none. A message
	// goes there instead of being received for the maxReceives+1st time.
	deadLetters string
	maxReceives int
}

func defaults() settings {
	return settings{retention: 4 * 24 * time.Hour, visibility: 30 * time.Second}
}

func (s *Service) configure(q *queue, attributes map[string]string) error {
	for name, value := range attributes {
		if err := s.set(&q.settings, name, value); err != nil {
			return err
		}
	}
	return nil
}

// set parses one attribute, within the bounds that AWS documents for it.
func (s *Service) set(to *settings, name, value string) error {
	switch name {
	case "MessageRetentionPeriod":
		return seconds(&to.retention, name, value, 60, 1209600)
	case "VisibilityTimeout":
		return seconds(&to.visibility, name, value, 0, 43200)
	case "RedrivePolicy":
		return s.setRedrive(to, value)
	}
	return wire.Missing("queue attribute", name)
}

func seconds(to *time.Duration, name, value string, low, high int) error {
	number, err := strconv.Atoi(value)
	if err != nil || number < low || number > high {
		return invalidAttribute(name)
	}
	*to = time.Duration(number) * time.Second
	return nil
}

func invalidAttribute(name string) error {
	return wire.Refuse("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
}

func (s *Service) setRedrive(to *settings, value string) error {
	var policy struct {
		DeadLetterTargetARN string      `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.Number `json:"maxReceiveCount"` // AWS takes "3" for 3
	}
	if err := json.Unmarshal([]byte(value), &policy); err != nil {
		return invalidAttribute("RedrivePolicy")
	}
	count, err := strconv.Atoi(policy.MaxReceiveCount.String())
	if err != nil || count < 1 || count > 1000 {
		return wire.Refuse(invalidParameter, "Value %s for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount: must be an integer between 1 and 1000.", value)
	}
	if s.byARN(policy.DeadLetterTargetARN) == nil {
		return wire.Refuse(invalidParameter, "Value %s for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.", value)
	}
	to.deadLetters, to.maxReceives = policy.DeadLetterTargetARN, count
	return nil
}

// attributes returns all attributes of a queue that the simulator knows.
func (s *Service) attributes(q *queue) map[string]string {
	available, inFlight := q.counts(s.cloud.Now())
	whole := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	all := map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(available),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight),
		"MessageRetentionPeriod":                whole(q.settings.retention),
		"QueueArn":                              s.arn(q),
		"VisibilityTimeout":                     whole(q.settings.visibility),
	}
	if q.settings.deadLetters != "" {
		all["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, q.settings.deadLetters, q.settings.maxReceives)
	}
	return all
}

type attributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

type attributesOutput struct {
	Attributes map[string]string `json:"Attributes,omitempty"`
}

func (s *Service) getQueueAttributes(_ context.Context, in attributesInput) (*attributesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	all := s.attributes(q)
	for _, name := range in.AttributeNames {
		if _, known := all[name]; !known && name != "RedrivePolicy" {
			return nil, wire.Refuse("InvalidAttributeName", "Unknown Attribute %s. The simulator knows %s.", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
	}
	maps.DeleteFunc(all, func(name, _ string) bool { return !slices.Contains(in.AttributeNames, name) })
	return &attributesOutput{all}, nil
}
