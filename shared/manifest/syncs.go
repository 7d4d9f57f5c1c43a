package manifest

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Sync is the desired state of one secret sync to Bitbucket.
type Sync struct {
	Name        string
	ProjectID   string
	Description string
	// Environment is a slug, SecretPath a folder of it.
	Environment, SecretPath string
	// Connection is the name of an app connection of the sync's project, or with
	// OrganizationConnection of the organization.
	Connection             string
	OrganizationConnection bool
	// Workspace and Repository are slugs.
	Workspace, Repository string
	// DeploymentEnvironment is the UUID of one of the repository's, in braces, or its
	// slug; empty for the repository's own variables.
	DeploymentEnvironment string
	// KeySchema has {{secretKey}} once; empty for the secret's own name.
	KeySchema string
	// Deletion lets a run delete the target's variables that Infisical lacks.
	Deletion bool
	// Automatic runs the sync after each change.
	Automatic bool
	// Adopt permits taking over a sync of this name that linkersync did not make.
	Adopt    bool
	Position Position
}

// ConnectionProject is the project of the sync's connection; empty for the
// organization's.
func (s Sync) ConnectionProject() string {
	if s.OrganizationConnection {
		return ""
	}
	return s.ProjectID
}

const (
	scopeProject      = "project"
	scopeOrganization = "organization"
	// overwrite is the only initial behaviour that Infisical has for Bitbucket.
	overwrite = "overwrite-destination"
)

func (r *reader) syncs(node *yaml.Node) []Sync {
	elements, ok := r.list(node, "syncs")
	if !ok {
		return nil
	}
	if len(elements) > MaxSyncs {
		r.add(position(elements[MaxSyncs]), "syncs", "this is sync %d, and a manifest takes %d", MaxSyncs+1, MaxSyncs)
		elements = elements[:MaxSyncs]
	}
	syncs := make([]Sync, 0, len(elements))
	seen := map[[2]string]Position{}
	for i, element := range elements {
		sync := r.sync(element, fmt.Sprintf("syncs[%d]", i))
		id := [2]string{sync.ProjectID, sync.Name}
		if first, twice := seen[id]; twice && sync.Name != "" && sync.ProjectID != "" {
			r.add(sync.Position, fmt.Sprintf("syncs[%d].name", i),
				"%s of the same project is listed for the second time, first in line %d; remove one or rename it", named("sync", sync.Name), first.Line)
		} else {
			seen[id] = sync.Position
		}
		syncs = append(syncs, sync)
	}
	return syncs
}

func (r *reader) sync(node *yaml.Node, path string) Sync {
	sync := Sync{Position: position(node)}
	from, ok := r.mapping(node, path, []string{
		"name", "project_id", "description", "environment", "secret_path", "connection", "connection_scope", "workspace", "repository",
		"deployment_environment", "key_schema", "deletion", "initial_behavior", "automatic", "adopt",
	})
	if !ok {
		return sync
	}
	sync.Name = r.field(from, "name", true, checkSyncName)
	sync.ProjectID = r.field(from, "project_id", true, checkSyncProject)
	sync.Description = r.field(from, "description", false, checkDescription)
	sync.Environment = r.field(from, "environment", true, checkEnvironment)
	sync.SecretPath = r.field(from, "secret_path", true, checkSecretPath)
	sync.Connection = r.field(from, "connection", true, checkName)
	sync.OrganizationConnection = r.field(from, "connection_scope", false, oneOf(scopeProject, scopeOrganization)) == scopeOrganization
	sync.Workspace = r.field(from, "workspace", true, checkRepository)
	sync.Repository = r.field(from, "repository", true, checkRepository)
	sync.DeploymentEnvironment = r.field(from, "deployment_environment", false, checkDeployment)
	sync.KeySchema = r.field(from, "key_schema", false, checkKeySchema)
	sync.Deletion = r.boolean(from, "deletion")
	r.field(from, "initial_behavior", false, oneOf(overwrite))
	_, given := from.entries["automatic"]
	sync.Automatic = r.boolean(from, "automatic") || !given
	sync.Adopt = r.boolean(from, "adopt")
	return sync
}

// The forms of a sync's texts.
var (
	secretPathForm = form(`/|(/[\w.-]+)+`)
	repositoryForm = form(`\w[\w.-]*`)
	deploymentForm = form(`\{[0-9A-Fa-f-]{36}\}|[\w-]+`)
	keySchemaForm  = form(`([\w/-]|\{\{environment\}\})*\{\{secretKey\}\}([\w/-]|\{\{environment\}\})*`)
)

// checkSyncName is Infisical's rule: servers of 2025 take 32 or 64 characters.
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/bitbucket/create
func checkSyncName(name string) string {
	switch {
	case name == "":
		return "is empty; name the sync"
	case len(name) > MaxSyncNameLength:
		return fmt.Sprintf("has %d characters; at most %d are allowed", len(name), MaxSyncNameLength)
	case !nameForm().MatchString(name):
		return "is not a slug; only lower case letters (a-z), digits and single dashes between them are allowed"
	}
	return ""
}

func checkSyncProject(id string) string {
	if id == "" {
		return "is empty; write the ID of the sync's project"
	}
	return checkProjectID(id)
}

func checkEnvironment(slug string) string {
	if len(slug) > MaxNameLength || !valueForm().MatchString(slug) {
		return "is not the slug of an environment; copy it from the project's settings"
	}
	return ""
}

func checkSecretPath(path string) string {
	if len(path) > MaxReferenceLength || !secretPathForm().MatchString(path) {
		return "is not a folder's path; write / or one like /team/app, without a / at the end"
	}
	return ""
}

func checkRepository(slug string) string {
	if len(slug) > MaxKeyLength || !repositoryForm().MatchString(slug) {
		return "is not a slug; copy it from the address https://bitbucket.org/WORKSPACE/REPOSITORY"
	}
	return ""
}

func checkDeployment(id string) string {
	if len(id) > MaxNameLength || !deploymentForm().MatchString(id) {
		return "is not a deployment environment; write its UUID in braces, in quotes"
	}
	return ""
}

func checkKeySchema(schema string) string {
	if len(schema) > MaxKeySchemaLength || !keySchemaForm().MatchString(schema) {
		return fmt.Sprintf("is not a key schema; it has {{secretKey}} once, and may have {{environment}}, letters, digits, _, - and /, up to %d characters", MaxKeySchemaLength)
	}
	return ""
}

// oneOf is for a text that is one of a few words.
func oneOf(words ...string) rule {
	return func(text string) string {
		for _, word := range words {
			if text == word {
				return ""
			}
		}
		return "must be " + strings.Join(words, " or ")
	}
}
