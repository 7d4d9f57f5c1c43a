package infisical

import (
	"regexp"
	"slices"
	"strings"
)

// The app and the only method of the connections that can be written here.
const (
	bitbucketApp = "bitbucket"
	apiToken     = "api-token"
)

const textNotSupported = "Not supported for Bitbucket Connections"

var (
	slugPattern  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	uuidPattern  = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	emailPattern = regexp.MustCompile(`^(?i)[A-Z0-9_'+\-.]*[A-Z0-9_+-]@([A-Z0-9][A-Z0-9\-]*\.)+[A-Z]{2,}$`)
)

// reader takes fields out of a body and collects what is wrong with them.
type reader struct{ issues []issue }

// object reads an object; nil after a problem.
func (in *reader) object(value any, path ...string) map[string]any {
	fields, ok := value.(map[string]any)
	if !ok {
		in.issues = append(in.issues, wrongType("object", value, append([]string{}, path...)))
	}
	return fields
}

// field returns the value of a field, or absent.
func field(fields map[string]any, name string) any {
	if value, there := fields[name]; there {
		return value
	}
	return absent{}
}

// text reads a required string, trimmed.
func (in *reader) text(fields map[string]any, path ...string) (string, bool) {
	value := field(fields, path[len(path)-1])
	text, ok := value.(string)
	if !ok {
		in.issues = append(in.issues, wrongType("string", value, path))
	}
	return strings.TrimSpace(text), ok
}

// name reads a slug of 1 to 64 characters. Whether it is a slug is checked even
// when its length is wrong.
func (in *reader) name(fields map[string]any) string {
	path := []string{"name"}
	name, ok := in.text(fields, path...)
	if !ok {
		return ""
	}
	if length(name) < 1 {
		in.issues = append(in.issues, tooSmall("name field must be at least 1 lowercase character", path))
	}
	if length(name) > 64 {
		in.issues = append(in.issues, tooBig(64, "name field must be at most 64 lowercase characters", path))
	}
	if name != "" && !slugPattern.MatchString(name) {
		in.issues = append(in.issues, issue{
			Code: "custom", Message: "name field can only contain lowercase letters, numbers, and hyphens", Path: path,
		})
	}
	return name
}

// description reads a text of at most 256 characters, null, or nothing.
func (in *reader) description(fields map[string]any) *string {
	switch field(fields, "description").(type) {
	case absent, nil:
		return nil
	}
	path := []string{"description"}
	text, ok := in.text(fields, path...)
	if ok && length(text) > 256 {
		in.issues = append(in.issues, tooBig(256, "Description cannot exceed 256 characters", path))
	}
	return &text
}

// credentials reads both fields, which are always required together.
func (in *reader) credentials(value any) *credentials {
	fields := in.object(value, "credentials")
	if fields == nil {
		return nil
	}
	var c credentials
	path := []string{"credentials", "apiToken"}
	if text, ok := in.text(fields, path...); ok {
		c.apiToken = text
		in.limits(text, "API Token required", path)
	}
	path = []string{"credentials", "email"}
	if text, ok := in.text(fields, path...); ok {
		c.email = text
		// Before trimming: spaces around an address are refused, not removed.
		if raw, _ := fields["email"].(string); !validEmail(raw) {
			in.issues = append(in.issues, invalidString("email", "Invalid email", path))
		}
		in.limits(text, "Email required", path)
	}
	return &c
}

func (in *reader) limits(text, required string, path []string) {
	if length(text) < 1 {
		in.issues = append(in.issues, tooSmall(required, path))
	}
	if length(text) > 255 {
		in.issues = append(in.issues, tooBig(255, "String must contain at most 255 character(s)", path))
	}
}

func validEmail(text string) bool {
	return emailPattern.MatchString(text) && !strings.HasPrefix(text, ".") && !strings.Contains(text, "..")
}

// unsupported refuses what only other apps' connections can have: true where only
// false is allowed, and a value where only null is.
func (in *reader) unsupported(fields map[string]any, switches, references []string) {
	for _, name := range switches {
		value := field(fields, name)
		if _, missing := value.(absent); !missing && value != false {
			in.issues = append(in.issues, issue{
				Code: "invalid_literal", Expected: false, Received: value, Message: textNotSupported, Path: []string{name},
			})
		}
	}
	for _, name := range references {
		value := field(fields, name)
		if _, missing := value.(absent); missing || value == nil {
			continue
		}
		i := issue{Code: "invalid_union", Message: "Invalid input", Path: []string{name}}
		for _, expected := range []string{"undefined", "null"} {
			branch := wrongType(expected, value, i.Path)
			branch.Message = textNotSupported
			i.UnionErrors = append(i.UnionErrors, union{Issues: []issue{branch}, Name: "ZodError"})
		}
		in.issues = append(in.issues, i)
	}
}

// optionalText reads a string that may be missing, but not null.
func (in *reader) optionalText(fields map[string]any, name string) string {
	if _, missing := field(fields, name).(absent); missing {
		return ""
	}
	text, _ := in.text(fields, name)
	return text
}

type credentials struct{ email, apiToken string }

// creation is the body of a create.
type creation struct {
	name, projectID string
	description     *string
	credentials     credentials
}

// parseCreation checks the two halves of the schema in their order: method and
// credentials, then what all apps have in common. Unknown fields are ignored.
func parseCreation(body any) (creation, []issue) {
	var in reader
	fields := in.object(body)
	if fields == nil {
		return creation{}, slices.Repeat(in.issues, 2) // once for each half
	}
	var c creation
	if fields["method"] != apiToken {
		in.issues = append(in.issues, issue{
			Code: "invalid_union_discriminator", Options: []string{apiToken},
			Message: "Invalid discriminator value. Expected 'api-token'", Path: []string{"method"},
		})
	} else if read := in.credentials(field(fields, "credentials")); read != nil {
		c.credentials = *read
	}
	c.name = in.name(fields)
	c.description = in.description(fields)
	in.optionalText(fields, "projectId")
	c.projectID, _ = fields["projectId"].(string) // not trimmed
	in.unsupported(fields,
		[]string{"isPlatformManagedCredentials", "isAutoRotationEnabled"}, []string{"gatewayId", "gatewayPoolId", "rotation"})
	return c, in.issues
}

// change is the body of an update: nil fields stay as they are.
type change struct {
	name        *string
	description *string
	// clear says that the description was sent as null.
	clear       bool
	credentials *credentials
}

func parseChange(body any) (change, []issue) {
	var in reader
	fields := in.object(body)
	if fields == nil {
		return change{}, slices.Repeat(in.issues, 2) // as above
	}
	var c change
	if value, there := fields["credentials"]; there {
		c.credentials = in.credentials(value)
	}
	if _, there := fields["name"]; there {
		c.name = new(in.name(fields))
	}
	c.description = in.description(fields)
	value, there := fields["description"]
	c.clear = there && value == nil
	in.unsupported(fields, []string{"isPlatformManagedCredentials"}, []string{"gatewayId", "gatewayPoolId"})
	return c, in.issues
}
