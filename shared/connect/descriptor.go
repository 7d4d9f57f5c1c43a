package connect

import (
	"encoding/json"
	"fmt"
)

// Descriptor describes the app to Bitbucket. Members that the types here do not
// know are kept in Extra, so that reading and writing a descriptor loses nothing.
// Source: https://developer.atlassian.com/cloud/bitbucket/app-descriptor/
type Descriptor struct {
	Key            string         `json:"key"`
	Name           string         `json:"name"`
	Description    string         `json:"description"`
	Vendor         *Vendor        `json:"vendor,omitempty"`
	BaseURL        string         `json:"baseUrl"`
	Authentication Authentication `json:"authentication"`
	Lifecycle      Lifecycle      `json:"lifecycle"`
	// Scopes that are nil are left out, which Bitbucket reads as all scopes; empty
	// ones ask for none.
	Scopes []string `json:"scopes,omitzero"`
	// Contexts is ["account"], also when it is left out.
	Contexts []string `json:"contexts,omitempty"`
	Modules  Modules  `json:"modules,omitzero"`
	// ForgeAppLink and ForgeAppID lead customers on to the Forge app that replaces this one.
	ForgeAppLink string `json:"forgeAppLink,omitempty"`
	ForgeAppID   string `json:"forgeAppId,omitempty"`
	Extra        Extra  `json:"-"`
}

// Extra holds the members of an object that its type does not know, by name.
type Extra map[string]json.RawMessage

// Vendor is who makes the app.
type Vendor struct {
	Name  string `json:"name,omitempty"`
	URL   string `json:"url,omitempty"`
	Extra Extra  `json:"-"`
}

// Authentication says how Bitbucket signs its requests.
type Authentication struct {
	// Type is "jwt" or "none".
	Type  string `json:"type"`
	Extra Extra  `json:"-"`
}

// Lifecycle holds the URLs that Bitbucket calls, absolute or relative to baseUrl.
type Lifecycle struct {
	Installed   string `json:"installed,omitempty"`
	Uninstalled string `json:"uninstalled,omitempty"`
	Enabled     string `json:"enabled,omitempty"`
	Disabled    string `json:"disabled,omitempty"`
	Extra       Extra  `json:"-"`
}

// Modules are what the app adds to Bitbucket.
type Modules struct {
	Linkers  []LinkerModule  `json:"linkers,omitempty"`
	Webhooks []WebhookModule `json:"webhooks,omitempty"`
	Extra    Extra           `json:"-"`
}

// LinkerModule turns matched text into links.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/linker/
type LinkerModule struct {
	// Key is what the linker is called in the API; unique in the app.
	Key string `json:"key"`
	// Regex matches the text. (?K) stands for any of the linker's values and is a group.
	Regex string `json:"regex"`
	// URL is the link, relative to baseUrl, with \1 for the first group.
	URL string `json:"url"`
	// Type is "href" for a link.
	Type  string `json:"type,omitempty"`
	Extra Extra  `json:"-"`
}

// WebhookModule asks for an event.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/webhook/
type WebhookModule struct {
	// Event is an event key such as "repo:push", or "*".
	Event string `json:"event"`
	// URL is relative to baseUrl.
	URL   string `json:"url"`
	Extra Extra  `json:"-"`
}

// ParseDescriptor reads a descriptor, without validating it: in a file, the
// baseUrl is often a placeholder that [Descriptor.WithBaseURL] fills in.
func ParseDescriptor(data []byte) (Descriptor, error) {
	var descriptor Descriptor
	if err := json.Unmarshal(data, &descriptor); err != nil {
		return Descriptor{}, fmt.Errorf("parse descriptor: %w", err)
	}
	return descriptor, nil
}

// WithBaseURL returns the descriptor for the deployment at baseURL. Only BaseURL
// differs; slices and maps are shared with d.
func (d Descriptor) WithBaseURL(baseURL string) Descriptor {
	d.BaseURL = baseURL
	return d
}
