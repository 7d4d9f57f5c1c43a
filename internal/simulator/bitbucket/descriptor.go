package bitbucket

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// descriptor is a parsed app descriptor; installations share it, and it never changes.
// Source: https://developer.atlassian.com/cloud/bitbucket/app-descriptor/
type descriptor struct {
	Key            string            `json:"key"`
	Name           string            `json:"name"`
	Description    string            `json:"description"`
	BaseURL        string            `json:"baseUrl"`
	Authentication authentication    `json:"authentication"`
	Lifecycle      map[string]string `json:"lifecycle"`
	// Scopes is nil when the element is missing, which stands for all scopes.
	Scopes       []string `json:"scopes"`
	Contexts     []string `json:"contexts"`
	Modules      modules  `json:"modules"`
	ForgeAppLink string   `json:"forgeAppLink"`

	raw json.RawMessage
}

type authentication struct {
	Type string `json:"type"`
}

type modules struct {
	Linkers []linker `json:"linkers"`
}

// linker is a linker module, and the item of the API's list of linkers.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/linker/
type linker struct {
	Key   string `json:"key"`
	Regex string `json:"regex,omitempty"`
	URL   string `json:"url,omitempty"`
	Type  string `json:"type,omitempty"`
}

// scopePattern has every scope of the documentation.
var scopePattern = regexp.MustCompile(`^(project(:admin)?|repository(:write|:admin|:delete)?|pullrequest(:write)?|` +
	`issue(:write)?|wiki|webhook|snippet(:write)?|email|account(:write)?|pipeline(:write|:variable)?|` +
	`runner(:write)?)$`)

// Descriptor makes a small valid descriptor with the lifecycle paths /installed
// and /uninstalled, the scope repository, and one linker for each key.
func Descriptor(appKey, baseURL string, linkerKeys ...string) json.RawMessage {
	linkers := make([]linker, len(linkerKeys))
	for i, key := range linkerKeys {
		linkers[i] = linker{Key: key, Regex: `((?K)\-\d+)`, URL: `/browse/\1`, Type: "href"}
	}
	encoded, err := json.Marshal(map[string]any{
		"key": appKey, "name": appKey, "description": "Simulated app", "baseUrl": baseURL,
		"authentication": authentication{Type: "jwt"},
		"lifecycle":      map[string]string{"installed": "/installed", "uninstalled": "/uninstalled"},
		"scopes":         []string{"repository"}, "contexts": []string{"account"},
		"modules": modules{Linkers: linkers},
	})
	if err != nil {
		panic(err) // strings always encode
	}
	return encoded
}

func parseDescriptor(raw json.RawMessage) (*descriptor, error) {
	d := descriptor{raw: slices.Clone(raw)}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("parse descriptor: %w", err)
	}
	if err := errors.Join(append(d.problems(), exactFields(raw))...); err != nil {
		return nil, fmt.Errorf("descriptor is invalid: %w", err)
	}
	return &d, nil
}

// exactFields checks the names that the server reads, at every level.
func exactFields(raw json.RawMessage) error {
	var nested struct {
		Authentication json.RawMessage
		Modules        json.RawMessage
	}
	var modules struct{ Linkers []json.RawMessage }
	problems := []error{
		exactNames(raw, "key", "name", "description", "baseUrl", "authentication", "lifecycle", "scopes", "contexts", "modules", "forgeAppLink"),
		json.Unmarshal(raw, &nested),
	}
	if nested.Authentication != nil {
		problems = append(problems, exactNames(nested.Authentication, "type"))
	}
	if nested.Modules != nil {
		problems = append(problems, exactNames(nested.Modules, "linkers"), json.Unmarshal(nested.Modules, &modules))
	}
	for _, linker := range modules.Linkers {
		problems = append(problems, exactNames(linker, "key", "regex", "url", "type"))
	}
	return errors.Join(problems...)
}

func (d *descriptor) problems() []error {
	var problems []error
	check := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New(problem))
		}
	}
	check(d.Key != "" && d.Name != "" && d.Description != "", "key, name and description are required")
	check(d.Authentication.Type == "jwt" || d.Authentication.Type == "none", "authentication.type must be jwt or none")
	check(len(d.Lifecycle) > 0, "lifecycle is required")
	check(validBaseURL(d.BaseURL), "baseUrl must be an https URL without a trailing slash")
	for _, scope := range d.Scopes {
		check(scopePattern.MatchString(scope), fmt.Sprintf("scope %q does not exist", scope))
	}
	for _, context := range d.Contexts {
		check(context == "account", fmt.Sprintf("context %q is not supported", context))
	}
	seen := map[string]bool{}
	for _, l := range d.Modules.Linkers {
		check(l.Key != "" && l.Regex != "" && l.URL != "", "a linker needs key, regex and url")
		check(!seen[l.Key], fmt.Sprintf("linker key %q is used twice", l.Key))
		seen[l.Key] = true
	}
	return problems
}

// validBaseURL also accepts http on loopback, where no certificate can be had.
func validBaseURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || strings.HasSuffix(text, "/") || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d *descriptor) hasLinker(key string) bool {
	return slices.ContainsFunc(d.Modules.Linkers, func(l linker) bool { return l.Key == key })
}

// scopesMayBecome tells whether an update may go from d's scopes to next's: never
// more, and never none.
func (d *descriptor) scopesMayBecome(next *descriptor) bool {
	if next.Scopes == nil {
		return d.Scopes == nil
	}
	if len(next.Scopes) == 0 {
		return d.Scopes != nil && len(d.Scopes) == 0
	}
	if d.Scopes == nil {
		return true
	}
	return !slices.ContainsFunc(next.Scopes, func(scope string) bool { return !slices.Contains(d.Scopes, scope) })
}
