package connect

import (
	"encoding/json"
	"errors"
)

// Descriptor describes the app to Bitbucket.
// Source: https://developer.atlassian.com/cloud/bitbucket/app-descriptor/
type Descriptor struct {
	Key            string         `json:"key"`
	Name           string         `json:"name"`
	Description    string         `json:"description"`
	Vendor         *Vendor        `json:"vendor,omitempty"`
	BaseURL        string         `json:"baseUrl"`
	Authentication Authentication `json:"authentication"`
	Lifecycle      Lifecycle      `json:"lifecycle"`
	// Scopes: nil is left out, which Bitbucket reads as "all scopes"; empty asks for none.
	Scopes       []string `json:"scopes,omitzero"`
	Contexts     []string `json:"contexts,omitempty"`
	Modules      Modules  `json:"modules,omitzero"`
	ForgeAppLink string   `json:"forgeAppLink,omitempty"`
	ForgeAppID   string   `json:"forgeAppId,omitempty"`
	// Extra holds the fields that this type does not know, so that they survive.
	Extra map[string]json.RawMessage `json:"-"`
}

// Vendor is who makes the app.
type Vendor struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url,omitempty"`
}

// Authentication says how Bitbucket signs its requests.
type Authentication struct {
	// Type is "jwt" or "none".
	Type string `json:"type"`
}

// Lifecycle holds the URLs that Bitbucket calls, absolute or relative to baseUrl.
type Lifecycle struct {
	Installed   string `json:"installed,omitempty"`
	Uninstalled string `json:"uninstalled,omitempty"`
	Enabled     string `json:"enabled,omitempty"`
	Disabled    string `json:"disabled,omitempty"`
}

// Modules are the app's contributions to Bitbucket.
type Modules struct {
	Linkers  []LinkerModule  `json:"linkers,omitempty"`
	Webhooks []WebhookModule `json:"webhooks,omitempty"`
	// Extra holds the modules that this type does not know.
	Extra map[string]json.RawMessage `json:"-"`
}

// LinkerModule turns matched text into links.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/linker/
type LinkerModule struct {
	Key   string `json:"key"`
	Regex string `json:"regex"`
	URL   string `json:"url"`
	Type  string `json:"type,omitempty"`
}

// WebhookModule asks for an event.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/webhook/
type WebhookModule struct {
	Event string `json:"event"`
	URL   string `json:"url"`
}

// ParseDescriptor reads a descriptor. It does not validate it: a file's baseUrl
// is often filled in later.
func ParseDescriptor(data []byte) (Descriptor, error) { return Descriptor{}, ErrInvalidPayload }

// Validate reports every problem that would make Bitbucket refuse the descriptor
// or call us where nobody listens.
func (d Descriptor) Validate() error { return errors.New("not there yet") }

// WithBaseURL returns the descriptor for the deployment at baseURL.
func (d Descriptor) WithBaseURL(baseURL string) Descriptor { d.BaseURL = baseURL; return d }
