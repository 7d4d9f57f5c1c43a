package infisical

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Sync is a secret sync to Bitbucket: it pushes secrets to a repository through a
// connection.
type Sync struct {
	SyncSettings

	ID        string
	ProjectID string
	// ConnectionName is for people; the ID counts.
	ConnectionName string
	// Status is pending, running, succeeded, failed, or empty before the first run. A
	// later server may have others.
	Status string
	// Message is why the last run failed: Bitbucket's text, shortened, on one line.
	Message string
	// SyncedAt is the end of the last run that succeeded; zero when none did.
	SyncedAt time.Time
	// RemoveStatus is that of the last removal of the variables, as Status, and
	// RemoveMessage why it failed.
	RemoveStatus, RemoveMessage string
}

// Over tells whether no run is under way.
func (s Sync) Over() bool { return s.Status != "pending" && s.Status != "running" }

// Failed tells whether the last run failed.
func (s Sync) Failed() bool { return s.Status == "failed" }

// Project is a project that the identity is in.
type Project struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// DataSource is what secret scanning looks at through a connection.
type DataSource struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	ProjectID    string `json:"projectId"`
	ConnectionID string `json:"connectionId"`
}

// Scan is one scan of a data source.
type Scan struct {
	// Status is queued, scanning, completed or failed.
	Status string
	// Message is why the scan failed, shortened, on one line.
	Message   string
	CreatedAt time.Time
}

// The types of projects that use connections.
const (
	SecretManager  = "secret-manager"
	SecretScanning = "secret-scanning"
)

type syncAnswer struct {
	SecretSync wireSync `json:"secretSync"`
}

func (a *syncAnswer) complete() bool { return a.SecretSync.ID != "" }

type syncsAnswer struct {
	SecretSyncs *[]wireSync `json:"secretSyncs"`
}

func (a *syncsAnswer) complete() bool { return a.SecretSyncs != nil }

type projectsAnswer struct {
	Projects *[]Project `json:"projects"`
}

func (a *projectsAnswer) complete() bool { return a.Projects != nil }

type dataSourcesAnswer struct {
	DataSources *[]DataSource `json:"dataSources"`
}

func (a *dataSourcesAnswer) complete() bool { return a.DataSources != nil }

type scansAnswer struct {
	Scans *[]struct {
		Status        string `json:"status"`
		StatusMessage string `json:"statusMessage"`
		CreatedAt     string `json:"createdAt"`
	} `json:"scans"`
}

func (a *scansAnswer) complete() bool { return a.Scans != nil }

// Projects lists the projects of a type that the identity is in. Others may exist.
// Source: https://infisical.com/docs/api-reference/endpoints/workspaces/get-workspaces
func (c *Client) Projects(ctx context.Context, projectType string) ([]Project, error) {
	var got projectsAnswer
	query := url.Values{"type": {projectType}}
	if err := c.do(ctx, request{method: http.MethodGet, path: []string{"projects"}, query: query}, &got); err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	return *got.Projects, nil
}

// Syncs lists the Bitbucket syncs of a project that the identity may read; the server
// leaves the others out. It can't list them by connection. Errors: [ErrProjectType],
// [ErrPermission], [ErrUnknownProject], [ErrUnsupported].
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/bitbucket/list
func (c *Client) Syncs(ctx context.Context, projectID string) ([]Sync, error) {
	query, err := scope(projectID)
	if err != nil {
		return nil, err
	}
	var got syncsAnswer
	if err := c.do(ctx, request{method: http.MethodGet, path: secretSyncs(), query: query}, &got); err != nil {
		return nil, fmt.Errorf("list secret syncs of project %s: %w", projectID, err)
	}
	listed := make([]Sync, len(*got.SecretSyncs))
	for i, one := range *got.SecretSyncs {
		listed[i] = one.sync()
	}
	return listed, nil
}

// Sync gets one by its ID. Errors: [ErrNotFound], [ErrPermission].
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/bitbucket/get-by-id
func (c *Client) Sync(ctx context.Context, id string) (Sync, error) {
	return c.oneSync(ctx, "get", request{method: http.MethodGet, path: secretSyncs(id)}, id)
}

// RunSync queues a run, which takes minutes; the answer's status is pending. Errors:
// [ErrBusy] when one is queued already, [ErrInvalid] when the sync's folder is gone.
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/bitbucket/sync-secrets
func (c *Client) RunSync(ctx context.Context, id string) (Sync, error) {
	return c.oneSync(ctx, "run", request{method: http.MethodPost, path: secretSyncs(id, "sync-secrets")}, id)
}

func (c *Client) oneSync(ctx context.Context, verb string, r request, id string) (Sync, error) {
	if problem := checkID(id); problem != "" {
		return Sync{}, &InputError{What: "secret sync ID", Issues: []Issue{{Message: problem}}}
	}
	return c.sendSync(ctx, verb, id, r)
}

// DataSources lists the Bitbucket data sources of a project. Errors: [ErrPlan] without
// the Enterprise plan, and those of [Client.Syncs].
// Source: https://infisical.com/docs/api-reference/endpoints/secret-scanning/data-sources/bitbucket/list
func (c *Client) DataSources(ctx context.Context, projectID string) ([]DataSource, error) {
	query, err := scope(projectID)
	if err != nil {
		return nil, err
	}
	var got dataSourcesAnswer
	if err := c.do(ctx, request{method: http.MethodGet, version: "v2", path: dataSources(), query: query}, &got); err != nil {
		return nil, fmt.Errorf("list data sources of project %s: %w", projectID, err)
	}
	return *got.DataSources, nil
}

// NewestScan returns the newest scan of a data source, and whether there was one.
// Source: https://infisical.com/docs/api-reference/endpoints/secret-scanning/data-sources/bitbucket/list-scans
func (c *Client) NewestScan(ctx context.Context, dataSourceID string) (newest Scan, found bool, err error) {
	if problem := checkID(dataSourceID); problem != "" {
		return Scan{}, false, &InputError{What: "data source ID", Issues: []Issue{{Message: problem}}}
	}
	var got scansAnswer
	if err := c.do(ctx, request{method: http.MethodGet, version: "v2", path: dataSources(dataSourceID, "scans")}, &got); err != nil {
		return Scan{}, false, fmt.Errorf("list scans of data source %s: %w", dataSourceID, err)
	}
	for _, scan := range *got.Scans {
		if at := date(scan.CreatedAt); !found || at.After(newest.CreatedAt) {
			newest, found = Scan{Status: clean(scan.Status, maxShort), Message: clean(scan.StatusMessage, maxMessage), CreatedAt: at}, true
		}
	}
	return newest, found, nil
}

func secretSyncs(elements ...string) []string {
	return append([]string{"secret-syncs", "bitbucket"}, elements...)
}

func dataSources(elements ...string) []string {
	return append([]string{"secret-scanning", "data-sources", "bitbucket"}, elements...)
}
