package manifest

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// The schemes of a [Reference].
const (
	SchemeEnv       = "env"
	SchemeFile      = "file"
	SchemeAWSSecret = "aws-secret"
)

// Reference tells where a secret lives; it is never the secret itself.
type Reference struct {
	// Scheme is "env", "file" or "aws-secret".
	Scheme string
	// Target is the variable's name, the file's path or the secret's id.
	Target string
	// Key is the field of a JSON secret; empty for the whole value.
	Key string
}

// ParseReference reads env:NAME, file:PATH, aws-secret:ID or aws-secret:ID#key,
// of at most [MaxReferenceLength] bytes. ID is a Secrets Manager name or ARN.
//
// Its error says what a reference looks like and never repeats text, which may
// be a secret that somebody pasted.
func ParseReference(text string) (Reference, error) {
	scheme, target, found := strings.Cut(text, ":")
	if !found || len(text) > MaxReferenceLength || looksSecret(text) {
		return Reference{}, errNotReference
	}
	ref := Reference{Scheme: scheme, Target: target}
	switch scheme {
	case SchemeEnv:
		if !variableForm().MatchString(target) {
			return Reference{}, errors.New("not a reference: env: needs a variable's name of letters, digits and _, as in env:BITBUCKET_API_TOKEN")
		}
	case SchemeFile:
		if target == "" || target[0] == '~' || strings.ContainsFunc(target, unicode.IsControl) {
			return Reference{}, errors.New("not a reference: file: needs a path, where ~ is not expanded, as in file:/run/secrets/bitbucket")
		}
	case SchemeAWSSecret:
		id, key, withKey := strings.Cut(target, "#")
		if !secretIDForm().MatchString(id) || withKey && (key == "" || strings.ContainsFunc(key, unicode.IsControl)) {
			return Reference{}, errors.New("not a reference: aws-secret: needs a secret's name or ARN, and # before the field of a JSON secret, as in aws-secret:bitbucket/ci#token")
		}
		ref.Target, ref.Key = id, key
	default:
		return Reference{}, unknownScheme(scheme)
	}
	return ref, nil
}

// String returns the text that [ParseReference] reads.
func (r Reference) String() string {
	text := r.Scheme + ":" + r.Target
	if r.Key != "" {
		text += "#" + r.Key
	}
	return text
}

var errNotReference = errors.New("not a reference to a secret (env:NAME, file:PATH or aws-secret:ID#key); " +
	"the secret itself must not stand here: if it did, revoke it, because a file's history is for good")

// unknownScheme names a scheme only when it is close to a known one, because
// what stands before the colon may be half a secret.
func unknownScheme(scheme string) error {
	if like := closest(scheme, []string{SchemeEnv, SchemeFile, SchemeAWSSecret}); like != "" {
		return fmt.Errorf("not a reference to a secret (env:NAME, file:PATH or aws-secret:ID#key); did you mean %s:?", like)
	}
	return errNotReference
}

var (
	// A variable's name follows POSIX, so that a shell can set it.
	variableForm = form(`[A-Za-z_][A-Za-z0-9_]*`)
	// A secret's ID has the characters of names and, for ARNs, the colon.
	// Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
	secretIDForm = form(`[\w/+=.@:-]+`)
)
