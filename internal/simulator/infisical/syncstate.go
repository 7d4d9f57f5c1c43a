package infisical

import (
	"cmp"
	"fmt"
	"time"
)

// Sync is a secret sync to Bitbucket.
type Sync struct {
	ID          string
	Name        string
	Description *string
	ProjectID   string
	// ConnectionID is the app connection's whose credentials a run uses.
	ConnectionID string
	// Environment is a slug of the project's, SecretPath a folder in it.
	Environment, SecretPath string
	AutoSync                bool
	Options                 SyncOptions
	Destination             Destination

	// Status and RemoveStatus are pending, running, succeeded, failed or, before the
	// first run, empty.
	Status, Message, JobID      string
	RemoveStatus, RemoveMessage string
	// SyncedAt is the end of the last run that succeeded.
	SyncedAt, CreatedAt, UpdatedAt time.Time

	// queued: a run is not over, and ends at due. With removing it takes the
	// variables away, and with vanish the row after them.
	queued, removing, vanish bool
	due                      time.Time
}

// SyncOptions are replaced whole by an update.
type SyncOptions struct {
	KeySchema             string
	DisableSecretDeletion bool
	// Recursive is of servers of 2026.
	Recursive bool
}

// Destination is where the secrets go; it is replaced whole by an update.
type Destination struct {
	Workspace, Repository string
	// Environment is a deployment environment's UUID; empty means the repository.
	Environment string
}

// DataSource is a secret scanning data source for Bitbucket.
type DataSource struct {
	ID, Name, ProjectID, ConnectionID string
	Workspace                         string
	Repositories                      []string
	// Scans are in any order.
	Scans []Scan
}

// Scan is one scan of a data source.
type Scan struct {
	ID        string
	Status    string
	Message   string
	CreatedAt time.Time
}

func (s *Server) seedSync(y Sync) error {
	if s.projects[y.ProjectID] == nil || s.connections[y.ConnectionID] == nil {
		return fmt.Errorf("seed sync %s: unknown project %q or connection %q", y.Name, y.ProjectID, y.ConnectionID)
	}
	y.ID = cmp.Or(y.ID, newUUID())
	if y.CreatedAt.IsZero() {
		y.CreatedAt, y.UpdatedAt = s.now(), s.now()
	}
	s.syncs[y.ID] = &y
	return nil
}

func (s *Server) seedDataSource(d DataSource) error {
	if s.projects[d.ProjectID] == nil || s.connections[d.ConnectionID] == nil {
		return fmt.Errorf("seed data source %s: unknown project %q or connection %q", d.Name, d.ProjectID, d.ConnectionID)
	}
	d.ID = cmp.Or(d.ID, newUUID())
	s.dataSources[d.ID] = &d
	return nil
}

// used tells whether a sync or a data source hangs on the connection.
func (s *Server) used(connectionID string) bool {
	for _, y := range s.syncs {
		if y.ConnectionID == connectionID {
			return true
		}
	}
	for _, d := range s.dataSources {
		if d.ConnectionID == connectionID {
			return true
		}
	}
	return false
}
