package infisical

import (
	"regexp"
	"strings"
)

const maxSyncName = 256

var keySchemaPattern = regexp.MustCompile(`^(?:[A-Za-z0-9_/-]|\{\{secretKey\}\}|\{\{environment\}\})*$`)

// syncName reads a slug of 1 to 256 characters.
func (in *reader) syncName(fields map[string]any) string {
	path := []string{"name"}
	name, ok := in.text(fields, path...)
	switch {
	case !ok:
	case length(name) < 1:
		in.issues = append(in.issues, tooSmall("name field must be at least 1 lowercase character", path))
	case length(name) > maxSyncName:
		in.issues = append(in.issues, tooBig(maxSyncName, "name field must be at most 256 lowercase characters", path))
	case !slugPattern.MatchString(name):
		in.issues = append(in.issues, issue{
			Code: "custom", Message: "name field can only contain lowercase letters, numbers, and hyphens", Path: path,
		})
	}
	return name
}

// required reads a string that may not be empty.
func (in *reader) required(fields map[string]any, name string) string {
	text, ok := in.text(fields, name)
	if ok && text == "" {
		in.issues = append(in.issues, tooSmall("String must contain at least 1 character(s)", []string{name}))
	}
	return text
}

// syncOptions reads an object that always has initialSyncBehavior.
func (in *reader) syncOptions(fields map[string]any, create bool) *SyncOptions {
	value, sent := fields["syncOptions"]
	if !sent && !create {
		return nil
	}
	if !sent {
		value = absent{}
	}
	options := in.object(value, "syncOptions")
	if options == nil {
		return nil
	}
	if behavior := field(options, "initialSyncBehavior"); behavior != "overwrite-destination" {
		in.issues = append(in.issues, issue{
			Code: "invalid_enum_value", Options: []string{"overwrite-destination"}, Received: behavior,
			Message: "Invalid enum value. Expected 'overwrite-destination'", Path: []string{"syncOptions", "initialSyncBehavior"},
		})
	}
	read := SyncOptions{KeySchema: in.optionalText(options, "keySchema")}
	path := []string{"syncOptions", "keySchema"}
	switch {
	case read.KeySchema == "":
	case length(read.KeySchema) > 255:
		in.issues = append(in.issues, tooBig(255, "String must contain at most 255 character(s)", path))
	case !keySchemaPattern.MatchString(read.KeySchema) || !strings.Contains(read.KeySchema, "{{secretKey}}"):
		in.issues = append(in.issues, issue{
			Code: "custom", Message: "Key schema must include exactly one {{secretKey}} placeholder and only include alphanumeric characters, dashes, underscores and slashes", Path: path,
		})
	}
	for name, to := range map[string]*bool{"disableSecretDeletion": &read.DisableSecretDeletion, "recursive": &read.Recursive} {
		value, sent := options[name]
		on, ok := value.(bool)
		if sent && !ok {
			in.issues = append(in.issues, wrongType("boolean", value, []string{"syncOptions", name}))
		}
		*to = on
	}
	return &read
}

// destination reads an object whose texts may even be empty.
func (in *reader) destination(fields map[string]any, create bool) *Destination {
	value, sent := fields["destinationConfig"]
	if !sent && !create {
		return nil
	}
	if !sent {
		value = absent{}
	}
	config := in.object(value, "destinationConfig")
	if config == nil {
		return nil
	}
	var to Destination
	to.Workspace, _ = in.text(config, "workspaceSlug")
	to.Repository, _ = in.text(config, "repositorySlug")
	to.Environment = in.optionalText(config, "environmentId")
	return &to
}
