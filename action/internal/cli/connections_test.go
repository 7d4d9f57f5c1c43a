package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
)

const (
	askLogin  = "POST auth/universal-auth/login"
	askList   = "GET app-connections/bitbucket"
	askCreate = "POST app-connections/bitbucket"
	askWrite  = "PATCH app-connections/bitbucket/ID"
	askByName = "GET app-connections/bitbucket/connection-name/"
	askRevoke = "POST auth/token/revoke"
)

// TestAConnectionsLife goes through the verbs in the order in which people need
// them: what each prints, and what it asks Infisical for.
func TestAConnectionsLife(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	write := func(text string) func() { return func() { w.manifest(text) } }
	steps := []struct {
		before func()
		args   []string
		want   answer
		calls  []string
	}{
		{nil, []string{"list"}, answer{stdout: "0 Bitbucket connections that this identity may read.\n"}, []string{askLogin, askList, askRevoke}},
		{nil, []string{"ensure", "--dry-run"}, answer{stdout: "  + connection  ci  create\nPlan: 1 connection to create.\n"}, []string{askLogin, askList, askRevoke}},
		{nil, []string{"ensure"}, answer{stdout: "  + connection  ci  created\nApply: 1 connection created.\n"}, []string{askLogin, askList, askCreate, askWrite, askRevoke}},
		{nil, []string{"ensure"}, answer{stdout: "  = connection  ci  no change\nApply: nothing changed.\n"}, []string{askLogin, askList, askRevoke}},
		{nil, []string{"list"}, answer{stdout: "NAME  PROJECT         EMAIL           UPDATED  TOKEN ENDS  LAST WRITER                      DESCRIPTION\nci    (organization)  ci@example.com  TIME  unknown     linkersync (example-linker-app)  managed by linkersync · fp XXX · owner example-linker-app\n"}, []string{askLogin, askList, askRevoke}},
		{nil, []string{"show", "ci"}, answer{stdout: "name         ci\nproject      (organization)\nemail        ci@example.com\ndescription  managed by linkersync · fp XXX · owner example-linker-app\nid           ID\ncreated at   TIME\nupdated at   TIME\nlast writer  linkersync (example-linker-app)\ntoken ends   unknown\nused by      at least 0 syncs, data sources: 0\n  unknown: projects that this identity is not in\n"}, append(append([]string{askLogin, askByName + "ci"}, askSyncs...), askRevoke)},
		{func() { w.env["TOKEN"] = otherToken }, []string{"ensure"}, answer{stdout: "  ~ connection  ci  rotated (token)\nApply: 1 connection rotated.\n", stderr: "ci: used by at least 0 syncs, data sources: 0\n"}, append(append([]string{askLogin, askList, askWrite, askWrite}, askSyncs...), askRevoke)},
		{nil, []string{"rotate", "ci"}, answer{stdout: "  ~ connection  ci  rotated (token)\nApply: 1 connection rotated.\n", stderr: "ci: used by at least 0 syncs, data sources: 0\n"}, append(append([]string{askLogin, askList, askWrite, askWrite}, askSyncs...), askRevoke)},
		{write("  - {name: ci, email: " + safeEmail + ", token: env:TOKEN, description: Team A}\n"), []string{"ensure", "--json"}, answer{stdout: `{"version":1,"results":[ {"kind":"result","linkers":[],"connections":[{"name":"ci","id":"ID","action":"update","fields":["description"],"position":{"line":4,"column":5}}],"changed":true} ],"summary":`}, []string{askLogin, askList, askWrite, askRevoke}},
		{nil, []string{"delete", "ci"}, answer{code: 2, stderr: "linkersync: delete takes the connection \"ci\" from everything that uses it: add --yes if that is meant\n"}, []string{}},
		{nil, []string{"delete", "ci", "--yes"}, answer{stdout: "deleted the connection ci\n"}, []string{askLogin, askByName + "ci", "DELETE app-connections/bitbucket/ID", askRevoke}},
		{nil, []string{"delete", "ci", "--yes"}, answer{stdout: "there is no connection ci, nothing was deleted\n"}, []string{askLogin, askByName + "ci", askRevoke}},
	}
	for _, step := range steps {
		if step.before != nil {
			step.before()
		}
		got := w.run(step.args...)
		if begin, _, cut := strings.Cut(got.stdout, `"summary":`); cut && strings.HasSuffix(step.want.stdout, `"summary":`) {
			got.stdout = strings.ReplaceAll(begin, "\n", " ") + `"summary":` // which is package reconcile's
		}
		got.stdout = squeeze(got.stdout)
		step.want.stdout = squeeze(step.want.stdout)
		if diff := cmp.Diff(step.want, got, cmp.AllowUnexported(answer{})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", step.args, diff)
		}
		if diff := cmp.Diff(step.calls, w.calls()); diff != "" {
			t.Errorf("%v: calls (-want +got):\n%s", step.args, diff)
		}
	}
}

// squeeze takes the columns' padding out: it depends on times, whose texts are replaced.
func squeeze(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(lines, "\n")
}

// TestManyConnectionsTakeOneListAndAWriteEach, and none when they are there.
func TestManyConnectionsTakeOneListAndAWriteEach(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	var text strings.Builder
	var looks, writes []string
	const n = 15
	for i := range n {
		if i%2 == 1 { // The organization's list may hide a project's rows.
			looks = append(looks, fmt.Sprintf("%sci-%d?projectId=%s", askByName, i, safeProject))
		}
		fmt.Fprintf(&text, "  - {name: ci-%d, email: %s, token: env:TOKEN, project_id: %q}\n", i, safeEmail, []string{"", safeProject}[i%2])
		writes = append(writes, askCreate, askWrite)
	}
	first := slices.Concat([]string{askLogin, askList}, looks, writes, []string{askRevoke})
	w.manifest(strings.ReplaceAll(text.String(), `, project_id: ""`, ""))
	for _, want := range [][]string{first, {askLogin, askList, askRevoke}} {
		if got := w.run("ensure"); got.code != 0 {
			t.Fatalf("%+v", got)
		}
		// Scopes are written side by side, so their calls come in any order.
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(w.calls()))); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	}
	if got := len(w.tokens()); got != n {
		t.Errorf("%d connections, want %d", got, n)
	}
}

// TestOnlyTheNamedConnections are touched, in every project that has one.
func TestOnlyTheNamedConnections(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	w.manifest(`  - {name: ci, email: ` + safeEmail + `, token: env:TOKEN}
  - {name: ci, project_id: ` + safeProject + `, email: ` + safeEmail + `, token: env:TOKEN}
  - {name: unset, email: ` + safeEmail + `, token: env:NOWHERE}
`)
	if got := w.run("ensure", "--name", "ci", "--name", "ci"); got.code != 0 || !strings.Contains(got.stdout, "2 connections created") {
		t.Errorf("%+v", got)
	}
	w.calls()
	for _, args := range [][]string{{"ensure", "--name", "c"}, {"rotate", "ci", "CI"}, {"doctor", "--name", "nobody"}} {
		if got := w.run(args...); got.code != 2 || !strings.Contains(got.stderr, "linkersync.yaml has no connection") {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if calls := w.calls(); len(calls) > 0 {
		t.Errorf("Infisical was called: %v", calls)
	}
}

// TestFailuresSayWhatToDo, with the place in the manifest where there is one.
func TestFailuresSayWhatToDo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before func(w *safeWorld)
		args   []string
		code   int
		want   string
		writes bool
	}{
		"a token without the scope": {func(w *safeWorld) { w.env["TOKEN"] = narrowToken }, []string{"ensure"}, 1, "linkersync.yaml:4:5: connection ci: check token", false},
		"the same, unchecked":       {func(w *safeWorld) { w.env["TOKEN"] = narrowToken }, []string{"ensure", "--no-check-token"}, 1, "needs the scope read:user:bitbucket", true},
		"no token":                  {func(w *safeWorld) { w.env["TOKEN"] = "" }, []string{"ensure"}, 1, "linkersync.yaml:4:5: connection ci: read secret env:TOKEN", false},
		"somebody else's":           {func(w *safeWorld) { w.theirs("ci", false) }, []string{"ensure"}, 1, "linkersync did not make it", false},
		"delete somebody else's":    {func(w *safeWorld) { w.theirs("ci", false) }, []string{"delete", "ci", "--yes"}, 1, "linkersync did not make it", false},
		"delete what is in use":     {func(w *safeWorld) { w.theirs("ci", true) }, []string{"delete", "ci", "--yes", "--unmanaged"}, 1, "remove the secret syncs and data sources", true},
		"show what is not there":    {nil, []string{"show", "ci"}, 1, `"linkersync connections list" shows the names`, false},
		"a role that may not write": {func(w *safeWorld) { w.identity([]siminfisical.Action{siminfisical.Read}) }, []string{"ensure"}, 1, "You are not allowed to create on app-connections", true},
		"a role that may not read":  {func(w *safeWorld) { w.identity(nil) }, []string{"list"}, 1, "give the identity a role that allows it", false},
		"an unknown project":        {nil, []string{"list", "--project", "nobody's"}, 1, "project", false},
		"a wrong client secret":     {func(w *safeWorld) { w.env["LINKERSYNC_INFISICAL_CLIENT_SECRET"] = "wrong-secret" }, []string{"list"}, 1, "check the client ID and secret", false},
		"no client secret":          {func(w *safeWorld) { w.env["LINKERSYNC_INFISICAL_CLIENT_SECRET"] = "" }, []string{"list"}, 1, "LINKERSYNC_INFISICAL_CLIENT_SECRET", false},
		"a broken manifest":         {func(w *safeWorld) { w.manifest("  - {name: CI}\n") }, []string{"ensure"}, 2, "linkersync.yaml:4:", false},
		"no connections":            {func(w *safeWorld) { w.manifest("  []\n") }, []string{"ensure"}, 2, "no connections", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSafeWorld(t)
			if test.before != nil {
				test.before(w)
			}
			before := w.tokens()
			got := w.run(test.args...)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) {
				t.Errorf("%+v\nwant %q and the code %d", got, test.want, test.code)
			}
			wrote := false
			for _, call := range w.calls() {
				wrote = wrote || call == askCreate || call == askWrite || strings.HasPrefix(call, "DELETE")
			}
			if wrote != test.writes {
				t.Errorf("a write was tried: %t, want %t", wrote, test.writes)
			}
			if diff := cmp.Diff(before, w.tokens()); diff != "" {
				t.Errorf("connections (-before +after):\n%s", diff)
			}
		})
	}
}

// TestPermittedExplicitly: adopt in the manifest, --unmanaged on the command line.
func TestPermittedExplicitly(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	w.theirs("ci", false)
	w.manifest("  - {name: ci, email: " + safeEmail + ", token: env:TOKEN, adopt: true}\n")
	if got := w.run("ensure"); got.code != 0 || !strings.Contains(got.stdout, "adopted") || w.tokens()["ci"] != safeToken {
		t.Errorf("%+v", got)
	}
	w.theirs("hers", false)
	if got := w.run("delete", "hers", "--yes", "--unmanaged"); got.code != 0 {
		t.Errorf("%+v", got)
	}
}

// TestTwoEnsureAtOnce both succeed, and there is one connection.
func TestTwoEnsureAtOnce(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	var racers sync.WaitGroup
	codes := make([]answer, 4)
	for i := range codes {
		racers.Go(func() { codes[i] = w.race("ensure") })
	}
	racers.Wait()
	for _, got := range codes {
		if got.code != 0 {
			t.Errorf("%+v", got)
		}
	}
	if diff := cmp.Diff(map[string]string{"ci": safeToken}, w.tokens()); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
}

// TestJSON is what scripts read: the results of one document.
func TestJSON(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	w.run("ensure")
	want := map[string]any{"managed": true, "last_writer": "linkersync (example-linker-app)", "owner": "example-linker-app", "name": "ci", "email": safeEmail, "description": "managed by linkersync · fp XXX · owner example-linker-app", "id": "ID", "created_at": "TIME", "updated_at": "TIME"}
	used := maps.Clone(want)
	used["syncs"], used["data_sources"], used["unknown"] = []any{}, []any{}, []any{"projects that this identity is not in"}
	for verb, want := range map[string]any{"list": want, "show": used} {
		args := []string{verb, "--json"}
		if verb == "show" {
			args = append(args, "ci")
		}
		var got struct{ Results []any }
		if err := json.Unmarshal([]byte(w.run(args...).stdout), &got); err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		if diff := cmp.Diff([]any{want}, got.Results); diff != "" {
			t.Errorf("%s (-want +got):\n%s", verb, diff)
		}
	}
}

// TestWhatOthersWroteDoesNotSteerTheTerminal.
func TestWhatOthersWroteDoesNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	text := "red \x1b[31m\tand\r\nmore"
	w.must(w.infisical.Seed(siminfisical.State{Connections: []siminfisical.Connection{{ID: "cccccccc-0000-4000-8000-000000000001", Name: "ci", App: "bitbucket", Method: "api-token", OrgID: "org", Description: &text, Email: safeEmail}}}))
	for _, args := range [][]string{{"list"}, {"show", "ci"}} {
		if got := w.run(args...); strings.ContainsAny(got.stdout, "\x1b\t\r") || !strings.Contains(got.stdout, "[31m and  more") {
			t.Errorf("%q", got.stdout)
		}
	}
}

// TestEveryVerbHasExamples.
func TestEveryConnectionsVerbHasExamples(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	for _, verb := range []string{"list", "show", "ensure", "rotate", "delete", "doctor"} {
		if got := w.run(verb, "--help"); got.code != 0 || !strings.Contains(got.stdout, "linkersync connections "+verb+" ") && !strings.Contains(got.stdout, "linkersync connections "+verb+"\n") || !strings.Contains(got.stdout, "Examples:") {
			t.Errorf("%s: %+v", verb, got)
		}
	}
}
