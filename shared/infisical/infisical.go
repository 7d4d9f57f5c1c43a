// Package infisical is a client for the part of Infisical's API that keeps
// Bitbucket App Connections: machine-identity logins and app connections.
//
// It speaks, it does not decide: what a connection should be is package
// manifest, bringing it there is package reconcile.
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket
package infisical

import (
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// Connection is a Bitbucket App Connection as Infisical returns it: never with
// the token.
type Connection struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	App         string `json:"app"`
	Method      string `json:"method"`
	OrgID       string `json:"orgId"`
	// ProjectID is empty for a connection of the organisation.
	ProjectID string `json:"projectId,omitempty"`
	Version   int    `json:"version"`
	Email     string `json:"email"`
	// CredentialsHash is of the encrypted blob: it changes on every write of
	// credentials, even of the same ones, and tells nothing about their value.
	CredentialsHash string    `json:"credentialsHash,omitempty"`
	CreatedAt       time.Time `json:"createdAt"`
	UpdatedAt       time.Time `json:"updatedAt"`
}

// Credentials are what a Bitbucket connection stores: an Atlassian account's
// email (at most 255 characters) and an API token of it (1 to 255).
type Credentials struct {
	Email    string
	APIToken redact.Secret
}

// NewConnection is the body of a create.
type NewConnection struct {
	// Name is a slug: lower case letters, digits and single dashes, 1 to 64.
	Name string
	// Description has at most [MaxDescription] characters.
	Description string
	// ProjectID is empty for a connection of the organisation.
	ProjectID   string
	Credentials Credentials
}

// AppOption is an app that a server has connections for, and the ways to connect.
type AppOption struct {
	Name    string   `json:"name"`
	App     string   `json:"app"`
	Methods []string `json:"methods"`
}

// ConnectionChange is the body of an update: nil fields stay as they are.
type ConnectionChange struct {
	Name        *string
	Description *string
	Credentials *Credentials
}
