package setup_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/setup"
	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	appKey    = "example-linker-app"
	workspace = "{11111111-1111-4111-8111-111111111111}"
	clientKey = "ari:cloud:bitbucket::app/" + workspace + "/" + appKey
	secret    = "a-shared-secret"
)

// variables is an environment.
type variables map[string]string

func (v variables) get(name string) string { return v[name] }

func bitbucket(t *testing.T) *simbitbucket.Server {
	t.Helper()
	server := simbitbucket.New(simbitbucket.Options{})
	if _, err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	err := server.Seed(simbitbucket.State{
		Apps: []simbitbucket.App{{Key: appKey, Descriptor: simbitbucket.Descriptor(appKey, "https://app.example.com", "issues", "wiki")}},
		Installations: []simbitbucket.Installation{{
			AppKey: appKey, ClientKey: clientKey, SharedSecret: secret, Status: simbitbucket.Installed,
			Principal: simbitbucket.Principal{UUID: workspace}, Values: map[string][]string{"issues": {"B", "A"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func options(server *simbitbucket.Server) setup.Options {
	return setup.Options{AppKey: appKey, BitbucketURL: server.URL(), BitbucketAuthURL: server.URL()}
}

// direct reaches the one installation without a store.
func direct() variables { return variables{setup.SharedSecretVariable: secret} }

func TestAppOfManifestAndOption(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		option, manifest, want string
		fails                  bool
	}{
		"only the manifest": {"", "app", "app", false},
		"only the option":   {"app", "", "app", false},
		"both":              {"app", "app", "app", false},
		"neither":           {"", "", "", false},
		"they differ":       {"app", "other", "app", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup.New(setup.Options{AppKey: test.option}, variables{}.get, "test")
			err := s.UseApp(test.manifest)
			if (err != nil) != test.fails || s.AppKey() != test.want {
				t.Errorf("%q, %v", s.AppKey(), err)
			}
			if test.fails && (!strings.Contains(err.Error(), `"app"`) || !strings.Contains(err.Error(), `"other"`)) {
				t.Error(err)
			}
		})
	}
}

func TestNoStoreWithoutAnApp(t *testing.T) {
	t.Parallel()
	if _, err := setup.New(setup.Options{}, variables{}.get, "test").Store(t.Context()); err == nil || !strings.Contains(err.Error(), "--app-key") {
		t.Error(err)
	}
}

// With a secret in the environment no AWS account is needed.
func TestSecretFromTheEnvironment(t *testing.T) {
	t.Parallel()
	server := bitbucket(t)
	s := setup.New(options(server), direct().get, "test")
	for in, err := range s.Installations(t.Context(), clientKey) {
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Bitbucket(in).UpdateLinkerValues(t.Context(), "issues", []string{"C"}); err != nil {
			t.Error(err)
		}
	}
	if in, _ := server.Installation(clientKey); !cmp.Equal([]string{"C"}, in.Values["issues"]) {
		t.Error(in.Values)
	}
}

func TestSecretFromTheEnvironmentIsOneInstallations(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"all": "one installation's secret", clientKey: "--app-key", "acme": `"acme" is no client key`, workspace: "is no client key"} {
		s := setup.New(setup.Options{}, direct().get, "test")
		for in, err := range s.Installations(t.Context(), name) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, %v", name, in, err)
			}
		}
	}
}

func TestSkew(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		date  string
		want  time.Duration
		known bool
	}{
		"right":   {now.Format(http.TimeFormat), 0, true},
		"ahead":   {now.Add(-time.Hour).Format(http.TimeFormat), time.Hour, true},
		"behind":  {now.Add(90 * time.Second).Format(http.TimeFormat), -90 * time.Second, true},
		"unknown": {"yesterday", 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", test.date)
				w.WriteHeader(http.StatusUnauthorized)
			}))
			t.Cleanup(server.Close)
			s := setup.New(setup.Options{AppKey: appKey, BitbucketURL: server.URL, Now: func() time.Time { return now }}, direct().get, "test")
			if _, known := s.Skew(); known {
				t.Error("it is known before anything was asked")
			}
			for in := range s.Installations(t.Context(), clientKey) {
				_, _ = s.Bitbucket(in).Linker(t.Context(), "issues") // refused, with the time
			}
			if ahead, known := s.Skew(); ahead != test.want || known != test.known {
				t.Errorf("%s, %v", ahead, known)
			}
		})
	}
}

// TestOnlyTokensAreHeard: what is heard is masked, and a whole file or several lines
// as a mask would show themselves.
func TestOnlyTokensAreHeard(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{"hush-hush": {"hush-hush"}, "hush-hush\nhush-hush": nil} {
		s := setup.New(setup.Options{}, variables{"TOKEN": value}.get, "test")
		var heard []string
		s.OnSecret(func(secret redact.Secret) { heard = append(heard, secret.Reveal()) })
		got, err := s.Resolve(t.Context(), manifest.Reference{Scheme: manifest.SchemeEnv, Target: "TOKEN"})
		if (err == nil) != (want != nil) || got.IsZero() != (want == nil) || !cmp.Equal(want, heard) {
			t.Error(got, heard, err)
		}
	}
}

// Whoever may change the manifest could otherwise make the CI send its own
// credentials to Infisical, and to Bitbucket before that.
func TestCredentialsOfTheRunnerAreNoTokens(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{
		"AWS_SECRET_ACCESS_KEY": true, "aws_session_token": true, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": true, "ACTIONS_RUNTIME_TOKEN": true,
		"GITHUB_TOKEN": true, "GH_TOKEN": true, "CI_REGISTRY_PASSWORD": true, "CI_DEPLOY_PASSWORD": true, "RUNNER_TOKEN": true, "GITLAB_TOKEN": true,
		"AZURE_CLIENT_SECRET": true, "NODE_AUTH_TOKEN": true, setup.AppSecretVariable: true, "BITBUCKET_STEP_OIDC_TOKEN": true, "INFISICAL_TOKEN": true, "CI_JOB_TOKEN": true,
		setup.SharedSecretVariable: true, setup.ClientSecretVariable: true, setup.OIDCTokenVariable: true, "LINKERSYNC_OIDC_TOKEN": true,
		"BITBUCKET_API_TOKEN": false, "MY_AWS_TOKEN": false, "LINKERSYNC_BITBUCKET_TOKEN": false,
	} {
		s := setup.New(setup.Options{}, variables{name: "hush-hush"}.get, "test")
		s.OnSecret(func(redact.Secret) {
			if refused {
				t.Errorf("%s was read", name)
			}
		})
		got, err := s.Resolve(t.Context(), manifest.Reference{Scheme: manifest.SchemeEnv, Target: name})
		if errors.Is(err, apply.ErrReserved) != refused || got.IsZero() != refused {
			t.Errorf("%s: error %v, want it refused: %v", name, err, refused)
		}
		if refused && !strings.HasPrefix(err.Error(), "env:"+name+": ") {
			t.Errorf("the error doesn't name the reference: %v", err)
		}
	}
}

// TestReservedNamesAreDocumented: docs/connections.md lists each of them.
func TestReservedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/connections.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(setup.ReservedPrefixes(), setup.ReservedNames()...) {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/connections.md doesn't say that %s is refused", name)
		}
	}
}

// TestInCIAManifestNamesOnlyWhatIsListed: nothing else is read, masked or sent.
func TestInCIAManifestNamesOnlyWhatIsListed(t *testing.T) {
	folder := t.TempDir()
	outside := filepath.Join(folder, "outside")
	t.Chdir(folder)
	for _, err := range []error{
		os.WriteFile(outside, []byte("hush-hush-outside"), 0o600), os.Mkdir("work", 0o700), os.WriteFile("work/token", []byte("hush-hush-file\n"), 0o600),
		os.Symlink(outside, "work/link"), os.Symlink("token", "work/inner"), os.WriteFile("work/keys", []byte("KEY=value\nPASSWORD=value\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir("work")
	env := variables{"LISTED": "hush-hush-listed", "DB_PASSWORD": "hush-hush-database", "LINES": "hush-hush\nhush-hush", "SHORT": "yes"}
	for reference, want := range map[string]string{
		"env:LISTED": "hush-hush-listed", "env:DB_PASSWORD": "", "env:listed": "", "env:LINES": "", "env:SHORT": "",
		"file:token": "hush-hush-file", "file:link": "", "file:inner": "", "file:../outside": "", "file:" + outside: "", "file:/proc/self/environ": "", "file:keys": "",
	} {
		s := setup.New(setup.Options{AllowEnv: []string{"LISTED", "LINES", "SHORT"}}, env.get, "test")
		s.Restrict(".")
		var heard []string
		s.OnSecret(func(secret redact.Secret) { heard = append(heard, secret.Reveal()) })
		parsed, err := manifest.ParseReference(reference)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Resolve(t.Context(), parsed)
		if got.Reveal() != want || (err == nil) != (want != "") || strings.Join(heard, "") != want {
			t.Errorf("%s: %q, heard %q, error %v; want %q", reference, got.Reveal(), heard, err, want)
		}
		if reference == "env:DB_PASSWORD" && !strings.Contains(err.Error(), "allow_env") {
			t.Errorf("the error doesn't name the input: %v", err)
		}
	}
}

// TestInCIAManifestIsReachedThroughNoLink, which a pull request could point anywhere. A
// person's own links are followed.
func TestInCIAManifestIsReachedThroughNoLink(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, err := range []error{
		os.WriteFile("linkersync.yaml", []byte("version: 1\napp: "+appKey+"\n"), 0o600), os.Symlink("linkersync.yaml", "link.yaml"),
		os.Mkdir("real", 0o700), os.WriteFile("real/linkersync.yaml", []byte("version: 1\napp: "+appKey+"\n"), 0o600), os.Symlink("real", "folder"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for file, refused := range map[string]bool{"linkersync.yaml": false, "real/linkersync.yaml": false, "link.yaml": true, "folder/linkersync.yaml": true} {
		for _, inCI := range []bool{true, false} {
			s := setup.New(setup.Options{}, variables{}.get, "test")
			if inCI {
				s.Restrict(".")
			}
			_, err := s.Load(t.Context(), file, nil)
			if _, wrongUse := errors.AsType[setup.UseError](err); wrongUse != (refused && inCI) || err != nil && !wrongUse {
				t.Errorf("%s, in CI %t: %v", file, inCI, err)
			}
		}
	}
}

func TestSharedSecretsOfInstallationsAreNoTokens(t *testing.T) {
	t.Parallel()
	s := setup.New(setup.Options{}, variables{}.get, "test")
	for id, refused := range map[string]bool{
		"linkersync/example-linker-app/installation/ari_3acloud":                                                     true,
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:linkersync/example/installation/connection_3a1-AbCdEf": true,
		"linkersync/bitbucket-token": false,
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:linkersync/bitbucket-token-AbCdEf": false,
		"other/installation/x": false,
	} {
		_, err := s.Resolve(t.Context(), manifest.Reference{Scheme: manifest.SchemeAWSSecret, Target: id, Key: "shared_secret"})
		if err == nil || errors.Is(err, apply.ErrReserved) != refused {
			t.Errorf("%s: error %v, want it refused as reserved: %v", id, err, refused)
		}
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	server := bitbucket(t)
	folder := filepath.Join(t.TempDir(), "out", "deep")
	var lines strings.Builder
	s := setup.New(options(server), direct().get, "test")
	if err := s.Export(t.Context(), clientKey, folder, &lines); err != nil {
		t.Fatal(err)
	}
	exported, err := manifest.Load(filepath.Join(folder, workspace+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if exported.App != appKey || len(exported.Linkers) != 2 || !cmp.Equal([]string{"A", "B"}, exported.Linkers[0].Values) {
		t.Errorf("%+v", exported)
	}
	if !strings.Contains(lines.String(), "1111}.yaml: 2 linkers of") {
		t.Error(lines.String())
	}
	server.Faults().Add(fault.Path("GET", "wiki/values"), fault.Always(), fault.Respond(http.StatusForbidden, nil, "{}"))
	if err := s.Export(t.Context(), clientKey, filepath.Join(folder, "again"), &lines); err == nil || !strings.Contains(err.Error(), clientKey) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Join(folder, "again")); len(left) != 0 {
		t.Errorf("half an export was written: %v", left)
	}
}

// The test sets variables of the process, since the AWS SDK reads those.
func TestStoreAndReferencesOnAWS(t *testing.T) { //nolint:paralleltest // see above
	cloud := simaws.New(simaws.Options{})
	t.Cleanup(cloud.Close)
	for _, variable := range cloud.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	if err := cloud.Secrets.Add("bitbucket/ci", `{"token":"hush-hush"}`, nil); err != nil {
		t.Fatal(err)
	}
	s := setup.New(setup.Options{AppKey: appKey}, variables{}.get, "test")
	store, err := s.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := installation.Installation{AppKey: appKey, ClientKey: clientKey, State: installation.Installed, SharedSecret: redact.New(secret), Principal: installation.Principal{UUID: workspace}}
	if _, err := store.Create(t.Context(), in, "test"); err != nil {
		t.Fatal(err)
	}
	var heard []string
	s.OnSecret(func(secret redact.Secret) { heard = append(heard, secret.Reveal()) })
	for found, err := range s.Installations(t.Context(), workspace) {
		if err != nil || found.ClientKey != clientKey {
			t.Error(found, err)
		}
	}
	got, err := s.Resolve(t.Context(), manifest.Reference{Scheme: manifest.SchemeAWSSecret, Target: "bitbucket/ci", Key: "token"})
	if err != nil || got.Reveal() != "hush-hush" || !cmp.Equal([]string{simaws.SecretAccessKey, secret, simaws.SecretAccessKey, "hush-hush"}, heard) {
		t.Error(got, heard, err)
	}
	_, err = s.Resolve(t.Context(), manifest.Reference{Scheme: manifest.SchemeAWSSecret, Target: "bitbucket/nothing"})
	if err == nil || !strings.Contains(err.Error(), "bitbucket/nothing") || strings.Contains(err.Error(), simaws.Account) {
		t.Error(err)
	}
}

func TestAssumedRole(t *testing.T) { //nolint:paralleltest // as above
	cloud := simaws.New(simaws.Options{})
	t.Cleanup(cloud.Close)
	for _, variable := range cloud.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	refused := errors.New("the CI has no token")
	s := setup.New(setup.Options{AppKey: appKey}, variables{}.get, "test")
	err := s.AssumeRole(t.Context(), "arn:aws:iam::111122223333:role/ci", func(context.Context) (redact.Secret, error) { return redact.Secret{}, refused })
	if !errors.Is(err, refused) {
		t.Errorf("the role's token wasn't asked for: %v", err)
	}
}

// The SDK finds credentials in profiles, in files and on hosts, too.
func TestCredentialsOfAWSAreHeard(t *testing.T) { //nolint:paralleltest // as above
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "key-to-hush", "AWS_SESSION_TOKEN": "session-to-hush",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	s := setup.New(setup.Options{}, variables{}.get, "test")
	var heard []string
	s.OnSecret(func(secret redact.Secret) { heard = append(heard, secret.Reveal()) })
	config, err := s.AWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Credentials.Retrieve(t.Context()); err != nil || !cmp.Equal([]string{"key-to-hush", "session-to-hush"}, heard) {
		t.Errorf("heard %q, error %v", heard, err)
	}
}

func TestInfisicalLogin(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options setup.InfisicalOptions
		env     variables
		want    string
	}{
		"nothing set":         {setup.InfisicalOptions{Method: "universal"}, nil, "LINKERSYNC_INFISICAL_CLIENT_ID"},
		"no secret":           {setup.InfisicalOptions{Method: "universal", ClientID: "id"}, nil, setup.ClientSecretVariable},
		"universal":           {setup.InfisicalOptions{ClientID: "id"}, variables{setup.ClientSecretVariable: "client-secret"}, ""},
		"oidc, no identity":   {setup.InfisicalOptions{Method: "oidc"}, nil, "--infisical-identity-id"},
		"oidc":                {setup.InfisicalOptions{Method: "oidc", IdentityID: "id"}, nil, ""},
		"no such certificate": {setup.InfisicalOptions{Method: "oidc", IdentityID: "id", CAFile: "no/such.pem"}, nil, "no/such.pem"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := setup.New(setup.Options{Infisical: test.options}, test.env.get, "test").Infisical(t.Context(), nil)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
