package platform

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

// maxEventFile bounds the event's payload; GitHub's are below 100 KiB.
const maxEventFile = 4 << 20

// gitHub is GitHub Actions, through go-githubactions. That library panics when a
// command can't be written: guard turns that into an error for its files, and for
// standard output [Environment] says who notices.
// Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
type gitHub struct {
	action *githubactions.Action
	getenv func(string) string
}

func newGitHub(e Environment) *gitHub {
	client := &http.Client{Transport: e.HTTP, Timeout: identityTimeout}
	return &gitHub{
		action: githubactions.New(githubactions.WithWriter(unfailing{e.Stdout}), githubactions.WithGetenv(e.Getenv), githubactions.WithHTTPClient(client)),
		getenv: e.Getenv,
	}
}

// unfailing keeps the library from panicking in the middle of a change.
type unfailing struct{ io.Writer }

// Write implements io.Writer.
func (u unfailing) Write(command []byte) (int, error) {
	_, _ = u.Writer.Write(command) // noticed by its owner
	return len(command), nil
}

// Name implements Platform.
func (*gitHub) Name() string { return gitHubActions }

// Input implements Platform.
func (g *gitHub) Input(name string) string { return g.action.GetInput(name) }

// Trigger implements Platform.
func (g *gitHub) Trigger() Trigger {
	event := g.getenv("GITHUB_EVENT_NAME")
	isPull := strings.HasPrefix(event, "pull_request")
	if isPull && g.fromFork() {
		event += fork
	}
	t := trigger(gitHubActions, event)
	t.PullRequest = isPull || event == "merge_group"
	return t
}

// fromFork reads the event's payload. One that can't be read counts as a fork:
// the careful way is to show less.
func (g *gitHub) fromFork() bool {
	file, err := input.Open(g.getenv("GITHUB_EVENT_PATH"))
	if err != nil {
		return true
	}
	defer file.Close()
	type repository struct {
		FullName string `json:"full_name"`
	}
	var event struct {
		PullRequest struct {
			Head struct {
				Repo repository `json:"repo"`
			} `json:"head"`
			Base struct {
				Repo repository `json:"repo"`
			} `json:"base"`
		} `json:"pull_request"`
	}
	if err := json.NewDecoder(io.LimitReader(file, maxEventFile)).Decode(&event); err != nil {
		return true
	}
	return event.PullRequest.Head.Repo.FullName == "" || event.PullRequest.Head.Repo.FullName != event.PullRequest.Base.Repo.FullName
}

// Annotate implements Platform.
func (g *gitHub) Annotate(a Annotation) {
	fields := map[string]string{"title": a.Title}
	if a.File != "" {
		fields["file"] = a.File
	}
	if a.Line > 0 {
		fields["line"] = strconv.Itoa(a.Line)
	}
	if a.Column > 0 {
		fields["col"] = strconv.Itoa(a.Column)
	}
	action := g.action.WithFieldsMap(fields)
	switch a.Level {
	case Error:
		action.Errorf("%s", a.Message)
	case Warning:
		action.Warningf("%s", a.Message)
	case Notice:
		action.Noticef("%s", a.Message)
	}
}

// Group implements Platform.
func (g *gitHub) Group(title string) func() {
	g.action.Group(title)
	return g.action.EndGroup
}

// Output implements Platform. The delimiter is random, so that no value can end it
// and begin an output of its own; the library's is a constant.
func (g *gitHub) Output(name, value string) error {
	delimiter := "ghadelimiter_" + rand.Text()
	return guard("output "+name, func() {
		g.action.IssueFileCommand(&githubactions.Command{
			Name: "output", Message: fmt.Sprintf("%s<<%s\n%s\n%s", name, delimiter, value, delimiter),
		})
	})
}

// Summary implements Platform.
func (g *gitHub) Summary(markdown string) error {
	return guard("job summary", func() { g.action.AddStepSummary(markdown) })
}

// IdentityToken implements Platform.
func (g *gitHub) IdentityToken(ctx context.Context, audience string) (redact.Secret, error) {
	if g.getenv("ACTIONS_ID_TOKEN_REQUEST_URL") == "" {
		return redact.Secret{}, fmt.Errorf("no identity token for this job: add \"permissions: { id-token: write }\" to the job")
	}
	// The request carries a credential: only the origin is checked, since path and query are GitHub's.
	address, err := url.Parse(g.getenv("ACTIONS_ID_TOKEN_REQUEST_URL"))
	if err == nil {
		_, err = transport.Endpoint(address.Scheme + "://" + address.Host)
	}
	if err != nil {
		return redact.Secret{}, fmt.Errorf("ACTIONS_ID_TOKEN_REQUEST_URL: %w", err)
	}
	token, err := g.action.GetIDToken(ctx, audience)
	if err != nil {
		return redact.Secret{}, fmt.Errorf("ask GitHub for an identity token: %w", err)
	}
	return redact.New(token), nil
}

func (g *gitHub) mask(value string) { g.action.AddMask(value) }

// guard runs a call of go-githubactions and returns its panic as an error.
func guard(what string, call func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("write %s for GitHub: %v", what, value)
		}
	}()
	call()
	return nil
}
