package infisical

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/linkersync/linkersync/shared/redact"
)

// Options lists the apps that the server has connections for, for a project type
// such as "secret-manager", or all when it is empty.
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/options
func (c *Client) Options(ctx context.Context, projectType string) ([]AppOption, error) {
	query := url.Values{}
	if projectType != "" {
		if problem := checkSlug(projectType); problem != "" {
			return nil, &InputError{What: "project type", Issues: []Issue{{Message: problem}}}
		}
		query.Set("projectType", projectType)
	}
	var got optionsAnswer
	err := c.do(ctx, request{method: http.MethodGet, path: appConnections("options"), query: query}, &got)
	if err != nil {
		return nil, fmt.Errorf("list app connection options: %w", err)
	}
	return *got.Options, nil
}

// Connections lists the Bitbucket connections of a project, or, without one,
// every one in the organisation and its projects that the identity may read:
// look at ProjectID. They are sorted by name.
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket/list
func (c *Client) Connections(ctx context.Context, projectID string) ([]Connection, error) {
	listed, err := c.list(ctx, appConnections("bitbucket"), projectID)
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	return listed, nil
}

// Available lists the connections that the identity may use: the organisation's
// and, with a project, that one's. Only their ID, name and scope are filled in.
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket/available
func (c *Client) Available(ctx context.Context, projectID string) ([]Connection, error) {
	listed, err := c.list(ctx, appConnections("bitbucket", "available"), projectID)
	if err != nil {
		return nil, fmt.Errorf("list available connections: %w", err)
	}
	return listed, nil
}

func (c *Client) list(ctx context.Context, path []string, projectID string) ([]Connection, error) {
	query, err := scope(projectID)
	if err != nil {
		return nil, err
	}
	var got connectionsAnswer
	if err := c.do(ctx, request{method: http.MethodGet, path: path, query: query}, &got); err != nil {
		return nil, err
	}
	listed := make([]Connection, len(*got.AppConnections))
	for i, one := range *got.AppConnections {
		listed[i] = one.connection()
	}
	return listed, nil
}

// Connection gets one by its ID. Errors: [ErrNotFound], [ErrWrongApp].
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket/get-by-id
func (c *Client) Connection(ctx context.Context, id string) (Connection, error) {
	if problem := checkID(id); problem != "" {
		return Connection{}, &InputError{What: "connection ID", Issues: []Issue{{Message: problem}}}
	}
	var got connectionAnswer
	if err := c.do(ctx, request{method: http.MethodGet, path: appConnections("bitbucket", id)}, &got); err != nil {
		return Connection{}, fmt.Errorf("get connection %s: %w", id, err)
	}
	return got.AppConnection.connection(), nil
}

// ConnectionByName gets one of a project, or, without a project, one of the
// organisation's own. Errors: [ErrNotFound], [ErrWrongApp].
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket/get-by-name
func (c *Client) ConnectionByName(ctx context.Context, name, projectID string) (Connection, error) {
	if problem := checkSlug(name); problem != "" {
		return Connection{}, &InputError{What: "connection name", Issues: []Issue{{Message: problem}}}
	}
	query, err := scope(projectID)
	if err != nil {
		return Connection{}, err
	}
	var got connectionAnswer
	path := appConnections("bitbucket", "connection-name", name)
	if err := c.do(ctx, request{method: http.MethodGet, path: path, query: query}, &got); err != nil {
		return Connection{}, fmt.Errorf("get connection %q: %w", name, err)
	}
	return got.AppConnection.connection(), nil
}

// Create makes a connection. Infisical tries the credentials at Bitbucket first:
// a wrong token is reported before a taken name. Errors: [ErrBadCredentials],
// [ErrBitbucketUnavailable], [ErrUnknownProject], [ErrPermission], and
// [NameTakenError] with the holder of the name.
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket/create
func (c *Client) Create(ctx context.Context, n NewConnection) (Connection, error) {
	if err := ValidateConnection(n); err != nil {
		return Connection{}, err
	}
	var got connectionAnswer
	err := c.do(ctx, request{
		method:  http.MethodPost,
		path:    appConnections("bitbucket"),
		body:    newConnectionBody(n),
		secrets: n.Credentials.secrets(),
	}, &got)
	if errors.Is(err, ErrNameTaken) {
		err = c.nameTaken(ctx, n.Name, n.ProjectID, err)
	}
	if err != nil {
		return Connection{}, fmt.Errorf("create connection %q: %w", n.Name, err)
	}
	return got.AppConnection.connection(), nil
}

// Update changes the fields that are set. Infisical tries credentials at
// Bitbucket before it stores them. Errors: those of [Client.Create] and
// [ErrNotFound]. The ID has to be a Bitbucket connection's: some servers don't
// check that.
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket/update
func (c *Client) Update(ctx context.Context, id string, change ConnectionChange) (Connection, error) {
	if err := validateChange(id, change); err != nil {
		return Connection{}, err
	}
	var secrets []redact.Secret
	if change.Credentials != nil {
		secrets = change.Credentials.secrets()
	}
	var got connectionAnswer
	err := c.do(ctx, request{
		method:  http.MethodPatch,
		path:    appConnections("bitbucket", id),
		body:    connectionChangeBody(change),
		secrets: secrets,
	}, &got)
	if errors.Is(err, ErrNameTaken) && change.Name != nil {
		err = c.renameTaken(ctx, id, *change.Name, err)
	}
	if err != nil {
		return Connection{}, fmt.Errorf("update connection %s: %w", id, err)
	}
	return got.AppConnection.connection(), nil
}

// Delete deletes a connection. Errors: [ErrNotFound], [ErrInUse], [ErrWrongApp].
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket/delete
func (c *Client) Delete(ctx context.Context, id string) error {
	if problem := checkID(id); problem != "" {
		return &InputError{What: "connection ID", Issues: []Issue{{Message: problem}}}
	}
	var got connectionAnswer
	if err := c.do(ctx, request{method: http.MethodDelete, path: appConnections("bitbucket", id)}, &got); err != nil {
		return fmt.Errorf("delete connection %s: %w", id, err)
	}
	return nil
}

func appConnections(elements ...string) []string {
	return append([]string{"app-connections"}, elements...)
}

// scope is the query that selects a project.
func scope(projectID string) (url.Values, error) {
	if problem := checkProjectID(projectID); problem != "" {
		return nil, &InputError{What: "project ID", Issues: []Issue{{Message: problem}}}
	}
	if projectID == "" {
		return nil, nil
	}
	return url.Values{"projectId": {projectID}}, nil
}
