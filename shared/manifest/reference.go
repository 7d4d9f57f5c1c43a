package manifest

import "errors"

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

// ParseReference reads env:NAME, file:PATH, aws-secret:ID or aws-secret:ID#key.
// Its error says what a reference looks like and never repeats text, which may
// be a secret that somebody pasted.
func ParseReference(text string) (Reference, error) {
	return Reference{}, errors.New("not written yet")
}

// String returns the text that [ParseReference] reads.
func (r Reference) String() string {
	text := r.Scheme + ":" + r.Target
	if r.Key != "" {
		text += "#" + r.Key
	}
	return text
}
