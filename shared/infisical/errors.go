package infisical

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What an error means; test with errors.Is. An error may mean several things: a
// lock-out is a refused login, too.
var (
	// ErrInvalid is input that breaks Infisical's rules, found here or there.
	ErrInvalid = errors.New("invalid input")
	// ErrNotFound is a connection, sync or data source that isn't there.
	ErrNotFound = errors.New("not found")
	// ErrUnknownProject is a project ID that isn't there, or not for this identity.
	ErrUnknownProject = errors.New("unknown project")
	// ErrNameTaken is a name that another connection has, of whatever app, or another
	// sync of the project.
	ErrNameTaken = errors.New("name is taken")
	// ErrWrongApp is a connection or a sync to something else than Bitbucket.
	ErrWrongApp = errors.New("not for Bitbucket")
	// ErrInUse is a connection that syncs or scans depend on.
	ErrInUse = errors.New("connection is in use")
	// ErrBusy is a run that was asked for while another one is under way.
	ErrBusy = errors.New("a run is under way")
	// ErrUnknownFolder is a secret path, or an environment, that the project lacks.
	ErrUnknownFolder = errors.New("unknown folder")
	// ErrDuplicateTarget is a target that another sync has, where that is forbidden.
	ErrDuplicateTarget = errors.New("target is taken")
	// ErrProjectType is a project of another type: it has no syncs, or no data sources.
	ErrProjectType = errors.New("project of another type")
	// ErrPlan is something that the organization's plan of Infisical lacks.
	ErrPlan = errors.New("not in this plan of Infisical")

	// ErrBadCredentials means that Bitbucket refused the email and token.
	ErrBadCredentials = errors.New("refused by Bitbucket")
	// ErrBitbucketUnavailable means that Infisical couldn't ask Bitbucket.
	ErrBitbucketUnavailable = errors.New("unchecked by Bitbucket")

	// ErrLoginRefused is the login's refusal; trying again doesn't help.
	ErrLoginRefused = errors.New("login refused")
	// ErrLockedOut is the refusal that follows wrong secrets, right ones included.
	ErrLockedOut = errors.New("locked out")
	// ErrSubjectRefused and ErrAudienceRefused are an ID token's sub and aud.
	ErrSubjectRefused  = errors.New("OIDC subject refused")
	ErrAudienceRefused = errors.New("OIDC audience refused")

	// ErrTokenExpired is an access token that has ended or was revoked, and
	// ErrUnauthorized one that Infisical can't use for another reason.
	ErrTokenExpired = errors.New("access token has ended")
	ErrUnauthorized = errors.New("access token refused")
	// ErrPermission is something that the identity's role doesn't allow.
	ErrPermission = errors.New("permission missing")

	// ErrRateLimited is a 429 that repeats did not get past, or that asked for too long a wait.
	ErrRateLimited = errors.New("rate limited")
	// ErrServer is a 5xx.
	ErrServer = errors.New("server error")
	// ErrUnsupported is a server that has no Bitbucket connections.
	ErrUnsupported = errors.New("unsupported by this server")
	// ErrUnexpectedAnswer is an answer that no Infisical server gives.
	ErrUnexpectedAnswer = errors.New("not an answer of Infisical")
)

// APIError is an answer that isn't a success. Its texts come from the server,
// shortened, without control characters and without the request's secrets.
type APIError struct {
	Method string
	Path   string
	Status int
	// Code is the answer's "error", such as BadRequest.
	Code string
	// Message is the answer's "message" when that is a text.
	Message string
	// Issues are the answer's "message" when that is a list.
	Issues []Issue
	// RequestID is what Infisical's logs have the request under.
	RequestID string
	// RetryAfter is what a 429 asked for; zero when it didn't.
	RetryAfter time.Duration

	kinds  []error
	advice string
}

// Unwrap gives errors.Is what the error means.
func (e *APIError) Unwrap() []error { return e.kinds }

// Error says what Infisical answered, what that means and what to do.
func (e *APIError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Infisical answered %d", e.Status)
	if e.Code != "" {
		fmt.Fprintf(&text, " (%s)", e.Code)
	}
	fmt.Fprintf(&text, " to %s %s", e.Method, e.Path)
	for _, part := range []string{e.Message, joinIssues(e.Issues)} {
		if part != "" {
			text.WriteString(": " + strings.TrimRight(part, "."))
		}
	}
	if e.advice != "" {
		text.WriteString("; " + e.advice)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&text, " [%s]", e.RequestID)
	}
	return text.String()
}

// Issue is one thing that is wrong with the input.
type Issue struct {
	// Path is the field's, such as credentials.email.
	Path    string `json:"path"`
	Message string `json:"message"`
}

func joinIssues(issues []Issue) string {
	texts := make([]string, len(issues))
	for i, issue := range issues {
		texts[i] = issue.Message
		if issue.Path != "" {
			texts[i] = issue.Path + ": " + issue.Message
		}
	}
	return strings.Join(texts, "; ")
}

// InputError is input that was refused before any call; it is an [ErrInvalid]
// and lists everything that is wrong.
type InputError struct {
	// What was checked, such as "connection".
	What   string
	Issues []Issue
}

// Unwrap makes it an ErrInvalid.
func (e *InputError) Unwrap() error { return ErrInvalid }

// Error lists the issues with their paths.
func (e *InputError) Error() string { return "invalid " + e.What + ": " + joinIssues(e.Issues) }

// NameTakenError is an [ErrNameTaken] that knows more: names are unique among the
// connections of a project, or of the organisation, whatever their app.
type NameTakenError struct {
	Name string
	// HolderID and HolderApp (such as "github") are of the connection that has the
	// name; empty when this identity can't see it.
	HolderID  string
	HolderApp string
	Err       error
}

// Unwrap returns Infisical's answer.
func (e *NameTakenError) Unwrap() error { return e.Err }

// Error says who has the name.
func (e *NameTakenError) Error() string {
	holder := "a connection that this identity may not see"
	if e.HolderID != "" {
		holder = fmt.Sprintf("the %s connection %s", e.HolderApp, e.HolderID)
	}
	return fmt.Sprintf("the name %q is taken by %s; choose another name, or rename that one", e.Name, holder)
}
