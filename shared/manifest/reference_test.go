package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/manifest"
)

func TestParseReference(t *testing.T) {
	t.Parallel()
	tests := map[string]manifest.Reference{
		"env:BITBUCKET_API_TOKEN":    {Scheme: "env", Target: "BITBUCKET_API_TOKEN"},
		"env:_a09":                   {Scheme: "env", Target: "_a09"},
		"file:/run/secrets/x":        {Scheme: "file", Target: "/run/secrets/x"},
		"file:./a b#c:d":             {Scheme: "file", Target: "./a b#c:d"},
		"aws-secret:bitbucket/ci":    {Scheme: "aws-secret", Target: "bitbucket/ci"},
		"aws-secret:ci#token":        {Scheme: "aws-secret", Target: "ci", Key: "token"},
		"aws-secret:ci#a b#c":        {Scheme: "aws-secret", Target: "ci", Key: "a b#c"},
		"aws-secret:arn:aws:s:r:1:x": {Scheme: "aws-secret", Target: "arn:aws:s:r:1:x"},
		"env:" + strings.Repeat("A", manifest.MaxReferenceLength-4): {Scheme: "env", Target: strings.Repeat("A", manifest.MaxReferenceLength-4)},
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := manifest.ParseReference(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("reference (-want +got):\n%s", diff)
			}
			if got.String() != text {
				t.Errorf("String() = %q, want %q", got.String(), text)
			}
		})
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	t.Parallel()
	const (
		env    = "not a reference: env: needs"
		file   = "not a reference: file: needs"
		aws    = "not a reference: aws-secret: needs"
		secret = "not a reference to a secret (env:NAME, file:PATH or aws-secret:ID#key); the secret itself"
	)
	tests := map[string]string{
		"":                        secret,
		"BITBUCKET_API_TOKEN":     secret,
		"https://canary-7f3a":     secret,
		"canary-7f3a:canary-7f3a": secret,
		"${BITBUCKET_API_TOKEN}":  secret,
		pasted:                    secret,
		"env:" + pasted:           secret,
		"env:" + strings.Repeat("A", manifest.MaxReferenceLength-3): secret,
		"env:":               env,
		"env:A-B":            env,
		"env:0A":             env,
		"env:9A":             env,
		"env:A B":            env,
		"env: A":             env,
		"env:Ä":              env,
		"file:":              file,
		"file:~/x":           file,
		"file:a\nb":          file,
		"aws-secret:":        aws,
		"aws-secret:#key":    aws,
		"aws-secret:a#":      aws,
		"aws-secret:a b":     aws,
		"aws-secret:a#b\x00": aws,
		"ENV:A":              "not a reference to a secret (env:NAME, file:PATH or aws-secret:ID#key); did you mean env:?",
		"aws_secret:a":       "not a reference to a secret (env:NAME, file:PATH or aws-secret:ID#key); did you mean aws-secret:?",
		"flie:a":             "not a reference to a secret (env:NAME, file:PATH or aws-secret:ID#key); did you mean file:?",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := manifest.ParseReference(text)
			if err == nil {
				t.Fatalf("accepted as %+v", got)
			}
			if !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error = %q, want it to start with %q", err, want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the message repeats what may be a secret: %v", err)
			}
		})
	}
}
