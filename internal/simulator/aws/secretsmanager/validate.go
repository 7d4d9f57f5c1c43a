package secretsmanager

import (
	"regexp"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// The types of Secrets Manager's refusals.
const (
	exists           = "ResourceExistsException"
	invalidParameter = "InvalidParameterException"
	invalidRequest   = "InvalidRequestException"
	limitExceeded    = "LimitExceededException"
	notFound         = "ResourceNotFoundException"
	validation       = "ValidationException"
)

// maxValue is the size of a secret value, in bytes.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const maxValue = 65536

var nameAlphabet = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)

// tagAlphabet is what tags of all services may have.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/managing-secrets_tagging.html
var tagAlphabet = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+@-]*$`)

func lengthOf(member, value string, low, high int) error {
	switch {
	case len(value) < low:
		return wire.Refuse(validation, "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length greater than or equal to %d", member, low)
	case len(value) > high:
		return wire.Refuse(validation, "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member, high)
	}
	return nil
}

func validName(name string) error {
	if err := lengthOf("name", name, 1, 512); err != nil {
		return err
	}
	if !nameAlphabet.MatchString(name) {
		return wire.Refuse(validation, "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	return nil
}

// validToken checks a ClientRequestToken. The SDKs fill it in; a request made by
// hand must have one wherever it creates a version.
func validToken(token string) error {
	if token == "" {
		return wire.Refuse(invalidRequest, "You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	}
	return lengthOf("clientRequestToken", token, 32, 64)
}

func validValue(v value) error {
	if v.SecretString != nil && v.SecretBinary != nil {
		return wire.Refuse(invalidParameter, "You can't specify both a binary secret value and a string secret value in the same secret.")
	}
	if v.SecretString != nil {
		return lengthOf("secretString", *v.SecretString, 1, maxValue)
	}
	if v.SecretBinary != nil {
		return lengthOf("secretBinary", string(v.SecretBinary), 1, maxValue)
	}
	return nil
}

// tag is a tag on the wire.
type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// withTags returns old with tags added, within Secrets Manager's limits.
func withTags(old map[string]string, tags []tag) (map[string]string, error) {
	merged := map[string]string{}
	for key, value := range old {
		merged[key] = value
	}
	given := map[string]bool{}
	for _, tag := range tags {
		if given[tag.Key] {
			return nil, wire.Refuse(invalidParameter, "Duplicate tag key %q in the request.", tag.Key)
		}
		given[tag.Key] = true
		if !tagAlphabet.MatchString(tag.Key) || !tagAlphabet.MatchString(tag.Value) {
			return nil, wire.Refuse(invalidParameter, "The tag %q has characters other than letters, numbers, spaces and _.:/=+-@", tag.Key)
		}
		if err := lengthOf("tags.key", tag.Key, 1, 128); err != nil {
			return nil, err
		}
		if err := lengthOf("tags.value", tag.Value, 0, 256); err != nil {
			return nil, err
		}
		if strings.HasPrefix(strings.ToLower(tag.Key), "aws:") {
			return nil, wire.Refuse(invalidParameter, "The tag key %q has the reserved prefix aws:.", tag.Key)
		}
		merged[tag.Key] = tag.Value
	}
	if len(merged) > 50 {
		return nil, wire.Refuse(invalidParameter, "A secret can have 50 tags at most.")
	}
	return merged, nil
}
