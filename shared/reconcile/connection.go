package reconcile

import (
	"context"
	"fmt"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

// Connections is the part of [infisical.Client] that ensures connections.
type Connections interface {
	Connections(ctx context.Context, projectID string) ([]infisical.Connection, error)
	ConnectionByName(ctx context.Context, name, projectID string) (infisical.Connection, error)
	Create(ctx context.Context, connection infisical.NewConnection) (infisical.Connection, error)
	Update(ctx context.Context, id string, change infisical.ConnectionChange) (infisical.Connection, error)
	Delete(ctx context.Context, id string) error
}

// DesiredConnection is a connection as it should be, with its token.
type DesiredConnection struct {
	// Name is a slug, unique in its project.
	Name string
	// ProjectID is empty for a connection of the organisation.
	ProjectID string
	// Description is the text before the mark. When it is empty, what a person
	// wrote in Infisical stays.
	Description string
	Email       string
	// Token may be empty in a plan, which then can't tell a rotation
	// ([ConnectionPlan.TokenUnknown]). Writing credentials needs it.
	Token redact.Secret
	// Adopt permits taking over a connection that linkersync did not make.
	Adopt bool
	// Rewrite writes the credentials even if the fingerprint says that they are there.
	Rewrite bool
	// Accept leaves credentials alone that somebody changed in Infisical, and records
	// that they are meant.
	Accept bool
	// Owner is the manifest's or the stack's name, see [StackOwner]; empty when there
	// is none. Another owner's connection is taken over only with Adopt.
	Owner    string
	Position manifest.Position
}

// Desire adds the token, once resolved, to what the manifest says.
func Desire(connection manifest.Connection, token redact.Secret) DesiredConnection {
	return DesiredConnection{
		Name: connection.Name, ProjectID: connection.ProjectID, Description: connection.Description,
		Email: connection.Email, Token: token, Adopt: connection.Adopt, Position: connection.Position,
	}
}

// Action is what a connection needs.
type Action string

// The actions. Rotate, Adopt and Create write credentials; Infisical tries those
// at Bitbucket before it stores them.
const (
	None   Action = "none"
	Create Action = "create"
	// Update changes what is not a credential.
	Update Action = "update"
	Rotate Action = "rotate"
	// Adopt takes over a connection that exists and has no mark of ours.
	Adopt Action = "adopt"
	// Delete is for a connection or sync that is no longer listed.
	Delete Action = "delete"
)

// done is the action's past form, for people.
func (a Action) done() string {
	if a == Adopt {
		return "adopted"
	}
	return string(a) + "d"
}

// ConnectionPlan is what separates one connection from its desired state.
type ConnectionPlan struct {
	Name      string `json:"name"`
	ProjectID string `json:"project_id,omitempty"`
	Action    Action `json:"action"`
	// Fields are those that change: "email", "token", "description", or "mark" alone.
	Fields []string `json:"fields"`
	// ID is Infisical's; empty when the connection doesn't exist.
	ID string `json:"id,omitempty"`
	// NeedsYes: applying fails with [UnmanagedError] unless the manifest permits to adopt.
	NeedsYes bool `json:"needs_yes"`
	// Owner is whose connection it is, as its mark says; empty when unknown.
	Owner string `json:"owner,omitempty"`
	// Drift says that somebody else wrote the credentials, and when.
	Drift string `json:"drift,omitempty"`
	// Kept says why a connection stays that the manifest no longer names.
	Kept string `json:"kept,omitempty"`
	// Error is why the connection could not be compared; Action is then [None].
	Error string `json:"error,omitempty"`
	// TokenUnknown: the plan was made without the token, which may differ, too.
	TokenUnknown bool              `json:"token_unknown"`
	Position     manifest.Position `json:"position"`

	err     error
	guard   error
	desired DesiredConnection
	// mark and text make the description that is to be written.
	mark mark
	text string
	// hash is credentialsHash as it was read.
	hash string
}

// Cause is the error whose text is in Error.
func (p ConnectionPlan) Cause() error { return p.err }

func (p ConnectionPlan) description() string { return p.mark.describe(p.text) }

// failedPlan is the plan of a connection that could not be compared.
func failedPlan(d DesiredConnection, err error) ConnectionPlan {
	return ConnectionPlan{
		Name: d.Name, ProjectID: d.ProjectID, Position: d.Position, Fields: []string{}, Action: None,
		TokenUnknown: d.Token.IsZero(), Error: err.Error(), err: err, desired: d,
	}
}

// Changed tells whether applying the plan would write.
func (p ConnectionPlan) Changed() bool { return p.Action != None }

// writesCredentials: the rest of the actions make Infisical call nobody.
func (p ConnectionPlan) writesCredentials() bool {
	return p.Action == Create || p.Action == Rotate || p.Action == Adopt
}

// place is what identifies a connection to people: names are unique in a scope.
type place struct{ projectID, name string }

func placeOf(d DesiredConnection) place { return place{d.ProjectID, d.Name} }

func (p place) String() string {
	if p.projectID == "" {
		return fmt.Sprintf("%q of the organisation", p.name)
	}
	return fmt.Sprintf("%q of project %s", p.name, p.projectID)
}
