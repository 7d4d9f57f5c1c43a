package infisical

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// SyncSettings are what a create and an update write. An update writes all of them: the
// server replaces options and target whole, and an absent one is taken away.
type SyncSettings struct {
	// Name is a slug of 1 to 256 characters; servers of 2025 take 32 or 64.
	Name string
	// Description has at most [MaxDescription] characters.
	Description  string
	ConnectionID string
	// Environment is a slug of the project's, SecretPath a folder there that exists. Both
	// are empty in an answer after the folder was deleted.
	Environment, SecretPath string
	// Automatic runs the sync after every change of a secret and of the sync itself.
	Automatic bool
	// KeySchema makes a variable's name of a secret's; empty for the same name. It has
	// {{secretKey}} once, and may have {{environment}}.
	KeySchema string
	// Deletion lets a run delete the target's variables that Infisical lacks: with a key
	// schema those that match it, without one all.
	Deletion bool
	// Recursive takes the folders below SecretPath, too. Older servers don't know it.
	Recursive bool
	Target
}

// Target is where a sync's variables go.
type Target struct {
	// Workspace and Repository are slugs.
	Workspace, Repository string
	// DeploymentEnvironment is the UUID of one of the repository's, in braces; empty for
	// the repository's own variables.
	DeploymentEnvironment string
}

// SyncOption is a kind of destination that a server has syncs for.
type SyncOption struct {
	Name        string `json:"name"`
	Destination string `json:"destination"`
}

// SyncOptions lists the destinations that the server has syncs for; "bitbucket" is one
// of them since July 2025.
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/options
func (c *Client) SyncOptions(ctx context.Context) ([]SyncOption, error) {
	var got syncOptionsAnswer
	if err := c.do(ctx, request{method: http.MethodGet, path: []string{"secret-syncs", "options"}}, &got); err != nil {
		return nil, fmt.Errorf("list secret sync options: %w", err)
	}
	return *got.Options, nil
}

// SyncByName gets one of a project. Errors: [ErrNotFound], [ErrPermission], and
// [ErrWrongApp] for the name of another destination's sync.
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/bitbucket/get-by-name
func (c *Client) SyncByName(ctx context.Context, name, projectID string) (Sync, error) {
	query, err := scope(projectID)
	if err == nil && !isSlug(name) {
		err = &InputError{What: "secret sync name", Issues: []Issue{{Message: checkSlug(name)}}}
	}
	if err != nil {
		return Sync{}, err
	}
	return c.sendSync(ctx, "get", name, request{method: http.MethodGet, path: secretSyncs("sync-name", name), query: query})
}

// CreateSync makes a sync. An automatic one runs at once. Infisical asks Bitbucket
// nothing: an unknown repository shows only in a run. Errors: [ErrNameTaken],
// [ErrUnknownFolder], [ErrDuplicateTarget], [ErrNotFound] and [ErrWrongApp] for the
// connection, [ErrPermission], [ErrPlan], [ErrProjectType].
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/bitbucket/create
func (c *Client) CreateSync(ctx context.Context, projectID string, s SyncSettings) (Sync, error) {
	if err := validateSync("projectId", checkPlain(projectID)+checkProjectID(projectID), s); err != nil {
		return Sync{}, err
	}
	return c.sendSync(ctx, "create", s.Name, request{method: http.MethodPost, path: secretSyncs(), body: s.body(projectID)})
}

// UpdateSync writes all settings. It queues a run when the sync is automatic then.
// Errors: those of [Client.CreateSync], and [ErrNotFound] for the sync.
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/bitbucket/update
func (c *Client) UpdateSync(ctx context.Context, id string, s SyncSettings) (Sync, error) {
	if err := validateSync("id", checkID(id), s); err != nil {
		return Sync{}, err
	}
	return c.sendSync(ctx, "update", id, request{method: http.MethodPatch, path: secretSyncs(id), body: s.body("")})
}

// DeleteSync deletes a sync at once and leaves the variables in Bitbucket. With
// removeVariables it queues a run that deletes the variables that Infisical still has
// secrets for: the sync goes after that run succeeded, and stays with RemoveStatus
// failed otherwise. Errors: [ErrNotFound], [ErrPermission]; with removeVariables
// [ErrBusy], and [ErrInvalid] when the folder is gone.
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/bitbucket/delete
func (c *Client) DeleteSync(ctx context.Context, id string, removeVariables bool) error {
	r := request{method: http.MethodDelete, path: secretSyncs(id)}
	if removeVariables {
		r.query = url.Values{"removeSecrets": {"true"}}
	}
	_, err := c.oneSync(ctx, "delete", r, id)
	return err
}

// CheckDestination tells whether another sync of the organization has the target, and in
// which project. except is the ID of a sync that doesn't count, or empty. The server
// answers false when it can't tell, so false proves nothing.
// Source: https://github.com/Infisical/infisical/blob/main/backend/src/services/secret-sync/secret-sync-service.ts
func (c *Client) CheckDestination(ctx context.Context, projectID, except string, to Target) (projectWith string, found bool, err error) {
	var got destinationAnswer
	body := destinationBody{ProjectID: projectID, ExcludeSyncID: except, DestinationConfig: to.wire()}
	err = c.do(ctx, request{method: http.MethodPost, path: secretSyncs("check-destination"), body: body}, &got)
	if err != nil {
		return "", false, fmt.Errorf("check target %s/%s: %w", to.Workspace, to.Repository, err)
	}
	return got.DuplicateProjectID, *got.HasDuplicate, nil
}

func (c *Client) sendSync(ctx context.Context, verb, which string, r request) (Sync, error) {
	var got syncAnswer
	if err := c.do(ctx, r, &got); err != nil {
		return Sync{}, fmt.Errorf("%s secret sync %s: %w", verb, which, err)
	}
	return got.SecretSync.sync(), nil
}

const (
	maxSyncName   = 256
	maxKeySchema  = 255
	placeholder   = "{{secretKey}}"
	keySchemaRule = "needs {{secretKey}} once, and may have {{environment}}, a-z, A-Z, 0-9, _, - and /"
)

// validateSync applies Infisical's rules, and refuses an empty target, which Infisical
// takes and every run fails with.
func validateSync(idPath, idProblem string, s SyncSettings) error {
	issues := appendIssue(nil, idPath, idProblem)
	if !isSlug(s.Name) || len(s.Name) > maxSyncName {
		issues = append(issues, Issue{"name", fmt.Sprintf("%s is not a slug of at most %d characters", quote(s.Name), maxSyncName)})
	}
	issues = appendIssue(issues, "description", checkDescription(s.Description))
	issues = appendIssue(issues, "connectionId", checkID(s.ConnectionID))
	issues = appendIssue(issues, "environment", checkPlain(s.Environment))
	issues = appendIssue(issues, "secretPath", checkPlain(s.SecretPath))
	issues = appendIssue(issues, "destinationConfig.workspaceSlug", checkPlain(s.Workspace))
	issues = appendIssue(issues, "destinationConfig.repositorySlug", checkPlain(s.Repository))
	if s.KeySchema != "" && !isKeySchema(s.KeySchema) {
		issues = append(issues, Issue{"syncOptions.keySchema", quote(s.KeySchema) + " " + keySchemaRule})
	}
	if len(issues) > 0 {
		return &InputError{What: "secret sync", Issues: issues}
	}
	return nil
}

func isKeySchema(schema string) bool {
	rest := strings.ReplaceAll(strings.Replace(schema, placeholder, "", 1), "{{environment}}", "")
	return len(schema) <= maxKeySchema && strings.Contains(schema, placeholder) &&
		!strings.ContainsFunc(rest, func(char rune) bool { return !isAlnum(char) && !strings.ContainsRune("_-/", char) })
}
