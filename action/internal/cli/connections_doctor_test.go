package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// diagnose runs the doctor and returns its findings, without the details.
func (w *safeWorld) diagnose(args ...string) (findings, details []string, code int) {
	w.t.Helper()
	got := w.run(append([]string{"doctor", "--json"}, args...)...)
	var decoded struct {
		Results []struct{ Status, Check, Connection, Detail string }
	}
	if err := json.Unmarshal([]byte(got.stdout), &decoded); err != nil {
		w.t.Fatalf("%v: %+v", err, got)
	}
	for _, f := range decoded.Results {
		findings = append(findings, strings.TrimSpace(fmt.Sprint(f.Status, " ", f.Check, " ", f.Connection)))
		details = append(details, f.Detail)
	}
	return findings, details, got.code
}

// uses says in the manifest what the token is for.
func (w *safeWorld) uses(use string) {
	w.manifest("  - {name: ci, email: " + safeEmail + ", token: env:TOKEN, uses: [" + use + "]}\n")
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before func(w *safeWorld)
		want   []string
		detail string
		code   int
	}{
		"before the first ensure": {nil, []string{"ok token ci", "ok login", "ok read", "warn connection ci"}, "ensure would create it", 0},
		"after it":                {func(w *safeWorld) { w.run("ensure") }, []string{"ok token ci", "ok login", "ok read", "ok connection ci"}, "it is as the manifest says", 0},
		"after a rotation":        {func(w *safeWorld) { w.run("ensure"); w.env["TOKEN"] = otherToken }, []string{"ok token ci", "ok login", "ok read", "warn connection ci"}, "ensure would rotate it (token)", 0},
		"the scope is missing":    {func(w *safeWorld) { w.env["TOKEN"] = narrowToken }, []string{"failed token ci", "ok login", "ok read", "warn connection ci"}, "read:user:bitbucket", 1},
		"the scopes for syncs": {
			func(w *safeWorld) { w.run("ensure"); w.uses("sync") },
			[]string{"ok token ci", "failed scopes ci", "ok login", "ok read", "ok connection ci"},
			"it lacks read:workspace:bitbucket; not proven, since no harmless call can: read:project:bitbucket, ", 1,
		},
		"no scope at all": {
			func(w *safeWorld) { w.env["TOKEN"] = narrowToken; w.uses("scan") },
			[]string{"failed token ci", "failed scopes ci", "ok login", "ok read", "warn connection ci"},
			"tick read:user:bitbucket, read:workspace:bitbucket", 1,
		},
		"an unknown token":       {func(w *safeWorld) { w.env["TOKEN"] = "mistyped-token" }, []string{"failed token ci", "ok login", "ok read", "warn connection ci"}, "expired", 1},
		"no token":               {func(w *safeWorld) { w.run("ensure"); w.env["TOKEN"] = "" }, []string{"failed token ci", "ok login", "ok read", "warn connection ci"}, "env:TOKEN", 1},
		"somebody else's":        {func(w *safeWorld) { w.theirs("ci", false) }, []string{"ok token ci", "ok login", "ok read", "failed connection ci"}, "adopt: true", 1},
		"no login":               {func(w *safeWorld) { w.env["LINKERSYNC_INFISICAL_CLIENT_SECRET"] = "wrong-secret" }, []string{"ok token ci", "failed login"}, "check the client ID and secret", 1},
		"nothing to log in with": {func(w *safeWorld) { w.env["LINKERSYNC_INFISICAL_CLIENT_SECRET"] = "" }, []string{"ok token ci", "failed login"}, "LINKERSYNC_INFISICAL_CLIENT_SECRET", 1},
		"nothing is wanted":      {func(w *safeWorld) { w.identity(nil); w.manifest("  []\n") }, []string{"ok login"}, "logged in", 0},
		"no permission":          {func(w *safeWorld) { w.identity(nil) }, []string{"ok token ci", "ok login", "failed read ci"}, "app-connections", 1},
		"an old server": {func(w *safeWorld) {
			w.infisical.Faults().Add(fault.Path("GET", "options$"), fault.Always(), fault.Respond(200, nil, `{"appConnectionOptions":[{"name":"GitHub","app":"github","methods":["oauth"]}]}`))
		}, []string{"ok token ci", "failed login"}, "no Bitbucket connections", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSafeWorld(t)
			if test.before != nil {
				test.before(w)
			}
			stored := w.tokens()
			w.calls()
			findings, details, code := w.diagnose()
			if diff := cmp.Diff(test.want, findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if !strings.Contains(strings.Join(details, "\n"), test.detail) || code != test.code {
				t.Errorf("code %d, details %q; want %d and %q", code, details, test.code, test.detail)
			}
			for _, call := range w.calls() {
				if method, path, _ := strings.Cut(call, " "); method != "GET" && !strings.HasPrefix(path, "auth/") {
					t.Errorf("the doctor called %s", call)
				}
			}
			if diff := cmp.Diff(stored, w.tokens()); diff != "" {
				t.Errorf("the doctor changed connections:\n%s", diff)
			}
		})
	}
}

// TestDoctorTellsProjectsApart, in the table and in JSON.
func TestDoctorTellsProjectsApart(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	w.manifest("  - {name: ci, project_id: " + safeProject + ", email: " + safeEmail + ", token: env:TOKEN}\n")
	got := w.run("doctor")
	if !strings.Contains(squeeze(got.stdout), "warn connection ci in "+safeProject+" ensure would create it") {
		t.Errorf("%+v", got)
	}
	if got := w.run("doctor", "--json"); strings.Count(got.stdout, `"project_id":"`+safeProject+`"`) != 2 {
		t.Errorf("%+v", got)
	}
}

// TestDoctorWarnsOfTheTokensEnd, which the secret has beside the token. Its secret
// is in AWS, whose variables only the process's environment holds.
func TestDoctorWarnsOfTheTokensEnd(t *testing.T) {
	cloud := simaws.New(simaws.Options{})
	t.Cleanup(cloud.Close)
	for _, variable := range cloud.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	day := func(days int) string { return time.Now().AddDate(0, 0, days).Format(time.DateOnly) }
	tests := []struct{ name, expires, want, detail string }{
		{"far", day(90), "ok expiry", "in 8"},
		{"near", day(10), "warn expiry", "the token ends on " + day(10)},
		{"near-by-time", time.Now().Add(49 * time.Hour).Format(time.RFC3339), "warn expiry", "in 2 days"},
		{"passed", day(-3), "warn expiry", "has passed"},
		{"words", "next-year", "warn expiry", "neither a day"},
		{"never-said", "", "warn expiry", "no expires_at"},
	}
	w := newSafeWorld(t)
	for _, test := range tests {
		w.must(cloud.Secrets.Add("bitbucket/"+test.name, `{"token":"`+safeToken+`","expires_at":"`+test.expires+`"}`, nil))
		w.manifest("  - {name: " + test.name + ", email: " + safeEmail + ", token: \"aws-secret:bitbucket/" + test.name + "#token\"}\n")
		findings, details, code := w.diagnose()
		if code != 0 || len(findings) < 2 || findings[1] != test.want+" "+test.name || !strings.Contains(details[1], test.detail) {
			t.Errorf("%s: code %d, %q, %q", test.name, code, findings, details)
		}
	}
	// A secret that is the token, and nothing else, has no place for its end.
	w.must(cloud.Secrets.Add("bitbucket/bare", safeToken, nil))
	w.manifest("  - {name: bare, email: " + safeEmail + ", token: \"aws-secret:bitbucket/bare\"}\n")
	findings, _, _ := w.diagnose()
	if diff := cmp.Diff([]string{"ok token bare", "ok login", "ok read", "warn connection bare"}, findings); diff != "" {
		t.Errorf("a bare token (-want +got):\n%s", diff)
	}
}
