package infisical

import (
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// bitbucketMethod is the only way in which Infisical connects to Bitbucket.
const bitbucketMethod = "api-token"

// connectionBody is what a create and an update send; an update leaves out what
// it doesn't change, and never has a method or project.
type connectionBody struct {
	Name        *string          `json:"name,omitempty"`
	Method      string           `json:"method,omitempty"`
	Description *string          `json:"description,omitempty"`
	ProjectID   string           `json:"projectId,omitempty"`
	Credentials *credentialsBody `json:"credentials,omitempty"`
}

// credentialsBody holds the token in the clear. It is made where a request's body
// is put together, and never kept.
type credentialsBody struct {
	Email    string `json:"email"`
	APIToken string `json:"apiToken"`
}

func newConnectionBody(n NewConnection) connectionBody {
	body := connectionChangeBody(ConnectionChange{Name: &n.Name, Credentials: &n.Credentials})
	body.Method, body.ProjectID = bitbucketMethod, n.ProjectID
	if n.Description != "" {
		body.Description = &n.Description
	}
	return body
}

func connectionChangeBody(c ConnectionChange) connectionBody {
	body := connectionBody{Name: c.Name, Description: c.Description}
	if c.Credentials != nil {
		body.Credentials = &credentialsBody{Email: c.Credentials.Email, APIToken: c.Credentials.APIToken.Reveal()}
	}
	return body
}

// secrets are the token and the form in which Infisical passes it on to
// Bitbucket, base64 of email and token, whose parts a scrubber wouldn't find.
func (c Credentials) secrets() []redact.Secret {
	return []redact.Secret{c.APIToken, redact.New(c.Email + ":" + c.APIToken.Reveal())}
}

// wireConnection is a connection in an answer. Only the ID is relied on: servers
// differ in the rest, and a null or a missing field leaves the zero value.
type wireConnection struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	App         string `json:"app"`
	Method      string `json:"method"`
	OrgID       string `json:"orgId"`
	ProjectID   string `json:"projectId"`
	Version     int    `json:"version"`
	Credentials struct {
		Email string `json:"email"`
	} `json:"credentials"`
	CredentialsHash string `json:"credentialsHash"`
	CreatedAt       string `json:"createdAt"`
	UpdatedAt       string `json:"updatedAt"`
}

func (w wireConnection) connection() Connection {
	return Connection{
		ID: w.ID, Name: w.Name, Description: w.Description, App: w.App, Method: w.Method,
		OrgID: w.OrgID, ProjectID: w.ProjectID, Version: w.Version,
		Email: w.Credentials.Email, CredentialsHash: w.CredentialsHash,
		CreatedAt: date(w.CreatedAt), UpdatedAt: date(w.UpdatedAt),
	}
}

// date is lenient: no decision hangs on a date, so a strange one isn't worth an error.
func date(value string) time.Time {
	parsed, _ := time.Parse(time.RFC3339, value)
	return parsed
}

type connectionAnswer struct {
	AppConnection wireConnection `json:"appConnection"`
}

func (a *connectionAnswer) complete() bool { return a.AppConnection.ID != "" }

// connectionsAnswer tells an empty list from a missing one.
type connectionsAnswer struct {
	AppConnections *[]wireConnection `json:"appConnections"`
}

func (a *connectionsAnswer) complete() bool { return a.AppConnections != nil }

type optionsAnswer struct {
	Options *[]AppOption `json:"appConnectionOptions"`
}

func (a *optionsAnswer) complete() bool { return a.Options != nil }
