package connect_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linkersync/linkersync/shared/connect"
)

func exampleDescriptor() connect.Descriptor {
	return connect.Descriptor{
		Key: appKey, Name: "Example linker app", Description: "Turns issue keys into links",
		BaseURL: "https://linkersync.example.com", Authentication: connect.Authentication{Type: "jwt"},
		Lifecycle: connect.Lifecycle{Installed: "/installed", Uninstalled: "/uninstalled"},
		Modules: connect.Modules{Linkers: []connect.LinkerModule{
			{Key: "issues", Regex: `((?K)\-\d+)`, URL: `/browse/\1`},
		}},
	}
}

func TestParseDescriptor(t *testing.T) {
	t.Parallel()
	descriptor, err := connect.ParseDescriptor(sample(t, "atlassian-connect.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(exampleDescriptor(), descriptor, cmpopts.IgnoreUnexported(connect.Descriptor{})); diff != "" {
		t.Errorf("descriptor (-want +got):\n%s", diff)
	}
	if err := descriptor.Validate(); err != nil {
		t.Error(err)
	}
}

// everything has members that the view does not have, in each of its objects.
const everything = `{
	"key": "k", "name": "n", "description": "d <b>&amp;</b>", "vendor": {"name": "v", "url": "https://v.example", "x": 1},
	"baseUrl": "https://a.example/prod", "authentication": {"type": "jwt", "publicKey": "p"},
	"lifecycle": {"installed": "/i", "uninstalled": "/u", "enabled": "/e", "disabled": "/d", "upgraded": "/g"},
	"scopes": [], "contexts": ["account"], "forgeAppLink": "https://f.example", "forgeAppId": "ari:cloud:ecosystem::app/1",
	"modules": {
		"linkers": [{"key": "l", "regex": "(?<!&)#([0-9]+)", "url": "/issues/\\1", "type": "href", "name": {"value": "L"}}],
		"webhooks": [{"event": "*", "url": "/hook", "params": {"a": [1, 2.50]}}],
		"repoPages": [{"key": "p", "location": "x"}], "configurePage": {"url": "/c"}
	},
	"apiVersion": 1, "links": {"self": "https://a.example"}
}`

// Whatever is edited, all other members reach Bitbucket as they were written. Absent
// scopes and empty ones differ: Bitbucket reads absent ones as all scopes.
func TestDescriptorEditsKeepTheRest(t *testing.T) {
	t.Parallel()
	const base, link = "https://b.example/live", "https://forge.example/<app>"
	tests := map[string]struct {
		text string
		edit func(connect.Descriptor) connect.Descriptor
		want map[string]any // what differs from text
	}{
		"nothing":               {everything, func(d connect.Descriptor) connect.Descriptor { return d }, nil},
		"base URL":              {everything, func(d connect.Descriptor) connect.Descriptor { return d.WithBaseURL(base) }, map[string]any{"baseUrl": base}},
		"Forge app":             {everything, func(d connect.Descriptor) connect.Descriptor { return d.WithForgeAppLink(link) }, map[string]any{"forgeAppLink": link}},
		"members that are none": {`{"key":"k"}`, func(d connect.Descriptor) connect.Descriptor { return d.WithBaseURL(base).WithForgeAppLink(link) }, map[string]any{"baseUrl": base, "forgeAppLink": link}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, err := connect.ParseDescriptor([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			after := test.edit(before)
			if _, edited := test.want["baseUrl"]; edited && after.BaseURL != base {
				t.Errorf("the view has the base URL %q", after.BaseURL)
			}
			want := decoded(t, []byte(test.text))
			if diff := cmp.Diff(want, encoded(t, before)); diff != "" {
				t.Errorf("the edit changes the original (-want +got):\n%s", diff)
			}
			maps.Copy(want, test.want)
			if diff := cmp.Diff(want, encoded(t, after)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}

func encoded(t *testing.T, d connect.Descriptor) map[string]any {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, text)
}

func decoded(t *testing.T, text []byte) (members map[string]any) {
	t.Helper()
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestParseDescriptorRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"not JSON":         {"{", "parse descriptor: unexpected end of JSON input"},
		"not an object":    {"[]", "parse descriptor: not a JSON object with unique member names"},
		"member twice":     {`{"key":"a","key":"b"}`, "parse descriptor: not a JSON object with unique member names"},
		"data behind":      {`{} {}`, "parse descriptor: invalid character '{' after top-level value"},
		"wrong type":       {`{"name":5}`, "parse descriptor: name: json: cannot unmarshal number into Go value of type string"},
		"wrong type below": {`{"lifecycle":{"disabled":5}}`, "parse descriptor: lifecycle: json: cannot unmarshal number into Go struct field Lifecycle.disabled of type string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := connect.ParseDescriptor([]byte(test.text)); err == nil || err.Error() != test.want {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestValidateDescriptor(t *testing.T) {
	t.Parallel()
	type d = connect.Descriptor
	tests := map[string]struct {
		change func(*d)
		want   string // what the only problem says; none if empty
	}{
		"example":                     {func(*d) {}, ""},
		"stage in baseUrl":            {func(x *d) { x.BaseURL += "/prod" }, ""},
		"plain http on loopback":      {func(x *d) { x.BaseURL = "http://127.0.0.1:8080" }, ""},
		"plain http on IPv6 loopback": {func(x *d) { x.BaseURL = "http://[::1]:8080" }, ""},
		"plain http on localhost":     {func(x *d) { x.BaseURL = "http://localhost:8080" }, ""},
		"callback with a host":        {func(x *d) { x.Lifecycle.Installed = x.BaseURL + "/installed" }, ""},
		"no key":                      {func(x *d) { x.Key = "" }, "key is missing"},
		"no name":                     {func(x *d) { x.Name = "" }, "name is missing"},
		"no description":              {func(x *d) { x.Description = "" }, "description is missing"},
		"no installed":                {func(x *d) { x.Lifecycle.Installed = "" }, "lifecycle.installed is missing"},
		"no uninstalled":              {func(x *d) { x.Lifecycle.Uninstalled = "" }, "lifecycle.uninstalled is missing"},
		"unsigned":                    {func(x *d) { x.Authentication.Type = "none" }, `authentication.type is "none"; without "jwt" Bitbucket signs nothing and sends no secret`},
		"plain http":                  {func(x *d) { x.BaseURL = "http://example.com" }, `baseUrl "http://example.com" has to begin with https://`},
		"another scheme on loopback":  {func(x *d) { x.BaseURL = "ftp://127.0.0.1" }, `baseUrl "ftp://127.0.0.1" has to begin with https://`},
		"http on a name like local":   {func(x *d) { x.BaseURL = "http://localhost.example.com" }, `baseUrl "http://localhost.example.com" has to begin with https://`},
		"no host":                     {func(x *d) { x.BaseURL = "/prod" }, `baseUrl "/prod" is not an absolute URL`},
		"no baseUrl":                  {func(x *d) { x.BaseURL = "" }, `baseUrl "" is not an absolute URL`},
		"not a URL":                   {func(x *d) { x.BaseURL = "https://%zz" }, `baseUrl "https://%zz" is not an absolute URL`},
		"slash at the end":            {func(x *d) { x.BaseURL += "/" }, `baseUrl "https://linkersync.example.com/" ends in a slash, which breaks Bitbucket's calls; remove it`},
		"query":                       {func(x *d) { x.BaseURL += "?x=1" }, "baseUrl of host linkersync.example.com must have nothing but scheme, host and path"},
		"bare question mark":          {func(x *d) { x.BaseURL += "?" }, "baseUrl of host linkersync.example.com must have nothing but scheme, host and path"},
		"fragment":                    {func(x *d) { x.BaseURL += "#x" }, "baseUrl of host linkersync.example.com must have nothing but scheme, host and path"},
		"password":                    {func(x *d) { x.BaseURL = "http://u:secret@example.com" }, "baseUrl of host example.com must have nothing but scheme, host and path"},
		"installed elsewhere":         {func(x *d) { x.Lifecycle.Installed = "https://evil.example/i" }, `lifecycle.installed "https://evil.example/i" is neither a path that begins with / nor below baseUrl`},
		"callback elsewhere":          {func(x *d) { x.Lifecycle.Enabled = "https://evil.example/e" }, `lifecycle.enabled "https://evil.example/e" is neither a path that begins with / nor below baseUrl`},
		"callback at a longer host":   {func(x *d) { x.Lifecycle.Disabled = x.BaseURL + ".evil.example/" }, `lifecycle.disabled "https://linkersync.example.com.evil.example/" is neither a path that begins with / nor below baseUrl`},
		"callback without a slash":    {func(x *d) { x.Lifecycle.Uninstalled = "uninstalled" }, `lifecycle.uninstalled "uninstalled" is neither a path that begins with / nor below baseUrl`},
		"webhook elsewhere":           {func(x *d) { x.Modules.Webhooks = []connect.WebhookModule{{Event: "*", URL: "hook"}} }, `modules.webhooks[0].url "hook" is neither a path that begins with / nor below baseUrl`},
		"webhook without event":       {func(x *d) { x.Modules.Webhooks = []connect.WebhookModule{{URL: "/hook"}} }, "modules.webhooks[0] needs event and url"},
		"webhook without url":         {func(x *d) { x.Modules.Webhooks = []connect.WebhookModule{{Event: "*"}} }, "modules.webhooks[0] needs event and url"},
		"linker without key":          {func(x *d) { x.Modules.Linkers = []connect.LinkerModule{{Regex: "x", URL: "/"}} }, "modules.linkers[0] needs key, regex and url"},
		"linker without regex":        {func(x *d) { x.Modules.Linkers = []connect.LinkerModule{{Key: "x", URL: "/"}} }, "modules.linkers[0] needs key, regex and url"},
		"linker without url":          {func(x *d) { x.Modules.Linkers = []connect.LinkerModule{{Key: "x", Regex: "x"}} }, "modules.linkers[0] needs key, regex and url"},
		"linker key twice":            {func(x *d) { x.Modules.Linkers = append(x.Modules.Linkers, x.Modules.Linkers[0]) }, `modules.linkers[1] has the key "issues" of another linker`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			descriptor := exampleDescriptor()
			test.change(&descriptor)
			got := ""
			if err := descriptor.Validate(); err != nil {
				got = err.Error()
			}
			want := test.want
			if want != "" {
				want = "descriptor: " + want
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateReportsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	err := connect.Descriptor{}.Validate()
	if err == nil {
		t.Fatal("an empty descriptor is valid")
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 7 {
		t.Errorf("%d problems, want 7:\n%v", got, err)
	}
}
