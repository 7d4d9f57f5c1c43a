package main

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/startup"
	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/infisical"
)

// deployed are the variables that template.yaml sets.
func deployed() map[string]string {
	return map[string]string{
		"AWS_REGION": simaws.Region, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
		"LINKERSYNC_APP_KEY": appKey, "LINKERSYNC_INFISICAL_URL": "https://eu.infisical.com",
		"LINKERSYNC_INFISICAL_METHOD": "aws", "LINKERSYNC_INFISICAL_IDENTITY_ID": identity, "LINKERSYNC_INFISICAL_ORGANIZATION": "",
		"LINKERSYNC_SYNC_QUEUE_URL": "https://sqs.example.com/1/syncs",
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		set  map[string]string
		want []string
	}{
		"as deployed":                         {},
		"nothing":                             {map[string]string{"AWS_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "LINKERSYNC_APP_KEY": "", "LINKERSYNC_INFISICAL_IDENTITY_ID": ""}, []string{"LINKERSYNC_APP_KEY is not set", "AWS_REGION", "LINKERSYNC_INFISICAL_IDENTITY_ID is not set"}},
		"a plain address":                     {map[string]string{"LINKERSYNC_INFISICAL_URL": "http://infisical.example.com", "LINKERSYNC_BITBUCKET_URL": "ftp://x"}, []string{"LINKERSYNC_INFISICAL_URL", "LINKERSYNC_BITBUCKET_URL"}},
		"an authority that is not in the zip": {map[string]string{"LINKERSYNC_INFISICAL_CA_FILE": "missing.pem"}, []string{"LINKERSYNC_INFISICAL_CA_FILE: read CA file"}},
		"an authority that is no PEM":         {map[string]string{"LINKERSYNC_INFISICAL_CA_FILE": "config_test.go"}, []string{"LINKERSYNC_INFISICAL_CA_FILE"}},
		"another login":                       {map[string]string{"LINKERSYNC_INFISICAL_METHOD": "oidc"}, []string{`"oidc" is neither aws nor universal`}},
		"universal":                           {map[string]string{"LINKERSYNC_INFISICAL_METHOD": "universal", "LINKERSYNC_INFISICAL_CLIENT": "aws-secret:x", "LINKERSYNC_INFISICAL_IDENTITY_ID": ""}, nil},
		"universal without":                   {map[string]string{"LINKERSYNC_INFISICAL_METHOD": "universal"}, []string{"LINKERSYNC_INFISICAL_CLIENT is not set"}},
		"universal, a value":                  {map[string]string{"LINKERSYNC_INFISICAL_METHOD": "universal", "LINKERSYNC_INFISICAL_CLIENT": password}, []string{"LINKERSYNC_INFISICAL_CLIENT"}},
		"universal, a variable":               {map[string]string{"LINKERSYNC_INFISICAL_METHOD": "universal", "LINKERSYNC_INFISICAL_CLIENT": "env:X"}, []string{"want a reference such as aws-secret:"}},
		"universal, with a key":               {map[string]string{"LINKERSYNC_INFISICAL_METHOD": "universal", "LINKERSYNC_INFISICAL_CLIENT": "aws-secret:x#y"}, []string{"want a reference such as aws-secret:"}},
		"a day of warning":                    {map[string]string{"LINKERSYNC_EXPIRY_WARNING_DAYS": "1"}, nil},
		"a year of warning":                   {map[string]string{"LINKERSYNC_EXPIRY_WARNING_DAYS": "365"}, nil},
		"more than a year of it":              {map[string]string{"LINKERSYNC_EXPIRY_WARNING_DAYS": "366"}, []string{`"366" is not a number of days from 1 to 365`}},
		"no day of warning":                   {map[string]string{"LINKERSYNC_EXPIRY_WARNING_DAYS": "0"}, []string{"LINKERSYNC_EXPIRY_WARNING_DAYS"}},
		"two weeks in words":                  {map[string]string{"LINKERSYNC_EXPIRY_WARNING_DAYS": "14d"}, []string{"LINKERSYNC_EXPIRY_WARNING_DAYS"}},
		"a loud log":                          {map[string]string{"LINKERSYNC_LOG_LEVEL": "loud"}, []string{"LINKERSYNC_LOG_LEVEL"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := deployed()
			for variable, value := range test.set {
				env[variable] = value
			}
			e := &startup.Environment{Getenv: func(name string) string { return env[name] }}
			log := startup.Logger(e, io.Discard)
			_, err := configure(e, log, io.Discard)
			if (err != nil) != (len(test.want) > 0) {
				t.Fatalf("got %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nlacks %q", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
}

// TestRunSaysWhatIsMissing instead of serving.
func TestRunSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := startup.New(build, func(string) string { return "" }, io.Discard); err == nil || !strings.Contains(err.Error(), "LINKERSYNC_APP_KEY") {
		t.Errorf("got %v", err)
	}
}

// TestTheFunctionLogsInWithItsRole, without any secret.
func TestTheFunctionLogsInWithItsRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["LINKERSYNC_INFISICAL_METHOD"], w.env["LINKERSYNC_INFISICAL_IDENTITY_ID"], w.env["LINKERSYNC_INFISICAL_CLIENT"] = "aws", identity, ""
	w.put("bitbucket/ci", value(nil))
	h, _ := w.start()
	for range 2 {
		if _, err := h.Handle(t.Context(), event(t, "rotated")); err != nil {
			t.Fatal(err)
		}
	}
	const login = "POST auth/aws-auth/login"
	if diff := cmp.Diff([]string{login, callList, callCreate, callWrite, callRevoke, login, callList, callRevoke}, w.calls("infisical")); diff != "" {
		t.Errorf("calls to Infisical (-want +got):\n%s", diff)
	}
}

// TestARoleThatIsRefusedIsNotTriedAgainAndAgain, though each invocation would log in.
func TestARoleThatIsRefusedIsNotTriedAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	identities := w.infisical.Snapshot().Identities
	identities[0].AWS = &siminfisical.AWSAuth{AccountIDs: []string{"999999999999"}}
	w.must(w.infisical.Seed(siminfisical.State{Identities: identities}))
	w.env["LINKERSYNC_INFISICAL_METHOD"], w.env["LINKERSYNC_INFISICAL_IDENTITY_ID"], w.env["LINKERSYNC_INFISICAL_CLIENT"] = "aws", identity, ""
	w.put("bitbucket/ci", value(nil))
	h, _ := w.start()
	for range 3 {
		if _, err := h.Handle(t.Context(), event(t, "rotated")); err == nil || !strings.Contains(err.Error(), "log in to") {
			t.Errorf("got %v", err)
		}
	}
	if diff := cmp.Diff([]string{"POST auth/aws-auth/login"}, w.calls("infisical")); diff != "" {
		t.Errorf("calls to Infisical (-want +got):\n%s", diff)
	}
}

// TestConnectionsOfASubOrganization are made there, and not above it.
func TestConnectionsOfASubOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	identities := w.infisical.Snapshot().Identities
	identities[0].SubOrganizations = []string{"sub"}
	w.must(w.infisical.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: "sub", Slug: "team", ParentID: "org"}}, Identities: identities,
	}))
	w.env["LINKERSYNC_INFISICAL_ORGANIZATION"] = "team"
	w.put("bitbucket/ci", value(nil))
	h, _ := w.start()
	if _, err := h.Handle(t.Context(), event(t, "rotated")); err != nil {
		t.Fatal(err)
	}
	if rows := w.infisical.Snapshot().Connections; len(rows) != 1 || rows[0].OrgID != "sub" {
		t.Errorf("connections: %+v", rows)
	}
	w.put("bitbucket/same", value(map[string]string{"organization": "team"}))
	if _, err := h.Handle(t.Context(), event(t, "scheduled")); err == nil || !strings.Contains(err.Error(), "is the secret bitbucket/ci's too") {
		t.Errorf("a second secret, which names the organization: %v", err)
	}
}

// TestARotatedClientSecretIsNoticed, and a wrong one is not tried until Infisical
// locks the identity out.
func TestARotatedClientSecretIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	h, _ := w.start()
	if _, err := h.Handle(t.Context(), event(t, "rotated")); err != nil {
		t.Fatal(err)
	}
	state := w.infisical.Snapshot()
	state.Identities[0].Universal.Secrets = []siminfisical.ClientSecret{{Value: "next-password"}}
	w.must(w.infisical.Seed(siminfisical.State{Identities: state.Identities}))
	w.calls("")
	for range 4 {
		if _, err := h.Handle(t.Context(), event(t, "rotated")); err != nil {
			continue
		}
		t.Fatal("the old secret still works")
	}
	if n := w.infisical.Faults().Count(fault.Match{Method: http.MethodPost}); n < 2 {
		t.Fatalf("%d calls", n)
	}
	if diff := cmp.Diff([]string{callLogin}, w.calls("infisical")); diff != "" {
		t.Errorf("calls with a wrong secret (-want +got):\n%s", diff)
	}
	w.rotate(loginSecret, `{"client_id":"`+clientID+`","client_secret":"next-password"}`)
	if _, err := h.Handle(t.Context(), event(t, "rotated")); err != nil {
		t.Error(err)
	}
}

// TestDefaultsAreTheTemplates: what is not set is what template.yaml sets by default.
func TestDefaultsAreTheTemplates(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for parameter, want := range map[string]string{"InfisicalUrl": infisical.DefaultBaseURL, "ExpiryWarningDays": strconv.Itoa(warningDays)} {
		found := regexp.MustCompile(`\n  ` + parameter + `:\n    Type: \w+\n    Default: (\S+)\n`).FindSubmatch(template)
		if found == nil || string(found[1]) != want {
			t.Errorf("%s of template.yaml is %q, the function's default is %q", parameter, found, want)
		}
	}
}
