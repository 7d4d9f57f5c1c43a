package infisical

// overwrite is the only initial behaviour that Infisical has for Bitbucket: variables
// can't be read back.
const overwrite = "overwrite-destination"

// syncBody is what a create and an update send. Nothing of it is left out when it is
// false or empty, because the server would keep what it has; isAutoSyncEnabled is true
// where it is missing.
type syncBody struct {
	Name              string          `json:"name"`
	Description       string          `json:"description"`
	ProjectID         string          `json:"projectId,omitempty"`
	ConnectionID      string          `json:"connectionId"`
	Environment       string          `json:"environment"`
	SecretPath        string          `json:"secretPath"`
	IsAutoSyncEnabled bool            `json:"isAutoSyncEnabled"`
	SyncOptions       wireSyncOptions `json:"syncOptions"`
	DestinationConfig wireDestination `json:"destinationConfig"`
}

type wireSyncOptions struct {
	InitialSyncBehavior   string `json:"initialSyncBehavior"`
	KeySchema             string `json:"keySchema,omitempty"`
	DisableSecretDeletion bool   `json:"disableSecretDeletion"`
	Recursive             bool   `json:"recursive,omitempty"`
}

type wireDestination struct {
	WorkspaceSlug  string `json:"workspaceSlug"`
	RepositorySlug string `json:"repositorySlug"`
	EnvironmentID  string `json:"environmentId,omitempty"`
}

func (s SyncSettings) body(projectID string) syncBody {
	return syncBody{
		Name: s.Name, Description: s.Description, ProjectID: projectID, ConnectionID: s.ConnectionID,
		Environment: s.Environment, SecretPath: s.SecretPath, IsAutoSyncEnabled: s.Automatic,
		SyncOptions:       wireSyncOptions{overwrite, s.KeySchema, !s.Deletion, s.Recursive},
		DestinationConfig: s.wire(),
	}
}

func (t Target) wire() wireDestination {
	return wireDestination{t.Workspace, t.Repository, t.DeploymentEnvironment}
}

// wireSync is a sync in an answer. Only the ID is relied on.
type wireSync struct {
	ID                string `json:"id"`
	Name              string `json:"name"`
	Description       string `json:"description"`
	ProjectID         string `json:"projectId"`
	ConnectionID      string `json:"connectionId"`
	IsAutoSyncEnabled bool   `json:"isAutoSyncEnabled"`
	// Environment and Folder are null once the folder was deleted.
	Environment struct {
		Slug string `json:"slug"`
	} `json:"environment"`
	Folder struct {
		Path string `json:"path"`
	} `json:"folder"`
	Connection struct {
		Name string `json:"name"`
	} `json:"connection"`
	SyncOptions       wireSyncOptions `json:"syncOptions"`
	DestinationConfig wireDestination `json:"destinationConfig"`
	SyncStatus        string          `json:"syncStatus"`
	LastSyncMessage   string          `json:"lastSyncMessage"`
	LastSyncedAt      string          `json:"lastSyncedAt"`
	RemoveStatus      string          `json:"removeStatus"`
	LastRemoveMessage string          `json:"lastRemoveMessage"`
}

func (w wireSync) sync() Sync {
	return Sync{
		SyncSettings: SyncSettings{
			Name: w.Name, Description: w.Description, ConnectionID: w.ConnectionID,
			Environment: w.Environment.Slug, SecretPath: w.Folder.Path, Automatic: w.IsAutoSyncEnabled,
			KeySchema: w.SyncOptions.KeySchema, Deletion: !w.SyncOptions.DisableSecretDeletion, Recursive: w.SyncOptions.Recursive,
			Target: Target{w.DestinationConfig.WorkspaceSlug, w.DestinationConfig.RepositorySlug, w.DestinationConfig.EnvironmentID},
		},
		ID: w.ID, ProjectID: w.ProjectID, ConnectionName: w.Connection.Name,
		Status: clean(w.SyncStatus, maxShort), Message: clean(w.LastSyncMessage, maxMessage), SyncedAt: date(w.LastSyncedAt),
		RemoveStatus: clean(w.RemoveStatus, maxShort), RemoveMessage: clean(w.LastRemoveMessage, maxMessage),
	}
}

type destinationBody struct {
	ProjectID         string          `json:"projectId"`
	ExcludeSyncID     string          `json:"excludeSyncId,omitempty"`
	DestinationConfig wireDestination `json:"destinationConfig"`
}

// destinationAnswer's text is not relied on; the server answers false to any error.
type destinationAnswer struct {
	HasDuplicate       *bool  `json:"hasDuplicate"`
	DuplicateProjectID string `json:"duplicateProjectId"`
}

func (a *destinationAnswer) complete() bool { return a.HasDuplicate != nil }

type syncOptionsAnswer struct {
	Options *[]SyncOption `json:"secretSyncOptions"`
}

func (a *syncOptionsAnswer) complete() bool { return a.Options != nil }
