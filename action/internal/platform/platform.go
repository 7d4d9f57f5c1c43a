// Package platform is the one seam between linkersync and the CI that runs it:
// GitHub Actions, Bitbucket Pipelines, GitLab CI, or anything else. It masks, groups,
// annotates, and writes outputs and the job summary in the way of each.
//
// Nothing outside this package knows which CI it is in.
package platform

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// Level is how bad an annotation is.
type Level string

// The levels of annotations.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Notice  Level = "notice"
)

// Annotation is a message that points at a place in a file.
type Annotation struct {
	Level Level
	// Title is short; Message says what happened, to which thing, what to do.
	Title, Message string
	// File is relative to the repository. Line and Column are 0 when unknown.
	File         string
	Line, Column int
}

// Trigger is what made the CI run.
type Trigger struct {
	// Event is the platform's name for it, such as "push" or "pull_request".
	Event string
	// Trust says whose change it is, and whether the run has secrets.
	Trust Trust
	// PullRequest: the result goes to a reviewer, not into production.
	PullRequest bool
	// Fork: the change comes from a repository that the owners don't control.
	Fork bool
}

// Platform is the CI.
type Platform interface {
	// Name is for people: "GitHub Actions".
	Name() string
	// Input returns an input of the action, or variable of the pipe, by its name in
	// action.yml; empty when it was not given.
	Input(name string) string
	// Trigger tells what made the CI run.
	Trigger() Trigger
	// Annotate points at a problem.
	Annotate(Annotation)
	// Group begins a fold of the log; end ends it.
	Group(title string) (end func())
	// Output hands a value on to later steps.
	Output(name, value string) error
	// Summary shows Markdown to the people who look at the run.
	Summary(markdown string) error
	// IdentityToken returns the run's OIDC token for an audience.
	IdentityToken(ctx context.Context, audience string) (redact.Secret, error)
	// mask hides a value in everything that is logged from now on.
	mask(value string)
}

// Environment is what the process gives a platform.
type Environment struct {
	Getenv func(string) string
	// Stdout takes commands, unlike what [Text] returns. Whoever made it notices
	// when it can't be written: many of a platform's calls have no other way to say so.
	Stdout io.Writer
	HTTP   http.RoundTripper
}

// Detect finds out where this process runs.
func Detect(e Environment) Platform {
	switch {
	case inGitHub(e.Getenv):
		return newGitHub(e)
	case e.Getenv("BITBUCKET_BUILD_NUMBER") != "":
		return newPipelines(e)
	case e.Getenv("GITLAB_CI") == "true":
		return &gitLab{*newPlain(e)}
	}
	return newPlain(e)
}

func inGitHub(getenv func(string) string) bool { return getenv("GITHUB_ACTIONS") == "true" }

// identityTimeout bounds the question for a token.
const identityTimeout = 20 * time.Second

// Masker masks secrets before anything else is done with them. It remembers what
// is masked, so that a value is announced once. Safe for concurrent use.
type Masker struct {
	platform Platform
	mu       sync.Mutex
	known    map[string]bool
}

// NewMasker returns a masker for the platform's log.
func NewMasker(p Platform) *Masker { return &Masker{platform: p, known: map[string]bool{}} }

// shortest is the length below which masking would blacken half of the log, and
// hide nothing worth it.
const shortest = 4

// Mask hides a secret: as a whole, each of its lines, and both in base64, wherever
// in a longer text it was encoded, as the password of a Basic credential is.
func (m *Masker) Mask(secret redact.Secret) {
	value := secret.Reveal()
	forms := append([]string{value}, base64Forms(value)...)
	if strings.ContainsAny(value, "\r\n") {
		for line := range strings.Lines(value) {
			line = strings.TrimSpace(line)
			forms = append(append(forms, line), base64Forms(line)...)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, form := range forms {
		if len(form) < shortest || m.known[form] || strings.ContainsAny(form, "\r\n") {
			continue // several lines are masked one by one
		}
		m.known[form] = true
		m.platform.mask(form)
	}
}

// base64Forms are what value looks like in base64 after any number of other bytes:
// there are three places to start in a group of three. The characters at both ends
// that hold bits of a neighbour are left off.
func base64Forms(value string) []string {
	if len(value) < shortest {
		return nil
	}
	forms := make([]string, 0, 2*3)
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			encoded := encoding.EncodeToString([]byte(strings.Repeat("x", before) + value))
			first, last := (before*8+5)/6, (before+len(value))*8/6
			forms = append(forms, encoded[first:last])
		}
	}
	return forms
}
