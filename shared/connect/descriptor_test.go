package connect_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linkersync/linkersync/shared/connect"
)

func exampleDescriptor() connect.Descriptor {
	return connect.Descriptor{
		Key: appKey, Name: "Example linker app", Description: "Turns issue keys into links",
		Vendor:  &connect.Vendor{Name: "Example", URL: "https://example.com"},
		BaseURL: "https://linkersync.example.com", Authentication: connect.Authentication{Type: "jwt"},
		Lifecycle: connect.Lifecycle{Installed: "/installed", Uninstalled: "/uninstalled"},
		Scopes:    []string{"repository"}, Contexts: []string{"account"},
		Modules: connect.Modules{Linkers: []connect.LinkerModule{
			{Key: "issues", Regex: `((?K)\-\d+)`, URL: `/browse/\1`, Type: "href"},
		}},
	}
}

func TestParseDescriptor(t *testing.T) {
	t.Parallel()
	descriptor, err := connect.ParseDescriptor(sample(t, "atlassian-connect.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(exampleDescriptor(), descriptor); diff != "" {
		t.Errorf("descriptor (-want +got):\n%s", diff)
	}
	if err := descriptor.Validate(); err != nil {
		t.Error(err)
	}
}

// everything has a member that our types do not know in each of its objects.
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

func TestDescriptorKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	descriptor, err := connect.ParseDescriptor([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	// What is known has to be in its field, and not among the unknown.
	if descriptor.Lifecycle.Enabled != "/e" || descriptor.Lifecycle.Disabled != "/d" {
		t.Errorf("callbacks are %+v", descriptor.Lifecycle)
	}
	if hooks := descriptor.Modules.Webhooks; len(hooks) != 1 || hooks[0].Event != "*" || hooks[0].URL != "/hook" {
		t.Errorf("webhooks are %+v", hooks)
	}
	encoded, err := json.Marshal(descriptor)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := json.Unmarshal([]byte(everything), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatalf("%v in %s", err, encoded)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("written and read (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(string(encoded), `{"key":"k","name":"n"`) || !strings.HasSuffix(string(encoded), `"apiVersion":1,"links":{"self":"https://a.example"}}`) {
		t.Errorf("members are not in their order: %s", encoded)
	}
}

func TestDescriptorOfNothingButUnknownMembers(t *testing.T) {
	t.Parallel()
	const text = `{"repoPages":[{"key":"p"}],"webItems":[]}`
	var modules connect.Modules
	if err := json.Unmarshal([]byte(text), &modules); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(modules)
	if err != nil || string(encoded) != text {
		t.Errorf("%s becomes %s (%v)", text, encoded, err)
	}
}

// Extra can be filled by a program, too.
func TestDescriptorWithBrokenExtra(t *testing.T) {
	t.Parallel()
	broken, fine := connect.Extra{"x": json.RawMessage("{")}, connect.Extra{"x": json.RawMessage("{}")}
	for name, descriptor := range map[string]connect.Descriptor{
		"in the descriptor": {Extra: broken},
		"below it":          {Vendor: &connect.Vendor{Extra: broken}, Extra: fine},
	} {
		if encoded, err := json.Marshal(descriptor); err == nil || !strings.Contains(err.Error(), "encode x:") {
			t.Errorf("%s: %s, error %v; want one that names the member", name, encoded, err)
		}
	}
}

// Without scopes Bitbucket assumes all of them, so absent and empty must not blur.
func TestDescriptorScopes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"scopes":[]}`:             `"scopes":[]`,
		`{"scopes":["repository"]}`: `"scopes":["repository"]`,
		`{}`:                        "",
	} {
		descriptor, err := connect.ParseDescriptor([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(descriptor)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(encoded), want) || want == "" && strings.Contains(string(encoded), "scopes") {
			t.Errorf("%s becomes %s", text, encoded)
		}
	}
}

func TestParseDescriptorRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"not JSON":                     {"{", "parse descriptor: unexpected end of JSON input"},
		"not an object":                {"[]", "parse descriptor: not a JSON object with unique member names"},
		"member twice":                 {`{"key":"a","key":"b"}`, "parse descriptor: not a JSON object with unique member names"},
		"data behind":                  {`{} {}`, "parse descriptor: invalid character '{' after top-level value"},
		"wrong type":                   {`{"name":5}`, "parse descriptor: name: json: cannot unmarshal number into Go value of type string"},
		"wrong type in vendor":         {`{"vendor":{"url":5}}`, "parse descriptor: vendor: url: json: cannot unmarshal number into Go value of type string"},
		"wrong type in authentication": {`{"authentication":{"type":5}}`, "parse descriptor: authentication: type: json: cannot unmarshal number into Go value of type string"},
		"wrong type in lifecycle":      {`{"lifecycle":{"disabled":5}}`, "parse descriptor: lifecycle: disabled: json: cannot unmarshal number into Go value of type string"},
		"wrong type in webhooks":       {`{"modules":{"webhooks":[{"event":5}]}}`, "parse descriptor: modules: webhooks: event: json: cannot unmarshal number into Go value of type string"},
		"wrong type below":             {`{"modules":{"linkers":[{"key":5}]}}`, "parse descriptor: modules: linkers: key: json: cannot unmarshal number into Go value of type string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := connect.ParseDescriptor([]byte(test.text)); err == nil || err.Error() != test.want {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestWithBaseURL(t *testing.T) {
	t.Parallel()
	before := exampleDescriptor()
	after := before.WithBaseURL("https://x.execute-api.eu-central-1.amazonaws.com/live")
	if after.BaseURL != "https://x.execute-api.eu-central-1.amazonaws.com/live" || before.BaseURL != "https://linkersync.example.com" {
		t.Errorf("base URL became %q, and was %q", after.BaseURL, before.BaseURL)
	}
	if diff := cmp.Diff(before, after, cmpopts.IgnoreFields(connect.Descriptor{}, "BaseURL")); diff != "" {
		t.Errorf("something else changed:\n%s", diff)
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
		"slash at the end":            {func(x *d) { x.BaseURL += "/" }, `baseUrl "https://linkersync.example.com/" ends in a slash, which Bitbucket can't cope with; take it off`},
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
