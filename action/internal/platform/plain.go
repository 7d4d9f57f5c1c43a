package platform

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/linkersync/linkersync/shared/redact"
)

// Variables by which any other CI, or a person, gets outputs and summary as files
// and gives an identity token.
const (
	OutputsVariable = "LINKERSYNC_OUTPUTS_FILE"
	SummaryVariable = "LINKERSYNC_SUMMARY_FILE"
	TokenVariable   = "LINKERSYNC_OIDC_TOKEN"
)

// plain is any other CI, or a terminal.
type plain struct {
	getenv func(string) string
	out    io.Writer
}

func newPlain(e Environment) *plain { return &plain{getenv: e.Getenv, out: e.Stdout} }

// Name implements Platform.
func (*plain) Name() string { return "a terminal" }

// Input implements Platform: LINKERSYNC_FILE for file.
func (p *plain) Input(name string) string { return p.getenv("LINKERSYNC_" + strings.ToUpper(name)) }

// Trigger implements Platform. The variables are those by which other CIs name the
// pull request: Jenkins, CircleCI, Azure Pipelines, Travis, Buildkite, Drone and
// Woodpecker.
func (p *plain) Trigger() Trigger {
	for _, name := range []string{
		"CHANGE_ID", "CIRCLE_PULL_REQUEST", "CIRCLE_PR_NUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID",
		"TRAVIS_PULL_REQUEST", "BUILDKITE_PULL_REQUEST", "DRONE_PULL_REQUEST", "CI_COMMIT_PULL_REQUEST",
	} {
		if value := p.getenv(name); value != "" && value != "false" {
			t := trigger(otherCI, pullRequest)
			t.PullRequest = true
			return t
		}
	}
	return trigger(otherCI, manual)
}

// Annotate implements Platform.
func (p *plain) Annotate(a Annotation) { writeAnnotation(p.out, a) }

// Group implements Platform.
func (p *plain) Group(title string) func() { return writeGroup(p.out, title) }

// maxDotenv is the longest value in the dotenv file: GitLab refuses files above 5 KiB.
// Source: https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv
const maxDotenv = 4 << 10

// Output implements Platform: a dotenv file, as GitLab's reports take it.
func (p *plain) Output(name, value string) error {
	path := p.getenv(OutputsVariable)
	if path == "" || strings.ContainsAny(value, "\r\n") || len(value) > maxDotenv {
		return nil
	}
	return appendLine(path, "LINKERSYNC_"+strings.ToUpper(name)+"="+value)
}

// Summary implements Platform.
func (p *plain) Summary(markdown string) error {
	path := p.getenv(SummaryVariable)
	if path == "" {
		_, err := fmt.Fprintf(p.out, "\n%s\n", markdown)
		return err
	}
	if err := WriteShared(path, []byte(markdown+"\n")); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// IdentityToken implements Platform.
func (p *plain) IdentityToken(context.Context, string) (redact.Secret, error) {
	token := redact.New(p.getenv(TokenVariable))
	if token.IsZero() {
		return token, fmt.Errorf("no identity token: set %s to the CI's OIDC token", TokenVariable)
	}
	return token, nil
}

func (*plain) mask(string) {}

func writeAnnotation(w io.Writer, a Annotation) {
	at := ""
	if a.File != "" {
		at = a.File + ": "
		if a.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d: ", a.File, a.Line, a.Column)
		}
	}
	_, _ = fmt.Fprintf(w, "%s: %s%s: %s\n", a.Level, at, a.Title, a.Message)
}

func writeGroup(w io.Writer, title string) func() {
	_, _ = fmt.Fprintf(w, "\n== %s\n", title)
	return func() {}
}
