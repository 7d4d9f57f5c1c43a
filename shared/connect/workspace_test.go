package connect_test

import (
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
)

func TestClientKeyWorkspace(t *testing.T) {
	t.Parallel()
	const uuid = "{11111111-2222-4333-8444-555555555555}"
	tests := map[string]struct {
		clientKey string
		uuid      connect.WorkspaceUUID
		appKey    string
	}{
		"workspace":                    {tenant, uuid, appKey},
		"uuid in capitals":             {"ari:cloud:bitbucket::app/{ABCDEF01-2222-4333-8444-555555555555}/x", "{abcdef01-2222-4333-8444-555555555555}", "x"},
		"app key with a slash":         {"ari:cloud:bitbucket::app/" + uuid + "/a/b", uuid, "a/b"},
		"old form":                     {"connection:479", "", ""},
		"empty":                        {"", "", ""},
		"no app key":                   {"ari:cloud:bitbucket::app/" + uuid + "/", "", ""},
		"no slash":                     {"ari:cloud:bitbucket::app/" + uuid, "", ""},
		"no uuid":                      {"ari:cloud:bitbucket::app/x", "", ""},
		"uuid without braces":          {"ari:cloud:bitbucket::app/11111111-2222-4333-8444-555555555555/x", "", ""},
		"uuid with a path in it":       {"ari:cloud:bitbucket::app/{../../../2.0/user?x=aaaaaaaaaaaaaaaa}/x", "", ""},
		"uuid with a letter too far":   {"ari:cloud:bitbucket::app/{g1111111-2222-4333-8444-555555555555}/x", "", ""},
		"uuid with a hyphen misplaced": {"ari:cloud:bitbucket::app/{111111112-222-4333-8444-555555555555}/x", "", ""},
		"uuid without a first brace":   {"ari:cloud:bitbucket::app/.11111111-2222-4333-8444-555555555555}/x", "", ""},
		"uuid without a last brace":    {"ari:cloud:bitbucket::app/{11111111-2222-4333-8444-555555555555?/x", "", ""},
		"uuid without a hyphen":        {"ari:cloud:bitbucket::app/{11111111.2222-4333-8444-555555555555}/x", "", ""},
		"uuid too long":                {"ari:cloud:bitbucket::app/{11111111-2222-4333-8444-5555555555555}/x", "", ""},
		"other product":                {"ari:cloud:jira::app/" + uuid + "/x", "", ""},
		"no prefix":                    {uuid + "/x", "", ""},
		"prefix inside":                {"x" + tenant, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gotUUID, gotKey, ok := connect.ClientKeyWorkspace(test.clientKey)
			if gotUUID != test.uuid || gotKey != test.appKey || ok != (test.uuid != "") {
				t.Errorf("ClientKeyWorkspace(%q) = %q, %q, %v", test.clientKey, gotUUID, gotKey, ok)
			}
		})
	}
}

func TestParseWorkspaceUUID(t *testing.T) {
	t.Parallel()
	const want = "{abcdef01-2222-4333-8444-555555555555}"
	for _, text := range []string{want, strings.ToUpper(want), strings.Trim(want, "{}"), "ABCDEF01-2222-4333-8444-555555555555"} {
		if got, err := connect.ParseWorkspaceUUID(text); got != want || err != nil {
			t.Errorf("ParseWorkspaceUUID(%q) = %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "{}", want + " ", " " + want, want[1:], want[:37], "{" + want + "}", "abcdef01222243338444555555555555", strings.Repeat("a", 36), "../hook_events"} {
		if got, err := connect.ParseWorkspaceUUID(text); got != "" || err == nil {
			t.Errorf("ParseWorkspaceUUID(%q) = %q, want an error", text, got)
		}
	}
	if bare := connect.WorkspaceUUID(want).Bare(); "{"+bare+"}" != want {
		t.Errorf("Bare() = %q", bare)
	}
}

func TestCanonicalClientKey(t *testing.T) {
	t.Parallel()
	const lower = "ari:cloud:bitbucket::app/{abcdef01-2222-4333-8444-555555555555}/App"
	for clientKey, want := range map[string]string{
		lower: lower,
		"ari:cloud:bitbucket::app/{ABCDEF01-2222-4333-8444-555555555555}/App": lower,
		"connection:479": "connection:479",
		"ARI:cloud:bitbucket::app/{ABCDEF01-2222-4333-8444-555555555555}/App": "ARI:cloud:bitbucket::app/{ABCDEF01-2222-4333-8444-555555555555}/App",
	} {
		if got := connect.CanonicalClientKey(clientKey); got != want {
			t.Errorf("CanonicalClientKey(%q) = %q, want %q", clientKey, got, want)
		}
	}
}
