package infisical_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

// broken lists the paths of the fields that validation refuses.
func broken(t *testing.T, err error) []string {
	t.Helper()
	var input *infisical.InputError
	if err == nil {
		return nil
	}
	if !errors.As(err, &input) || !errors.Is(err, infisical.ErrInvalid) {
		t.Fatalf("error = %v, want an InputError", err)
	}
	var paths []string
	for _, issue := range input.Issues {
		paths = append(paths, issue.Path)
	}
	return paths
}

// The verdicts in the file are those of the libraries that Infisical's server uses.
func TestInputIsJudgedAsInfisicalWould(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "rules.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Cases []struct {
			Rule, Value string
			Accepted    bool
		}
	}
	if err := json.Unmarshal(raw, &rules); err != nil {
		t.Fatal(err)
	}
	if len(rules.Cases) < 100 {
		t.Fatalf("%d cases", len(rules.Cases))
	}
	// Where this package refuses more than the server's validator, and why.
	stricter := map[string]func(string) bool{
		"name":        func(v string) bool { return v != strings.TrimSpace(v) },                              // another name would be stored
		"description": func(v string) bool { return len(utf16.Encode([]rune(strings.TrimSpace(v)))) == 256 }, // the database's column is shorter
	}
	for _, rule := range rules.Cases {
		got := accepts(t, rule.Rule, rule.Value)
		want := rule.Accepted
		if refused := stricter[rule.Rule]; refused != nil && refused(rule.Value) {
			want = false
		}
		if got != want {
			t.Errorf("%s %q: accepted = %v, want %v", rule.Rule, rule.Value, got, want)
		}
	}
}

func accepts(t *testing.T, rule, value string) bool {
	t.Helper()
	connection := newConnection()
	switch rule {
	case "name":
		connection.Name = value
	case "email":
		connection.Credentials.Email = value
	case "token":
		connection.Credentials.APIToken = redact.New(value)
	case "description":
		connection.Description = value
	case "id":
		server := newRecorder(t).on("GET /api/v1/app-connections/bitbucket/"+value, one(connectionJSON))
		_, err := server.client().Connection(t.Context(), value)
		return !errors.Is(err, infisical.ErrInvalid)
	default:
		t.Fatalf("unknown rule %q", rule)
	}
	return infisical.ValidateConnection(connection) == nil
}

func TestEverythingThatIsWrongIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	err := infisical.ValidateConnection(infisical.NewConnection{
		Name: "My Connection", Description: strings.Repeat("d", 300), ProjectID: "my project",
		Credentials: infisical.Credentials{Email: "ops", APIToken: redact.New(strings.Repeat("canary", 100))},
	})
	want := []string{"name", "description", "projectId", "credentials.email", "credentials.apiToken"}
	if diff := cmp.Diff(want, broken(t, err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mustContain(t, err, "invalid connection: ", `name: "My Connection"`, "300 characters", `"my project"`, `"ops"`, "600 characters")
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error holds the token: %v", err)
	}
}

// These pass Infisical's validator and make its database answer 500.
func TestInputThatOnlyTheDatabaseRefusesIsFoundHere(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*infisical.NewConnection)
		want   []string
	}{
		"NUL in the description":           {func(c *infisical.NewConnection) { c.Description = "a\x00b" }, []string{"description"}},
		"invalid UTF-8 in the description": {func(c *infisical.NewConnection) { c.Description = "a\xff" }, []string{"description"}},
		"256 characters of description":    {func(c *infisical.NewConnection) { c.Description = strings.Repeat("d", 256) }, []string{"description"}},
		"255 characters of description":    {func(c *infisical.NewConnection) { c.Description = strings.Repeat("d", infisical.MaxDescription) }, nil},
		"255 characters of two bytes":      {func(c *infisical.NewConnection) { c.Description = strings.Repeat("é", 255) }, nil},
		"128 characters of two units":      {func(c *infisical.NewConnection) { c.Description = strings.Repeat("😀", 128) }, []string{"description"}},
		"lines in the description":         {func(c *infisical.NewConnection) { c.Description = "a\n\tb\n" }, nil},
		"NUL in the project":               {func(c *infisical.NewConnection) { c.ProjectID = "p\x00" }, []string{"projectId"}},
		"a long project":                   {func(c *infisical.NewConnection) { c.ProjectID = strings.Repeat("p", 256) }, []string{"projectId"}},
		"no project":                       {func(c *infisical.NewConnection) { c.ProjectID = "" }, nil},
		"no token":                         {func(c *infisical.NewConnection) { c.Credentials.APIToken = redact.Secret{} }, []string{"credentials.apiToken"}},
		"a token with its line's end":      {func(c *infisical.NewConnection) { c.Credentials.APIToken = redact.New("token\n") }, nil},
		"two lines as token":               {func(c *infisical.NewConnection) { c.Credentials.APIToken = redact.New("token\ntoken") }, []string{"credentials.apiToken"}},
		"invalid UTF-8 as token":           {func(c *infisical.NewConnection) { c.Credentials.APIToken = redact.New("a\xff") }, []string{"credentials.apiToken"}},
		"a file as token":                  {func(c *infisical.NewConnection) { c.Credentials.APIToken = redact.New(strings.Repeat("x", 5000)) }, []string{"credentials.apiToken"}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			connection := newConnection()
			test.change(&connection)
			if diff := cmp.Diff(test.want, broken(t, infisical.ValidateConnection(connection))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What a person reads stays short and printable, whatever was put in.
func FuzzValidate(f *testing.F) {
	f.Add("name", "description", "project", "a@b.co", "token")
	f.Add("\x1b[31m", "\x00", "\u202e", strings.Repeat("a", 1000)+"@b.co", "\xff")
	f.Fuzz(func(t *testing.T, name, description, project, email, token string) {
		err := infisical.ValidateConnection(infisical.NewConnection{
			Name: name, Description: description, ProjectID: project,
			Credentials: infisical.Credentials{Email: email, APIToken: redact.New(token)},
		})
		if err == nil {
			return
		}
		checkText(t, err)
		if len(token) > 20 && !slices.Contains([]string{name, project, email}, token) && strings.Contains(err.Error(), token) {
			t.Errorf("the error holds the token: %v", err)
		}
	})
}
