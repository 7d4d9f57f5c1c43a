package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/linkersync/linkersync/shared/redact"
)

// pipelines is Bitbucket Pipelines: the command runs as a pipe, or in a step's own
// container. It has no masks, folds, annotations or summaries, so those become
// plain lines and files, and nothing secret is printed to begin with.
// Source: https://support.atlassian.com/bitbucket-cloud/docs/write-a-pipe-for-bitbucket-pipelines/
type pipelines struct {
	getenv func(string) string
	out    io.Writer
}

func newPipelines(e Environment) *pipelines { return &pipelines{getenv: e.Getenv, out: e.Stdout} }

// StepTokenVariable holds the step's identity token.
const StepTokenVariable = "BITBUCKET_STEP_OIDC_TOKEN"

// Name implements Platform.
func (*pipelines) Name() string { return bitbucketPipelines }

// Input implements Platform: a pipe's variables are in upper case.
func (p *pipelines) Input(name string) string { return p.getenv(strings.ToUpper(name)) }

// Trigger implements Platform. A pull request of a fork starts no pipeline in the
// repository that it is for.
func (p *pipelines) Trigger() Trigger {
	if p.getenv("BITBUCKET_PR_ID") == "" {
		return trigger(bitbucketPipelines, branchOrCustom)
	}
	t := trigger(bitbucketPipelines, pullRequest)
	t.PullRequest = true
	return t
}

// Annotate implements Platform.
func (p *pipelines) Annotate(a Annotation) { writeAnnotation(p.out, a) }

// Group implements Platform.
func (p *pipelines) Group(title string) func() { return writeGroup(p.out, title) }

// Output implements Platform. Later steps read it as a variable; a value of
// several lines, which that file can't hold, goes into a file beside it.
func (p *pipelines) Output(name, value string) error {
	variable := "LINKERSYNC_" + strings.ToUpper(name)
	if folder := p.getenv("BITBUCKET_PIPE_STORAGE_DIR"); folder != "" {
		if err := WriteShared(filepath.Join(folder, name), []byte(value)); err != nil {
			return fmt.Errorf("write output %s: %w", name, err)
		}
	}
	path := p.getenv("BITBUCKET_PIPELINES_VARIABLES_PATH")
	if path == "" || strings.ContainsAny(value, "\r\n") || len(value) > maxVariable {
		return nil
	}
	return appendLine(path, variable+"="+value)
}

// maxVariable keeps the whole plan out of the variables of later steps.
const maxVariable = 8 << 10

// Summary implements Platform: Pipelines shows none, so it is part of the log.
func (p *pipelines) Summary(markdown string) error {
	_, err := fmt.Fprintf(p.out, "\n%s\n", markdown)
	return err
}

// IdentityToken implements Platform. The audience is fixed by the step's oidc setting.
func (p *pipelines) IdentityToken(context.Context, string) (redact.Secret, error) {
	token := redact.New(p.getenv(StepTokenVariable))
	if token.IsZero() {
		return token, errors.New("no identity token for this step: add \"oidc: true\" to the step")
	}
	return token, nil
}

func (*pipelines) mask(string) {}
