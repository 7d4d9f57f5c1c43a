package tagged

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

const project = "bbbbbbbb-0000-4000-8000-000000000001"

// value is a secret's document, with changes to the usual one.
func value(changes map[string]string) string {
	members := map[string]string{"email": "ci@example.com", "token": "old-token-0123456789", "connection": "ci"}
	maps.Copy(members, changes)
	encoded, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

func TestParseToken(t *testing.T) {
	t.Parallel()
	got, err := parseToken(redact.New(`{"email":"ci@example.com","token":" secret\n","connection":"ci","project_id":"` + project + `","description":"Team A","expires_at":"2027-01-31","uses":["scan"]}`))
	if err != nil {
		t.Fatal(err)
	}
	d := got.Desired
	if diff := cmp.Diff([]string{"ci@example.com", "secret", "ci", project, "Team A"}, []string{d.Email, d.Token.Reveal(), d.Name, d.ProjectID, d.Description}); diff != "" {
		t.Errorf("token (-want +got):\n%s", diff)
	}
	if want := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC); !got.Expires.Equal(want) {
		t.Errorf("it expires at %s, want %s", got.Expires, want)
	}
	if diff := cmp.Diff([]string{"scan"}, got.Uses); diff != "" {
		t.Error(diff)
	}
	if d.Adopt || d.Rewrite {
		t.Error("a secret may take over a connection")
	}
}

// TestSecretsThatAreNoToken are refused with everything that is wrong, and with
// nothing of what they hold.
func TestSecretsThatAreNoToken(t *testing.T) {
	t.Parallel()
	const leak = "leak-0123456789"
	tests := map[string]struct{ value, want string }{
		"the bare token":      {leak, "want a JSON object"},
		"a JSON string":       {`"` + leak + `"`, "want a JSON object"},
		"a list":              {`["` + leak + `"]`, "want a JSON object"},
		"cut off":             {`{"token":"` + leak, "want a JSON object"},
		"followed":            {value(nil) + `{"token":"` + leak + `"}`, "something follows"},
		"a member too many":   {`{"token":"x","` + leak + `":"y"}`, "and nothing else"},
		"a misspelt member":   {value(map[string]string{"expire_at": leak}), "and nothing else"},
		"a number as token":   {`{"token":123456789}`, "want a JSON object"},
		"empty":               {`{}`, "email: want"},
		"no token":            {value(map[string]string{"token": ""}), "token: want"},
		"a token of 256":      {value(map[string]string{"token": leak + strings.Repeat("x", 256)}), "token: want"},
		"no connection":       {value(map[string]string{"connection": "", "token": leak}), "connection: want"},
		"a name in capitals":  {value(map[string]string{"connection": "CI", "token": leak}), "connection: want"},
		"no email":            {value(map[string]string{"email": "ci", "token": leak}), "email: want"},
		"a project in words":  {value(map[string]string{"project_id": "the project " + leak}), "project_id: want"},
		"a use in words":      {strings.Replace(value(nil), "{", `{"uses":["`+leak+`"],`, 1), "uses: want a list"},
		"a date in words":     {value(map[string]string{"expires_at": "soon " + leak}), "expires_at: want a day"},
		"a long description":  {value(map[string]string{"description": strings.Repeat("x", manifest.MaxDescriptionLength+1)}), "at most 200 characters"},
		"a long one of emoji": {value(map[string]string{"description": strings.Repeat("\U0001f511", 101)}), "at most 200 characters"},
		"the mark itself":     {value(map[string]string{"description": "x · managed by linkersync · fp 0123456789ab"}), "mark not among them"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseToken(redact.New(test.value))
			if !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if text := fmt.Sprintf("%+v %#v", err, err); strings.Contains(text, leak) || strings.Contains(text, "\n") {
				t.Errorf("the error is %s", text)
			}
		})
	}
}

// TestEveryProblemIsToldAtOnce, so that a secret is corrected once.
func TestEveryProblemIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := parseToken(redact.New(`{"expires_at":"x"}`))
	for _, want := range []string{"expires_at", "connection: want", "email: want", "token: want"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}
