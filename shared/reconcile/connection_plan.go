package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	// Rewrite writes the credentials even if the fingerprint says that they are
	// there: for somebody who changed them in Infisical by hand.
	Rewrite  bool
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
	// Fields are those that change: "email", "token", "description".
	Fields []string `json:"fields"`
	// ID is Infisical's; empty when the connection doesn't exist.
	ID string `json:"id,omitempty"`
	// NeedsYes: applying fails with [UnmanagedError] unless the manifest permits to adopt.
	NeedsYes bool `json:"needs_yes"`
	// TokenUnknown: the plan was made without the token, which may differ, too.
	TokenUnknown bool              `json:"token_unknown"`
	Position     manifest.Position `json:"position"`

	desired     DesiredConnection
	fingerprint string
	// description is the whole one that is to be written.
	description string
}

// Changed tells whether applying the plan would write.
func (p ConnectionPlan) Changed() bool { return p.Action != None }

// writesCredentials: the rest of the actions make Infisical call nobody.
func (p ConnectionPlan) writesCredentials() bool {
	return p.Action == Create || p.Action == Rotate || p.Action == Adopt
}

// PlanConnections compares connections with their desired state, in their order.
// It reads one list and writes nothing.
//
// The error names everything that is wrong with the input before any call
// ([infisical.ErrInvalid]); otherwise it wraps the client's.
func PlanConnections(ctx context.Context, api Connections, desired []DesiredConnection) ([]ConnectionPlan, error) {
	desired = slices.Clone(desired)
	if err := checkConnections(desired); err != nil {
		return nil, err
	}
	there, err := listConnections(ctx, api, desired)
	if err != nil {
		return nil, err
	}
	plans := make([]ConnectionPlan, 0, len(desired))
	for _, d := range desired {
		fingerprint, err := fingerprintOf(d)
		if err != nil {
			return nil, err
		}
		var found *infisical.Connection
		if connection, exists := there[placeOf(d)]; exists {
			found = &connection
		}
		plan, err := decide(d, fingerprint, found)
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

// checkConnections reports every problem at once, and tidies the descriptions.
func checkConnections(desired []DesiredConnection) error {
	var problems []error
	seen := map[place]bool{}
	for i := range desired {
		d := &desired[i]
		d.Description = tidy(d.Description)
		if err := checkConnection(*d); err != nil {
			problems = append(problems, fmt.Errorf("connection %s: %w", placeOf(*d), err))
		}
		if seen[placeOf(*d)] {
			problems = append(problems, fmt.Errorf("connection %s: %w: it is there twice", placeOf(*d), infisical.ErrInvalid))
		}
		seen[placeOf(*d)] = true
	}
	return errors.Join(problems...)
}

func checkConnection(d DesiredConnection) error {
	if length := units(d.Description); length > maxText() {
		return fmt.Errorf("%w: its description has %d characters, and %d are left beside linkersync's mark", infisical.ErrInvalid, length, maxText())
	}
	if _, _, ours := unmarked(d.Description); ours {
		return fmt.Errorf("%w: its description holds linkersync's mark, which is added by itself", infisical.ErrInvalid)
	}
	token := d.Token
	if token.IsZero() { // allowed in a plan
		token = redact.New(redact.Placeholder)
	}
	return infisical.ValidateConnection(infisical.NewConnection{
		Name: d.Name, ProjectID: d.ProjectID, Description: d.Description,
		Credentials: infisical.Credentials{Email: d.Email, APIToken: token},
	})
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

// listConnections reads one list: the scope's if there is but one, else the
// organisation's, which holds every project's. An identity that only projects
// know may not read that one and takes theirs.
func listConnections(ctx context.Context, api Connections, desired []DesiredConnection) (map[place]infisical.Connection, error) {
	var scopes []string
	for _, d := range desired {
		if !slices.Contains(scopes, d.ProjectID) {
			scopes = append(scopes, d.ProjectID)
		}
	}
	there := map[place]infisical.Connection{}
	if len(scopes) > 1 {
		err := listScope(ctx, api, "", there)
		if !errors.Is(err, infisical.ErrPermission) || slices.Contains(scopes, "") {
			return there, err
		}
	}
	for _, scope := range scopes {
		if err := listScope(ctx, api, scope, there); err != nil {
			return nil, err
		}
	}
	return there, nil
}

func listScope(ctx context.Context, api Connections, projectID string, into map[place]infisical.Connection) error {
	listed, err := api.Connections(ctx, projectID)
	if err != nil {
		return fmt.Errorf("read connections: %w", err)
	}
	for _, connection := range listed {
		into[place{connection.ProjectID, connection.Name}] = connection
	}
	return nil
}

// fingerprintOf is empty without a token.
func fingerprintOf(d DesiredConnection) (string, error) {
	if d.Token.IsZero() {
		return "", nil
	}
	return Fingerprint(d.ProjectID, d.Name, d.Email, d.Token)
}

// decide compares one connection; found is nil when it doesn't exist.
func decide(d DesiredConnection, fingerprint string, found *infisical.Connection) (ConnectionPlan, error) {
	plan := ConnectionPlan{
		Name: d.Name, ProjectID: d.ProjectID, Position: d.Position, Fields: []string{},
		TokenUnknown: d.Token.IsZero(), desired: d, fingerprint: fingerprint,
	}
	if found == nil {
		plan.Action = Create
		plan.description = marked(d.Description, fingerprint)
		return plan, nil
	}
	text, written, ours := unmarked(found.Description)
	email := found.Email != "" && !strings.EqualFold(found.Email, d.Email)
	token := d.Rewrite || !ours || fingerprint != "" && fingerprint != written
	description := d.Description != "" && d.Description != text
	for field, differs := range map[string]bool{"email": email, "token": token, "description": description} {
		if differs {
			plan.Fields = append(plan.Fields, field)
		}
	}
	slices.Sort(plan.Fields)
	plan.ID = found.ID
	plan.Action = actionFor(ours, email || token, description)
	plan.NeedsYes = plan.Action == Adopt && !d.Adopt
	if description {
		text = d.Description
	}
	if !plan.writesCredentials() {
		plan.fingerprint = written
	}
	plan.description = marked(text, plan.fingerprint)
	if plan.Changed() && units(text) > maxText() {
		return plan, fmt.Errorf("connection %s: its description in Infisical leaves no room for linkersync's mark; set a shorter one in the manifest", placeOf(d))
	}
	return plan, nil
}

func actionFor(ours, credentials, description bool) Action {
	switch {
	case !ours:
		return Adopt
	case credentials:
		return Rotate
	case description:
		return Update
	default:
		return None
	}
}
