package connect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
)

// Descriptor describes the app to Bitbucket. Its fields are a view of the members that
// [Descriptor.Validate] checks and callers use; a change of a field changes no member.
// [ParseDescriptor] makes a Descriptor. It keeps every member as it was written, and
// the With methods replace members, so that nothing is lost on the way to Bitbucket.
// Source: https://developer.atlassian.com/cloud/bitbucket/app-descriptor/
type Descriptor struct {
	Key            string
	Name           string
	Description    string
	BaseURL        string
	Authentication Authentication
	Lifecycle      Lifecycle
	Modules        Modules

	members map[string]json.RawMessage
}

// Authentication says how Bitbucket signs its requests.
type Authentication struct {
	// Type is "jwt" or "none".
	Type string `json:"type"`
}

// Lifecycle holds the URLs that Bitbucket calls, absolute or relative to baseUrl.
type Lifecycle struct {
	Installed   string `json:"installed"`
	Uninstalled string `json:"uninstalled"`
	Enabled     string `json:"enabled"`
	Disabled    string `json:"disabled"`
}

// Modules are what the app adds to Bitbucket, as far as they are checked.
type Modules struct {
	Linkers  []LinkerModule  `json:"linkers"`
	Webhooks []WebhookModule `json:"webhooks"`
}

// LinkerModule turns matched text into links.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/linker/
type LinkerModule struct {
	// Key is the linker's name in the API. It is unique in the app.
	Key string `json:"key"`
	// Regex matches the text. (?K) stands for any of the linker's values and is a group.
	Regex string `json:"regex"`
	// URL is the link, relative to baseUrl, with \1 for the first group.
	URL string `json:"url"`
}

// WebhookModule asks for an event.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/webhook/
type WebhookModule struct {
	// Event is an event key such as "repo:push", or "*".
	Event string `json:"event"`
	// URL is relative to baseUrl.
	URL string `json:"url"`
}

// ParseDescriptor reads a descriptor without validating it: in a file, the baseUrl is
// often a placeholder that [Descriptor.WithBaseURL] replaces.
func ParseDescriptor(data []byte) (Descriptor, error) {
	var syntax json.RawMessage
	if err := json.Unmarshal(data, &syntax); err != nil {
		return Descriptor{}, fmt.Errorf("parse descriptor: %w", err) // says at which character
	}
	d := Descriptor{members: map[string]json.RawMessage{}}
	fields := map[string]any{
		"key": &d.Key, "name": &d.Name, "description": &d.Description, "baseUrl": &d.BaseURL,
		"authentication": &d.Authentication, "lifecycle": &d.Lifecycle, "modules": &d.Modules,
	}
	err := eachMember(data, func(name string, value json.RawMessage) error {
		d.members[name] = bytes.Clone(value)
		if field, known := fields[name]; known {
			if err := json.Unmarshal(value, field); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		return Descriptor{}, fmt.Errorf("parse descriptor: %w", err)
	}
	return d, nil
}

// WithBaseURL returns the descriptor for the deployment at baseURL.
func (d Descriptor) WithBaseURL(baseURL string) Descriptor {
	d.BaseURL = baseURL
	return d.with("baseUrl", baseURL)
}

// WithForgeAppLink returns the descriptor with the link that leads customers on to the
// Forge app that replaces this one.
func (d Descriptor) WithForgeAppLink(link string) Descriptor { return d.with("forgeAppLink", link) }

func (d Descriptor) with(name, text string) Descriptor {
	value, _ := json.Marshal(text) // a string always encodes
	members := map[string]json.RawMessage{}
	maps.Copy(members, d.members)
	members[name] = value
	d.members = members
	return d
}

// MarshalJSON implements json.Marshaler. The members are sorted by name.
func (d Descriptor) MarshalJSON() ([]byte, error) { return json.Marshal(d.members) }
