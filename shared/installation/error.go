package installation

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/aws/smithy-go"

	"github.com/linkersync/linkersync/shared/awsenv"
)

// Kinds of [Error] beside those that callers branch on (see [ErrNotFound]) and
// those of package awsenv. Each says what to do about it.
var (
	// ErrKMSDenied: the secret may be used, the key that encrypts it may not.
	ErrKMSDenied = errors.New("the secret's KMS key refused")
	// ErrKMSKey: the key itself is of no use.
	ErrKMSKey = errors.New("the secret's KMS key can't be used: enable it, or cancel its deletion")
	// ErrPendingDeletion: the installation was purged and its recovery window
	// still runs. Nothing can be read from it or written to it.
	ErrPendingDeletion = errors.New("the secret is scheduled for deletion: restore it (aws secretsmanager restore-secret), or wait until its recovery window has passed")
	// ErrTooLarge: the value would exceed [MaxValue].
	ErrTooLarge = errors.New("more than Secrets Manager's 65536 bytes")
	// ErrQuota: a quota of Secrets Manager is full.
	ErrQuota = errors.New("a quota of Secrets Manager is full: it keeps about 100 versions of a secret, and those of the last 24 hours at least")
	// ErrDamaged: the value was written by something else, or changed by hand.
	ErrDamaged = errors.New("the secret's value is not one that linkersync wrote; if its AWSPREVIOUS version is, move AWSCURRENT back to that")
	// ErrNewer: the value has a version that this release doesn't know.
	ErrNewer = errors.New("the secret's value was written by a newer linkersync: update this one")
	// ErrNoSecret: [ReadSecret] found nothing.
	ErrNoSecret = errors.New("no secret has this name in this account and region")
	// ErrInvalid: what was asked for makes no sense; nothing was called.
	ErrInvalid = errors.New("invalid request")
)

// Error is a failed operation of the store. Its text is for the operator: it
// names the permission or setting that is missing, and holds no ARN, no account
// id and no secret. Answers to the outside are still the edge's to choose.
//
// It matches its kind with errors.Is, and [ErrUnavailable] when nothing is known
// about the installation because of it.
type Error struct {
	// Op is the operation, such as "read installation".
	Op string
	// Subject is the installation's client key, or a secret's name; empty for an
	// enumeration.
	Subject string
	// Kind is one of the errors of this package or of package awsenv; nil for a
	// code that neither knows.
	Kind error
	// Hint is what to do when the kind alone doesn't tell.
	Hint string
	// AWS is what AWS answered, with the same kind; nil when nothing was called.
	AWS *awsenv.Error
}

// Error returns operation, subject, kind, AWS's code and the hint.
func (e *Error) Error() string {
	parts := []string{e.Op}
	if e.Subject != "" {
		parts[0] += " " + printable(e.Subject)
	}
	switch {
	case e.AWS != nil:
		parts = append(parts, e.AWS.Error())
	case e.Kind != nil:
		parts = append(parts, e.Kind.Error())
	}
	if e.Hint != "" {
		parts = append(parts, e.Hint)
	}
	return strings.Join(parts, ": ")
}

// printable escapes a subject with invisible characters: it may be a client key that
// a stranger made up, and the text is for logs and terminals.
func printable(subject string) string {
	if strings.ContainsFunc(subject, func(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }) {
		return strconv.QuoteToASCII(subject)
	}
	return subject
}

// Unwrap returns the kind, and [ErrUnavailable] where it applies.
func (e *Error) Unwrap() []error {
	kinds := make([]error, 0, 2)
	if e.Kind != nil {
		kinds = append(kinds, e.Kind)
	}
	for _, known := range []error{ErrNotFound, ErrExists, ErrConflict, ErrPendingDeletion, ErrTooLarge, ErrInvalid, ErrTooManyUnknown} {
		if errors.Is(e.Kind, known) {
			return kinds
		}
	}
	return append(kinds, ErrUnavailable)
}

// call is one call to AWS that may fail: what the store was doing, and with
// which action of Secrets Manager.
type call struct{ op, subject, action string }

// failed turns the SDK's error into an [Error]. scope is the name, or the pattern
// of names, that a missing permission must cover.
func (c call) failed(err error, scope string) error {
	cut := awsenv.Cut(err)
	failure := &Error{Op: c.op, Subject: c.subject, AWS: cut}
	var api smithy.APIError
	message := ""
	if errors.As(err, &api) {
		message = strings.ToLower(api.ErrorMessage())
	}
	switch {
	case cut.Code == "ResourceNotFoundException":
		cut.Kind = ErrNotFound
	case cut.Code == "InvalidRequestException" && strings.Contains(message, "delet"):
		cut.Kind = ErrPendingDeletion
	case cut.Code == "LimitExceededException":
		cut.Kind = ErrQuota
	case cut.Code == "DecryptionFailure" || cut.Code == "EncryptionFailure":
		cut.Kind = ErrKMSKey
	case errors.Is(cut.Kind, awsenv.ErrAccessDenied) && strings.Contains(message, "kms"):
		cut.Kind = ErrKMSDenied
		failure.Hint = "allow kms:Decrypt on the key, in the role's policy and in the key's; writing needs kms:GenerateDataKey too"
	case errors.Is(cut.Kind, awsenv.ErrAccessDenied):
		failure.Hint = c.permission(scope)
	}
	failure.Kind = cut.Kind
	return failure
}

// permission says which action to allow on what.
func (c call) permission(scope string) string {
	action := "allow secretsmanager:" + c.action
	switch c.action {
	case "ListSecrets", "BatchGetSecretValue":
		return action + ` on "*" (it can't be narrowed to names)`
	case "CreateSecret":
		action += " and secretsmanager:TagResource"
	}
	return action + " on secrets named " + scope
}

// codeIs tells whether AWS refused with this code.
func codeIs(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
