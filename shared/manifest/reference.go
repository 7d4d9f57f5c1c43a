package manifest

// Reference tells where a secret lives; it is never the secret itself.
type Reference struct {
	// Scheme is "env", "file" or "aws-secret".
	Scheme string
	// Target is the variable's name, the file's path or the secret's id.
	Target string
	// Key is the field of a JSON secret; empty for the whole value.
	Key string
}
