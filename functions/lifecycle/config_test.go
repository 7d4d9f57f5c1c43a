package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/connect"
)

// environment is a complete configuration.
func environment() map[string]string {
	return map[string]string{
		"LINKERSYNC_APP_KEY": appKey, "LINKERSYNC_BASE_URL": "https://app.example/prod", "LINKERSYNC_QUEUE_URL": "https://sqs.example/1/linkers",
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "not-a-real-key",
		"LAMBDA_TASK_ROOT": "/var/task",
	}
}

func configured(env map[string]string, files map[string]string) (settings, error) {
	e := &startup.Environment{Getenv: func(name string) string { return env[name] }}
	return configure(e, func(path string) ([]byte, error) {
		if text, found := files[path]; found {
			return []byte(text), nil
		}
		return nil, fmt.Errorf("open %s: %w", path, os.ErrNotExist)
	})
}

const deployed = "/var/task/atlassian-connect.json"

func descriptorFiles(change func(string) string) map[string]string {
	return map[string]string{deployed: change(string(descriptor("https://placeholder.example")))}
}

func unchanged(text string) string { return text }

func TestConfigure(t *testing.T) {
	t.Parallel()
	env := environment()
	maps.Copy(env, map[string]string{
		"LINKERSYNC_APP_SECRET": "aws-secret:linkersync/app#app_secret", "LINKERSYNC_PROOF": "workspace",
		"LINKERSYNC_KMS_KEY_ID": "alias/linkersync", "LINKERSYNC_ALLOWED_WORKSPACES": "11111111-2222-4333-8444-55555555555A, " + workspaceTwo,
		"LINKERSYNC_BITBUCKET_URL": "http://127.0.0.1:1", "LINKERSYNC_BITBUCKET_AUTH_URL": "http://127.0.0.1:2",
	})
	s, err := configured(env, descriptorFiles(unchanged))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"app": s.appKey, "base": s.base.String(), "queue": s.queueURL, "kms": s.kmsKeyID, "secret": s.appSecret.String(),
		"proof": s.proof, "allowed": s.allowed, "api": s.apiURL, "auth": s.authURL, "callbacks": s.descriptor.callbacks,
	}
	want := map[string]any{
		"app": appKey, "base": "https://app.example/prod", "queue": "https://sqs.example/1/linkers", "kms": "alias/linkersync",
		"secret": "aws-secret:linkersync/app#app_secret", "proof": "workspace",
		"allowed": []connect.WorkspaceUUID{"{11111111-2222-4333-8444-55555555555a}", workspaceTwo},
		"api":     "http://127.0.0.1:1", "auth": "http://127.0.0.1:2",
		"callbacks": map[string]connect.EventType{
			"/installed": "installed", "/uninstalled": "uninstalled", "/enabled": "enabled", "/disabled": "disabled",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if !bytes.Contains(s.descriptor.body, []byte(`"https://app.example/prod"`)) {
		t.Errorf("served descriptor: %s", s.descriptor.body)
	}
}

func TestConfigureDefaults(t *testing.T) {
	t.Parallel()
	s, err := configured(environment(), descriptorFiles(unchanged))
	if err != nil {
		t.Fatal(err)
	}
	if s.proof != proofOAuth || s.allowed != nil || s.appSecret.Scheme != "" || s.apiURL != "" || s.now == nil {
		t.Errorf("settings %+v", s)
	}
}

func TestCallbackPathsOfTheDescriptor(t *testing.T) {
	t.Parallel()
	s, err := configured(environment(), descriptorFiles(func(text string) string {
		return strings.NewReplacer(`"/installed"`, `"/bitbucket/install"`, `"/uninstalled"`, `"https://app.example/prod/bitbucket/uninstall"`,
			`"enabled":"/enabled","disabled":"/disabled",`, "").Replace(text)
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]connect.EventType{"/bitbucket/install": "installed", "/bitbucket/uninstall": "uninstalled"}
	if diff := cmp.Diff(want, s.descriptor.callbacks); diff != "" {
		t.Errorf("callbacks (-want +got):\n%s", diff)
	}
}

func TestConfigureProblems(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(map[string]string) {
		return func(env map[string]string) { env[name] = value }
	}
	none := func(map[string]string) {}
	tests := map[string]struct {
		env        func(map[string]string)
		descriptor func(string) string
		want       []string
	}{
		"nothing is set": {env: func(env map[string]string) { clear(env) }, descriptor: unchanged, want: []string{
			"LINKERSYNC_APP_KEY is not set", "LINKERSYNC_BASE_URL is not set", "LINKERSYNC_QUEUE_URL is not set", "AWS: ", "no AWS region",
		}},
		"unknown proof":                   {set("LINKERSYNC_PROOF", "none"), unchanged, []string{`LINKERSYNC_PROOF: "none" is neither oauth nor workspace`}},
		"a secret instead of a reference": {set("LINKERSYNC_APP_SECRET", "not-a-real-secret"), unchanged, []string{"LINKERSYNC_APP_SECRET: not a reference"}},
		"a reference to the environment":  {set("LINKERSYNC_APP_SECRET", "env:APP_SECRET"), unchanged, []string{"LINKERSYNC_APP_SECRET: want a reference such as"}},
		"a list without a workspace":      {set("LINKERSYNC_ALLOWED_WORKSPACES", ","), unchanged, []string{`LINKERSYNC_ALLOWED_WORKSPACES: "" is no workspace UUID`}},
		"a workspace by its name":         {set("LINKERSYNC_ALLOWED_WORKSPACES", "example"), unchanged, []string{`LINKERSYNC_ALLOWED_WORKSPACES: "example" is no workspace UUID`}},
		"plain http":                      {set("LINKERSYNC_BASE_URL", "http://app.example"), unchanged, []string{"LINKERSYNC_BASE_URL: "}},
		"base path that needs encoding":   {set("LINKERSYNC_BASE_URL", "https://app.example/%7Bx%7D"), unchanged, []string{"LINKERSYNC_BASE_URL: its path needs percent-encoding"}},
		"Bitbucket over plain http":       {set("LINKERSYNC_BITBUCKET_URL", "http://bitbucket.example"), unchanged, []string{"LINKERSYNC_BITBUCKET_URL: "}},
		"no descriptor":                   {set("LINKERSYNC_DESCRIPTOR_FILE", "/elsewhere.json"), unchanged, []string{"LINKERSYNC_DESCRIPTOR_FILE: read descriptor: open /elsewhere.json"}},
		"descriptor that is no JSON":      {none, func(string) string { return "{" }, []string{"LINKERSYNC_DESCRIPTOR_FILE: " + deployed + ": parse descriptor"}},
		"descriptor of another app, incomplete": {none, func(text string) string {
			return strings.NewReplacer(appKey, "other-app", `"/installed"`, `""`).Replace(text)
		}, []string{"lifecycle.installed is missing", `it is for the app "other-app"`}},
		"two events on one path": {none, func(text string) string { return strings.Replace(text, `"/uninstalled"`, `"/installed"`, 1) }, []string{"have the same path"}},
		"callback with a query":  {none, func(text string) string { return strings.Replace(text, `"/installed"`, `"/installed?a=b"`, 1) }, []string{"lifecycle.installed: want a path without query"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment()
			test.env(env)
			_, err := configured(env, descriptorFiles(test.descriptor))
			if err == nil {
				t.Fatal("configured")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), "not-a-real-secret") {
				t.Errorf("error repeats the secret:\n%v", err)
			}
		})
	}
}

// TestExample: the descriptor in examples/ is one that the function takes.
func TestExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "atlassian-connect.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := configured(environment(), map[string]string{deployed: string(text)}); err != nil {
		t.Error(err)
	}
}

func TestRunReportsTheConfiguration(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, err := startup.New(build, func(string) string { return "" }, &out)
	if err == nil || !strings.Contains(err.Error(), "LINKERSYNC_APP_KEY") {
		t.Errorf("run: %v", err)
	}
	if out.Len() > 0 {
		t.Errorf("wrote %q", &out)
	}
}

// TestDefaultsAreTheTemplates: what is not set is what template.yaml sets by default.
func TestDefaultsAreTheTemplates(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for parameter, want := range map[string]string{"InstallProof": proofOAuth, "LogLevel": "info"} {
		if !strings.Contains(string(template), "\n  "+parameter+":\n    Type: String\n    Default: "+want+"\n") {
			t.Errorf("%s of template.yaml has another default than the function's, %s", parameter, want)
		}
	}
}
