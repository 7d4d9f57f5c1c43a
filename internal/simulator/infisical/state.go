package infisical

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// State is everything that a server knows but the tokens: what [Server.Seed] takes
// and [Server.Snapshot] returns.
type State struct {
	Organizations []Organization
	Projects      []Project
	Identities    []Identity
	// Issuers sign the tokens of OIDC logins.
	Issuers []Issuer
	// AWSKeys are what the AWS login's signatures are verified with.
	AWSKeys     []AWSKey
	Connections []Connection
	Syncs       []Sync
	DataSources []DataSource
}

// Organization is an organisation, or a sub-organisation when it has a parent.
type Organization struct {
	ID       string
	Slug     string
	ParentID string
	// BlockDuplicateDestinations refuses a second sync to the same place.
	BlockDuplicateDestinations bool
}

// Project is a project of an organisation.
type Project struct {
	ID    string
	OrgID string
	Name  string
	Slug  string
	// Type is like "secret-manager".
	Type string
	// Folders are the secret paths of each environment, by the environment's slug.
	Folders map[string][]string
	// NoScanning: the plan has no secret scanning.
	NoScanning bool
}

// Action is what an identity may do: with app connections, or, behind a colon, with
// what comes before it.
type Action string

// The actions on app connections.
const (
	Create  Action = "create"
	Read    Action = "read"
	Edit    Action = "edit"
	Delete  Action = "delete"
	Connect Action = "connect"
)

// The actions on secret syncs, and on data sources.
const (
	SyncRead        Action = "secret-syncs:read"
	SyncCreate      Action = "secret-syncs:create"
	SyncEdit        Action = "secret-syncs:edit"
	SyncDelete      Action = "secret-syncs:delete"
	SyncRun         Action = "secret-syncs:sync-secrets"
	SyncRemove      Action = "secret-syncs:remove-secrets"
	DataSourceRead  Action = "secret-scanning-data-sources:read-data-sources"
	DataSourceScans Action = "secret-scanning-data-sources:read-data-source-scans"
)

// Everything returns all actions.
func Everything() []Action {
	return []Action{
		Create, Read, Edit, Delete, Connect,
		SyncRead, SyncCreate, SyncEdit, SyncDelete, SyncRun, SyncRemove, DataSourceRead, DataSourceScans,
	}
}

// Identity is a machine identity with the ways in which it may log in.
type Identity struct {
	ID    string
	Name  string
	OrgID string
	// SubOrganizations are the ids of those that it is a member of.
	SubOrganizations []string
	// Permissions are for connections of the organisation; Projects has those for
	// connections of projects, by project id.
	Permissions []Action
	Projects    map[string][]Action
	// TokenTTL is the lifetime of an access token. Zero means Infisical's default, 30 days.
	TokenTTL time.Duration

	Universal *UniversalAuth
	OIDC      *OIDCAuth
	AWS       *AWSAuth
}

// Connection is an app connection.
type Connection struct {
	ID          string
	Name        string
	Description *string
	// App is "bitbucket", or another app's: names are unique across apps.
	App    string
	Method string
	OrgID  string
	// ProjectID is empty for a connection of the organisation.
	ProjectID string
	CreatedAt time.Time
	UpdatedAt time.Time
	Email     string
	APIToken  string
	// CredentialsHash changes with every write of credentials, even of the same ones.
	CredentialsHash string
	// InUse says that something depends on the connection: it can't be deleted.
	InUse bool
}

// Seed adds to the state. What is there already is replaced.
func (s *Server) Seed(state State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var problems []error
	for _, org := range state.Organizations {
		s.organizations[org.ID] = &org
	}
	for _, project := range state.Projects {
		problems = append(problems, s.known(project.OrgID, "project "+project.ID))
		s.projects[project.ID] = &project
	}
	for _, identity := range state.Identities {
		problems = append(problems, s.known(identity.OrgID, "identity "+identity.ID))
		s.identities[identity.ID] = identity.clone()
	}
	for _, issuer := range state.Issuers {
		s.issuers[issuer.URL] = &issuer
	}
	for _, key := range state.AWSKeys {
		s.awsKeys[key.AccessKeyID] = &key
	}
	for _, connection := range state.Connections {
		problems = append(problems, s.seedConnection(connection))
	}
	for _, y := range state.Syncs {
		problems = append(problems, s.seedSync(y))
	}
	for _, source := range state.DataSources {
		problems = append(problems, s.seedDataSource(source))
	}
	return errors.Join(problems...)
}

func (s *Server) known(orgID, what string) error {
	if s.organizations[orgID] == nil {
		return fmt.Errorf("seed %s: unknown organization %q", what, orgID)
	}
	return nil
}

func (s *Server) seedConnection(c Connection) error {
	if err := s.known(c.OrgID, "connection "+c.Name); err != nil {
		return err
	}
	if c.ID == "" {
		c.ID = newUUID()
	}
	c.App = cmp.Or(c.App, bitbucketApp)
	c.Method = cmp.Or(c.Method, apiToken)
	if c.CreatedAt.IsZero() {
		c.CreatedAt, c.UpdatedAt = s.now(), s.now()
	}
	if s.taken(c.Name, c.ProjectID, c.OrgID, c.ID) {
		return fmt.Errorf("seed connection %s: the name is taken", c.Name)
	}
	c.CredentialsHash = cmp.Or(c.CredentialsHash, newCredentialsHash(c.Email, c.APIToken))
	s.connections[c.ID] = &c
	return nil
}

// clone keeps what logins change (the uses of a client secret) apart from the caller's.
func (identity Identity) clone() *Identity {
	if identity.Universal != nil {
		universal := *identity.Universal
		universal.Secrets = slices.Clone(universal.Secrets)
		identity.Universal = &universal
	}
	return &identity
}

// Snapshot returns a copy of the state, sorted.
func (s *Server) Snapshot() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	var state State
	state.Organizations = sorted(s.organizations, func(o Organization) string { return o.ID })
	state.Projects = sorted(s.projects, func(p Project) string { return p.ID })
	for _, identity := range s.identities {
		state.Identities = append(state.Identities, *identity.clone())
	}
	slices.SortFunc(state.Identities, func(a, b Identity) int { return cmp.Compare(a.ID, b.ID) })
	state.Issuers = sorted(s.issuers, func(i Issuer) string { return i.URL })
	state.AWSKeys = sorted(s.awsKeys, func(k AWSKey) string { return k.AccessKeyID })
	state.Connections = sorted(s.connections, func(c Connection) string { return c.Name + "\n" + c.ID })
	state.Syncs = sorted(s.syncs, func(y Sync) string { return y.Name + "\n" + y.ID })
	state.DataSources = sorted(s.dataSources, func(d DataSource) string { return d.Name + "\n" + d.ID })
	return state
}

func sorted[T any](from map[string]*T, key func(T) string) []T {
	var all []T
	for _, one := range from {
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return all
}

// ActiveTokens is how many access tokens were issued and neither revoked nor
// expired: zero after every well-behaved command.
func (s *Server) ActiveTokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	active := 0
	for row := range maps.Values(s.tokens) {
		if !row.expired(s.now()) {
			active++
		}
	}
	return active
}

// Reset forgets all state and limits, and clears the
// injector's rules and calls.
func (s *Server) Reset() {
	s.mu.Lock()
	s.forget()
	s.mu.Unlock()
	s.Faults().Clear()
	s.Faults().ResetCalls()
}

func (s *Server) forget() {
	s.limits = Limits{}
	s.windows = map[string]*window{}
	s.organizations = map[string]*Organization{}
	s.projects = map[string]*Project{}
	s.identities = map[string]*Identity{}
	s.issuers = map[string]*Issuer{}
	s.awsKeys = map[string]*AWSKey{}
	s.connections = map[string]*Connection{}
	s.syncs = map[string]*Sync{}
	s.dataSources = map[string]*DataSource{}
	s.tokens = map[string]*tokenRow{}
	s.lockouts = map[string]*lockout{}
}
