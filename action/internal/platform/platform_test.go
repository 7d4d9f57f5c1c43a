package platform

import (
	"bytes"
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/redact"
)

// detect makes the platform of an environment, and its log.
func detect(env map[string]string) (Platform, *bytes.Buffer) {
	var out bytes.Buffer
	return Detect(Environment{Getenv: func(name string) string { return env[name] }, Stdout: &out, HTTP: http.DefaultTransport}), &out
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for want, env := range map[string]map[string]string{
		"GitHub Actions":      {"GITHUB_ACTIONS": "true"},
		"Bitbucket Pipelines": {"BITBUCKET_BUILD_NUMBER": "1"},
		"GitLab CI":           {"GITLAB_CI": "true"},
		"a terminal":          {"GITHUB_ACTIONS": "false"},
	} {
		if p, _ := detect(env); p.Name() != want {
			t.Errorf("%v is %s, want %s", env, p.Name(), want)
		}
	}
}

func TestInputNames(t *testing.T) {
	t.Parallel()
	env := map[string]string{"INPUT_APP_KEY": " github ", "APP_KEY": "pipe", "LINKERSYNC_APP_KEY": "plain"}
	for marker, want := range map[string]string{"GITHUB_ACTIONS": "github", "BITBUCKET_BUILD_NUMBER": "pipe", "CI": "plain"} {
		with := map[string]string{marker: "true"}
		for name, value := range env {
			with[name] = value
		}
		if p, _ := detect(with); p.Input("app_key") != want {
			t.Errorf("%s: %q, want %q", marker, p.Input("app_key"), want)
		}
	}
}

// TestTriggers plays the variables and payloads of each CI.
func TestTriggers(t *testing.T) {
	t.Parallel()
	same := `{"pull_request":{"head":{"repo":{"full_name":"a/b"}},"base":{"repo":{"full_name":"a/b"}}}}`
	forked := strings.Replace(same, "a/b", "m/b", 1)
	onHub := func(event string) map[string]string {
		return map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event}
	}
	onLab := func(source string, more ...string) map[string]string {
		env := map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": source, "CI_PROJECT_ID": "1"}
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return env
	}
	const iid, target, source = "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_PROJECT_ID", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID"
	for name, test := range map[string]struct {
		env     map[string]string
		payload string
		want    Trigger
	}{
		"GitHub: a push":                   {onHub("push"), "{}", Trigger{Event: "push", Trust: Trusted}},
		"GitHub: a pull request":           {onHub("pull_request"), same, Trigger{Event: "pull_request", Trust: Unmerged, PullRequest: true}},
		"GitHub: a merge queue":            {onHub("merge_group"), "{}", Trigger{Event: "merge_group", Trust: Unmerged, PullRequest: true}},
		"GitHub: a fork":                   {onHub("pull_request"), forked, Trigger{Event: "pull_request (fork)", Trust: NoSecrets, PullRequest: true, Fork: true}},
		"GitHub: a fork that is deleted":   {onHub("pull_request"), `{"pull_request":{"head":{"repo":null},"base":{"repo":{"full_name":"a/b"}}}}`, Trigger{Event: "pull_request (fork)", Trust: NoSecrets, PullRequest: true, Fork: true}},
		"GitHub: a payload that is broken": {onHub("pull_request"), `{`, Trigger{Event: "pull_request (fork)", Trust: NoSecrets, PullRequest: true, Fork: true}},
		"GitHub: a payload that is gone":   {onHub("pull_request"), "", Trigger{Event: "pull_request (fork)", Trust: NoSecrets, PullRequest: true, Fork: true}},
		"GitHub: a target":                 {onHub("pull_request_target"), same, Trigger{Event: "pull_request_target", Trust: Untrusted, PullRequest: true}},
		"GitHub: a comment":                {onHub("issue_comment"), "{}", Trigger{Event: "issue_comment", Trust: Untrusted}},
		"GitHub: an event of tomorrow":     {onHub("telepathy"), "{}", Trigger{Event: "telepathy", Trust: Untrusted}},
		"GitHub: no event":                 {onHub(""), "{}", Trigger{Trust: Untrusted}},
		"GitLab: a push":                   {onLab("push"), "", Trigger{Event: "push", Trust: Trusted}},
		"GitLab: a merge request":          {onLab("merge_request_event", iid, "7", target, "1", source, "1"), "", Trigger{Event: "merge_request_event", Trust: Unmerged, PullRequest: true}},
		"GitLab: a fork's, at home":        {onLab("merge_request_event", iid, "7", target, "9", source, "1"), "", Trigger{Event: "merge_request_event (fork)", Trust: NoSecrets, PullRequest: true, Fork: true}},
		"GitLab: a fork's, here":           {onLab("merge_request_event", iid, "7", target, "1", source, "2"), "", Trigger{Event: "merge_request_event (fork, in this project)", Trust: Untrusted, PullRequest: true, Fork: true}},
		"GitLab: a fork's child pipeline":  {onLab("parent_pipeline", iid, "7", target, "1", source, "2"), "", Trigger{Event: "merge_request_event (fork, in this project)", Trust: Untrusted, PullRequest: true, Fork: true}},
		"GitLab: without its projects":     {onLab("merge_request_event"), "", Trigger{Event: "merge_request_event (fork, in this project)", Trust: Untrusted, PullRequest: true, Fork: true}},
		"GitLab: another host's own":       {onLab("external_pull_request_event", "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY", "a/b", "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY", "a/b"), "", Trigger{Event: "external_pull_request_event", Trust: Unmerged, PullRequest: true}},
		"GitLab: another host's fork":      {onLab("external_pull_request_event", "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY", "a/b", "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY", "m/b"), "", Trigger{Event: "external_pull_request_event (fork)", Trust: Untrusted, PullRequest: true, Fork: true}},
		"GitLab: an event of tomorrow":     {onLab("telepathy"), "", Trigger{Event: "telepathy", Trust: Untrusted}},
		"Pipelines: a branch":              {map[string]string{"BITBUCKET_BUILD_NUMBER": "1"}, "", Trigger{Event: "branch, tag, custom or schedule", Trust: Trusted}},
		"Pipelines: a pull request":        {map[string]string{"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_PR_ID": "7"}, "", Trigger{Event: "pull request", Trust: Unmerged, PullRequest: true}},
		"a terminal":                       {nil, "", Trigger{Event: "manual", Trust: Trusted}},
		"Travis: a push":                   {map[string]string{"CI": "true", "TRAVIS_PULL_REQUEST": "false"}, "", Trigger{Event: "manual", Trust: Trusted}},
		"Jenkins: a pull request":          {map[string]string{"CI": "true", "CHANGE_ID": "7"}, "", Trigger{Event: "pull request", Trust: Untrusted, PullRequest: true}},
	} {
		env := maps.Clone(test.env)
		if test.payload != "" {
			env["GITHUB_EVENT_PATH"] = filepath.Join(t.TempDir(), "event.json")
			if err := os.WriteFile(env["GITHUB_EVENT_PATH"], []byte(test.payload), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p, _ := detect(env)
		if diff := cmp.Diff(test.want, p.Trigger()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestTriggersAreDocumented holds the table of docs/action.md to the rules.
func TestTriggersAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/action.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| CI | event | trust | why |\n| --- | --- | --- | --- |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var want []string
	for _, rule := range Rules() {
		want = append(want, "| "+rule.CI+" | `"+rule.Event+"` | "+string(rule.Trust)+" | "+rule.Why+" |")
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), table); diff != "" {
		t.Errorf("docs/action.md (-want +got):\n%s", diff)
	}
}

// TestMasksCoverTheSecretInAnyText: what GitHub blackens is what was masked, so the
// secret must not be left in a text after every mask is taken out of it.
func TestMasksCoverTheSecretInAnyText(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"password", "pass", "a longer secret with spaces?", "line one of it\nline two of it\r\n  line three", "ümläut-secret"} {
		p, out := detect(map[string]string{"GITHUB_ACTIONS": "true"})
		NewMasker(p).Mask(redact.New(secret))
		masks := strings.Split(strings.TrimSpace(strings.ReplaceAll(out.String(), "::add-mask::", "")), "\n")
		black := func(text string) string {
			for _, mask := range masks {
				text = strings.ReplaceAll(text, mask, "***")
			}
			return text
		}
		for line := range strings.Lines(secret) {
			line = strings.TrimSpace(line)
			if got := black("is " + line + "!"); got != "is ***!" {
				t.Errorf("%q: %q is left", secret, got)
			}
			for _, before := range []string{"", "u", "us", "user:", "someone@example.com:"} {
				for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
					encoded := encoding.EncodeToString([]byte(before + line))
					if got := black(encoded); !strings.Contains(got, "***") {
						t.Errorf("%q after %q: %q is not masked", line, before, encoded)
					}
				}
			}
		}
	}
}

func TestMaskAnnouncesOnce(t *testing.T) {
	t.Parallel()
	p, out := detect(map[string]string{"GITHUB_ACTIONS": "true"})
	masker := NewMasker(p)
	for range 2 {
		masker.Mask(redact.New("100% a secret"))
	}
	masker.Mask(redact.New("abc")) // would blacken half of the log
	masker.Mask(redact.Secret{})
	if n := strings.Count(out.String(), "::add-mask::100%25 a secret\n"); n != 1 {
		t.Errorf("announced %d times:\n%s", n, out)
	}
	if strings.Contains(out.String(), "::abc") {
		t.Errorf("a short secret was masked:\n%s", out)
	}
}

// TestOutputsCantBeForged: a value that looks like the end of an output, and the
// beginning of another, stays one value.
func TestOutputsCantBeForged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outputs")
	p, _ := detect(map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": path})
	value := "x\n_GitHubActionsFileCommandDelimeter_\nstatus<<EOF\nunchanged\nEOF"
	for range 2 {
		if err := p.Output("plan", value); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	delimiters := regexp.MustCompile(`plan<<(ghadelimiter_[A-Z2-7]{26})\n`).FindAllStringSubmatch(string(data), -1)
	if len(delimiters) != 2 || delimiters[0][1] == delimiters[1][1] {
		t.Fatalf("delimiters are not random: %q", data)
	}
	if want := "plan<<" + delimiters[0][1] + "\n" + value + "\n" + delimiters[0][1] + "\n"; !strings.HasPrefix(string(data), want) {
		t.Errorf("%q, want %q first", data, want)
	}
}

func TestPanicsBecomeErrors(t *testing.T) {
	t.Parallel()
	p, _ := detect(map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "/nowhere/outputs", "GITHUB_STEP_SUMMARY": "/nowhere/summary"})
	if err := p.Output("status", "x"); err == nil || !strings.Contains(err.Error(), "output status") {
		t.Errorf("output: %v", err)
	}
	if err := p.Summary("x"); err == nil || !strings.Contains(err.Error(), "job summary") {
		t.Errorf("summary: %v", err)
	}
}

func TestAnnotations(t *testing.T) {
	t.Parallel()
	full := Annotation{Level: Error, Title: "linker: a,b", Message: "50%\nof it", File: "linkersync.yaml", Line: 4, Column: 5}
	for name, test := range map[string]struct {
		env  map[string]string
		a    Annotation
		want string
	}{
		"GitHub":               {map[string]string{"GITHUB_ACTIONS": "true"}, full, "::error col=5,file=linkersync.yaml,line=4,title=linker%3A a%2Cb::50%25%0Aof it\n"},
		"GitHub, no place":     {map[string]string{"GITHUB_ACTIONS": "true"}, Annotation{Level: Warning, Title: "t", Message: "m"}, "::warning title=t::m\n"},
		"GitHub, a notice":     {map[string]string{"GITHUB_ACTIONS": "true"}, Annotation{Level: Notice, Title: "t", Message: "m", File: "f"}, "::notice file=f,title=t::m\n"},
		"Pipelines":            {map[string]string{"BITBUCKET_BUILD_NUMBER": "1"}, full, "error: linkersync.yaml:4:5: linker: a,b: 50%\nof it\n"},
		"a terminal, no line":  {nil, Annotation{Level: Error, Title: "t", Message: "m", File: "f"}, "error: f: t: m\n"},
		"a terminal, no place": {nil, Annotation{Level: Error, Title: "t", Message: "m"}, "error: t: m\n"},
	} {
		p, out := detect(test.env)
		p.Annotate(test.a)
		if diff := cmp.Diff(test.want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPipelinesOutputs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	variables := filepath.Join(folder, "variables")
	p, _ := detect(map[string]string{"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_PIPE_STORAGE_DIR": folder, "BITBUCKET_PIPELINES_VARIABLES_PATH": variables})
	long := strings.Repeat("x", maxVariable+1)
	for name, value := range map[string]string{"status": "changed", "plan": long, "lines": "a\nLINKERSYNC_STATUS=unchanged"} {
		if err := p.Output(name, value); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != value {
			t.Errorf("%s: the file holds %d bytes, want %d: %v", name, len(got), len(value), err)
		}
	}
	if got, err := os.ReadFile(variables); err != nil || string(got) != "LINKERSYNC_STATUS=changed\n" {
		t.Errorf("variables: %q %v", got, err)
	}
}

func TestPlainOutputsFitGitLab(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outputs.env")
	p, _ := detect(map[string]string{OutputsVariable: path})
	for _, output := range [][2]string{{"status", "changed"}, {"plan", strings.Repeat("x", maxDotenv+1)}, {"lines", "a\nb"}} {
		if err := p.Output(output[0], output[1]); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "LINKERSYNC_STATUS=changed\n" {
		t.Errorf("%q %v", got, err)
	}
}

func TestIdentityTokens(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer asker" || r.URL.Query().Get("audience") != "aws" || r.URL.Query().Get("api-version") != "2" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte(`{"value":"minted"}`)) // the client's concern
	}))
	t.Cleanup(server.Close)
	github := func(address string) map[string]string {
		return map[string]string{"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": address, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "asker"}
	}
	for name, test := range map[string]struct {
		env         map[string]string
		want, wrong string
	}{
		"GitHub":                    {github(server.URL + "/idtoken/1?api-version=2"), "minted", ""},
		"GitHub, not allowed":       {github(""), "", "id-token: write"},
		"GitHub, not encrypted":     {github("http://token.example.com/?api-version=2"), "", "must be https"},
		"GitHub, refused":           {github(server.URL + "/?api-version=1"), "", "ask GitHub"},
		"Pipelines":                 {map[string]string{"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_STEP_OIDC_TOKEN": "step"}, "step", ""},
		"Pipelines, without oidc":   {map[string]string{"BITBUCKET_BUILD_NUMBER": "1"}, "", "oidc: true"},
		"any other CI":              {map[string]string{TokenVariable: "theirs"}, "theirs", ""},
		"any other CI, without one": {nil, "", TokenVariable},
	} {
		p, _ := detect(test.env)
		got, err := p.IdentityToken(context.Background(), "aws")
		switch {
		case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%s: error %v, want %q in it", name, err, test.wrong)
		case test.wrong == "" && (err != nil || got.Reveal() != test.want):
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "asker") {
			t.Errorf("%s: the error holds the credential: %v", name, err)
		}
	}
}
