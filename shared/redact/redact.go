// Package redact holds the type that every secret in linkersync has from the
// moment it is read until the moment it is sent: a value that does not print.
//
// It is not encryption and does not clear memory. It guards against the usual
// leaks: a %+v of a struct, a JSON dump, a log line, an error text.
package redact

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Placeholder is what a Secret prints as, everywhere.
const Placeholder = "[redacted]"

// Secret is a string that prints as [Placeholder] in every fmt verb, in JSON,
// in text encodings and in slog. The zero value is an empty secret.
//
// The value sits behind a pointer because fmt cannot call methods on unexported
// fields: a Secret in one of those prints as an address, never as its content.
type Secret struct{ value *string }

// New wraps value. Wrap at the place where the value enters the process.
func New(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the value. Call it only in the expression that hands the value
// to a signer, an encoder of a request body, or a CI mask.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero tells whether the secret is empty; encoding/json's omitzero uses it.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal compares in constant time for equal lengths.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Placeholder) }

// String implements fmt.Stringer.
func (s Secret) String() string { return Placeholder }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return Placeholder }

// MarshalText implements encoding.TextMarshaler, and so JSON, YAML and XML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Placeholder), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Placeholder) }
