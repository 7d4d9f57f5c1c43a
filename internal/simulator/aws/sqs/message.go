package sqs

import (
	"crypto/md5" //nolint:gosec // G501: SQS returns MD5 digests
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// attribute is a message attribute. Its members are all in one of the values.
type attribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

const (
	maxAttributes = 10
	maxDataType   = 256
)

// Names of attributes have no period at either end and no two in a row.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	reservedName  = regexp.MustCompile(`(?i)^(aws|amazon)\.`)
	number        = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$`)
)

// content is what SendMessage and each entry of SendMessageBatch have in common.
type content struct {
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attribute
	MessageSystemAttributes map[string]attribute
}

// size is what counts against the limit: the body, and name, type and value of
// each attribute.
func (c content) size() int {
	size := len(c.MessageBody)
	for name, attribute := range c.MessageAttributes {
		size += len(name) + len(attribute.DataType) + len(attribute.StringValue) + len(attribute.BinaryValue)
	}
	return size
}

func (c content) validate(limit int) error {
	if c.MessageBody == "" {
		return wire.Refuse(missingParameter, "The request must contain the parameter MessageBody.")
	}
	if strings.ContainsFunc(c.MessageBody, notAllowed) {
		return wire.Refuse("InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	}
	if c.size() > limit {
		return wire.Refuse(invalidParameter, "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", limit)
	}
	if c.DelaySeconds != nil && (*c.DelaySeconds < 0 || *c.DelaySeconds > 900) {
		return wire.Refuse(invalidParameter, "Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", *c.DelaySeconds)
	}
	for name := range c.MessageSystemAttributes {
		if name != "AWSTraceHeader" {
			return wire.Refuse(invalidParameter, "Message system attribute name '%s' is invalid.", name)
		}
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
	kind, _, _ := strings.Cut(a.DataType, ".")
	if kind != "Binary" && kind != "String" && kind != "Number" || len(a.DataType) > maxDataType {
		return wire.Refuse(invalidParameter, "The type of message attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", name)
	}
	binaryKind := kind == "Binary"
	if binaryKind && len(a.BinaryValue) == 0 || !binaryKind && a.StringValue == "" {
		return wire.Refuse(invalidParameter, "The message attribute '%s' must contain a non-empty value of type '%s'.", name, kind)
	}
	if a.StringValue != "" && len(a.BinaryValue) > 0 {
		return wire.Refuse(invalidParameter, "The message attribute '%s' has more than one value.", name)
	}
	if strings.ContainsFunc(a.StringValue, notAllowed) {
		return wire.Refuse(invalidParameter, "The message attribute '%s' contains invalid characters.", name)
	}
	if kind == "Number" && !number.MatchString(a.StringValue) {
		return wire.Refuse(invalidParameter, "Can't cast the value of message attribute '%s' to a number.", name)
	}
	return nil
}

func bodySum(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// attributeSum is the digest of message attributes that SQS returns.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
func attributeSum(attributes map[string]attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	sum := md5.New()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		attribute := attributes[name]
		add(sum, []byte(name))
		add(sum, []byte(attribute.DataType))
		if strings.HasPrefix(attribute.DataType, "Binary") {
			sum.Write([]byte{2})
			add(sum, attribute.BinaryValue)
			continue
		}
		sum.Write([]byte{1})
		add(sum, []byte(attribute.StringValue))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func add(sum hash.Hash, data []byte) {
	sum.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data))))
	sum.Write(data)
}
