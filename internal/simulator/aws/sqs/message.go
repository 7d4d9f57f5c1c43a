package sqs

import (
	"crypto/md5" //nolint:gosec // G501: SQS returns MD5 digests
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// attribute is a message attribute. Only text is simulated.
type attribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue,omitempty"`
}

const maxAttributes = 10

// Names of attributes have no period at either end and no two in a row.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	reservedName  = regexp.MustCompile(`(?i)^(aws|amazon)\.`)
)

// content is what SendMessage and each entry of SendMessageBatch have in common.
type content struct {
	MessageBody       string
	MessageAttributes map[string]attribute
	DelaySeconds      int
}

// size is what counts against the limit: the body, and name, type and value of
// each attribute.
func (c content) size() int {
	size := len(c.MessageBody)
	for name, attribute := range c.MessageAttributes {
		size += len(name) + len(attribute.DataType) + len(attribute.StringValue)
	}
	return size
}

func (c content) validate() error {
	if c.DelaySeconds < 0 || c.DelaySeconds > 900 {
		return wire.Refuse(invalidParameter, "Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", c.DelaySeconds)
	}
	if c.MessageBody == "" {
		return wire.Refuse(missingParameter, "The request must contain the parameter MessageBody.")
	}
	if strings.ContainsFunc(c.MessageBody, notAllowed) {
		return wire.Refuse("InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	}
	if c.size() > maxMessage {
		return wire.Refuse(invalidParameter, "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxMessage)
	}
	return validAttributes(c.MessageAttributes)
}

func notAllowed(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000:
		return false
	}
	return true
}

func validAttributes(attributes map[string]attribute) error {
	if len(attributes) > maxAttributes {
		return wire.Refuse(invalidParameter, "Number of message attributes [%d] exceeds the allowed maximum [%d].", len(attributes), maxAttributes)
	}
	for name, attribute := range attributes {
		if len(name) > 256 || !attributeName.MatchString(name) || reservedName.MatchString(name) {
			return wire.Refuse(invalidParameter, "The message attribute name '%s' is invalid.", name)
		}
		if err := attribute.validate(name); err != nil {
			return err
		}
	}
	return nil
}

// validate checks type and value: texts may hold what a body may, no more.
func (a attribute) validate(name string) error {
	if a.DataType != "String" {
		return wire.Missing("type of message attribute", a.DataType)
	}
	if a.StringValue == "" {
		return wire.Refuse(invalidParameter, "The message attribute '%s' must contain a non-empty value of type 'String'.", name)
	}
	if strings.ContainsFunc(a.StringValue, notAllowed) {
		return wire.Refuse(invalidParameter, "The message attribute '%s' contains invalid characters.", name)
	}
	return nil
}

func bodySum(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}
