package ci_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/linkersync/linkersync/action/internal/cli"
	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

var update = flag.Bool("update", false, "write what is seen into the scripts' golden files")

// runMain lets the scripts start this test binary as the command.
func runMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"linkersync": func() {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		os.Exit(cli.Run(ctx, os.Args[1:], cli.Process{Getenv: os.Getenv, Stdin: strings.NewReader(""), Stdout: os.Stdout, Stderr: os.Stderr, Version: "test"}))
	}})
}

// TestStep plays whole steps: each script is one case on one platform, and holds
// log, outputs and summary to the byte.
func TestStep(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata", UpdateScripts: *update, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			w, err := newWorld(t.Context())
			if err != nil {
				return err
			}
			env.Defer(w.close)
			env.Values["world"] = w
			setup(env, w)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"github": github, "bitbucket": bitbucket, "step": runStep, "break": breakLinker, "mint": mint, "stored": stored, "lines": lines,
			"named": named, "sent": sent, "values": values,
		},
	})
}

// setup gives a step what every platform gives it, and the world's addresses.
func setup(env *testscript.Env, w *world) {
	for _, variable := range w.cloud.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		env.Setenv(name, value)
	}
	env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	env.Setenv("LINKERSYNC_BITBUCKET_URL", w.bitbucket.URL())
	env.Setenv("LINKERSYNC_BITBUCKET_AUTH_URL", w.bitbucket.URL())
	env.Setenv("LINKERSYNC_REQUESTS_PER_SECOND", "1000")
	env.Setenv("INFISICAL", w.infisical.URL())
	env.Setenv("API_TOKEN", token)
	env.Setenv("LINKERSYNC_ALLOW_ENV", "API_TOKEN")
}

// github makes the platform GitHub Actions: github EVENT [HEAD_REPOSITORY].
func github(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value("world").(*world)
	head := "acme/app"
	if len(args) > 1 {
		head = args[1]
	}
	event := `{"pull_request":{"head":{"repo":{"full_name":"` + head + `"}},"base":{"repo":{"full_name":"acme/app"}}}}`
	write(ts, "event.json", event)
	for name, value := range map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": args[0], "GITHUB_EVENT_PATH": ts.MkAbs("event.json"),
		"GITHUB_OUTPUT": ts.MkAbs("outputs"), "GITHUB_STEP_SUMMARY": ts.MkAbs("summary"),
		"ACTIONS_ID_TOKEN_REQUEST_URL": w.github.URL + "/?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": requestToken,
		"INPUT_INFISICAL_URL": w.infisical.URL(),
	} {
		ts.Setenv(name, value)
	}
}

// bitbucket makes the platform Bitbucket Pipelines: bitbucket [PULL_REQUEST].
func bitbucket(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.MkdirAll(ts.MkAbs("storage"), 0o700))
	ts.Setenv("BITBUCKET_BUILD_NUMBER", "7")
	ts.Setenv("BITBUCKET_PIPE_STORAGE_DIR", ts.MkAbs("storage"))
	ts.Setenv("BITBUCKET_PIPELINES_VARIABLES_PATH", ts.MkAbs("outputs"))
	ts.Setenv("INFISICAL_URL", ts.Value("world").(*world).infisical.URL())
	if len(args) > 0 {
		ts.Setenv("BITBUCKET_PR_ID", args[0])
	}
}

// mint puts an identity token into a variable: mint VARIABLE AUDIENCE.
func mint(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], ts.Value("world").(*world).mint(args[1]))
}

// named gives the workspace another name, as its owner may at any time: named NAME.
func named(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Value("world").(*world).rename(context.Background(), args[0]))
}

// lines puts a value of several lines into a variable: lines VARIABLE LINE...
func lines(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.Join(args[1:], "\n"))
}

// breakLinker makes Bitbucket refuse everything about one linker: break KEY [WORDS].
func breakLinker(ts *testscript.TestScript, _ bool, args []string) {
	w, words := ts.Value("world").(*world), "locked"
	if len(args) > 1 {
		words = args[1]
	}
	w.bitbucket.Faults().Add(fault.Path("", "/2.0/addon/linkers/"+args[0]+"/.*"), fault.Always(),
		fault.Respond(http.StatusForbidden, http.Header{"Content-Type": {"application/json"}}, `{"type":"error","error":{"message":"`+words+`"}}`))
}

// stored checks what Bitbucket holds: stored LINKER VALUES, separated by commas.
func stored(ts *testscript.TestScript, _ bool, args []string) {
	in, _ := ts.Value("world").(*world).bitbucket.Installation(clientKey)
	if got := strings.Join(in.Values[args[0]], ","); got != args[1] {
		ts.Fatalf("%s holds %s, want %s", args[0], got, args[1])
	}
}

// runStep runs the step: step EXIT_CODE. It leaves log, errors, outputs and summary
// as files, with what differs from run to run replaced, and looks for secrets in
// everything that the run wrote.
func runStep(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range []string{"outputs", "summary"} {
		write(ts, name, "")
	}
	code := 0
	if err := ts.Exec("linkersync", "action"); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	log := ts.ReadFile("stdout")
	write(ts, "log", log)
	write(ts, "errors", ts.ReadFile("stderr"))
	noSecrets(ts, log)
	for _, name := range []string{"log", "errors", "outputs", "summary"} {
		write(ts, name, normal(ts, ts.ReadFile(name)))
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s\n%s%s", code, args[0], ts.ReadFile("log"), ts.ReadFile("errors"))
	}
}

func write(ts *testscript.TestScript, name, content string) {
	ts.Check(os.WriteFile(ts.MkAbs(name), []byte(content), 0o600))
}

// noSecrets looks for every secret of the world, as it is and in base64, in all
// files that the step wrote, and in its log but for the commands that mask. Masks
// come before anything else is said.
func noSecrets(ts *testscript.TestScript, log string) {
	var said strings.Builder
	spoke := false
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "::add-mask::") {
			if value := strings.TrimSpace(strings.TrimPrefix(line, "::add-mask::")); spoke && slices.Contains([]string{simaws.SecretAccessKey, requestToken, clientSecret}, value) {
				ts.Fatalf("a secret of the environment was masked after something was said")
			}
			continue
		}
		spoke = true
		said.WriteString(line)
	}
	texts := map[string]string{"log": said.String()}
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, entry os.DirEntry, err error) error {
		name := filepath.Base(path)
		if err == nil && entry.Type().IsRegular() && name != "log" && !strings.HasPrefix(name, "want-") && !strings.HasPrefix(name, "again-") {
			data, failed := os.ReadFile(path)
			texts[path], err = string(data), failed
		}
		return err
	}))
	// What the CI minted is masked, too, where there are masks.
	for _, token := range ts.Value("world").(*world).minted {
		if ts.Getenv("GITHUB_ACTIONS") == "true" && !strings.Contains(log, "::add-mask::"+token+"\n") {
			ts.Fatalf("an identity token was not masked")
		}
	}
	secrets := slices.Concat(lastingSecrets, ts.Value("world").(*world).minted)
	for path, text := range texts {
		for _, secret := range secrets {
			encoded := base64.StdEncoding.EncodeToString([]byte(secret))
			if strings.Contains(text, secret) || strings.Contains(text, encoded) {
				ts.Fatalf("%s holds the secret %.12s…", path, secret)
			}
		}
	}
}

// sent holds that so many events were put onto the bus: sent COUNT.
func sent(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value("world").(*world)
	if got := strconv.Itoa(w.cloud.Faults.Count(fault.Target("PutEvents"))); got != args[0] {
		ts.Fatalf("%s calls of PutEvents, want %s", got, args[0])
	}
}

// values writes so many into the file many.txt: values COUNT.
func values(ts *testscript.TestScript, _ bool, args []string) {
	count, err := strconv.Atoi(args[0])
	ts.Check(err)
	list := make([]string, count)
	for i := range list {
		list[i] = "PROJECT" + strconv.Itoa(i)
	}
	write(ts, "many.txt", strings.Join(list, "\n"))
}

// changing is what differs from run to run.
var changing = regexp.MustCompile(`ghadelimiter_[A-Z2-7]{26}|https?://127\.0\.0\.1:\d+|event [0-9a-f-]{36}|[Rr]un .?[0-9a-f]{8}-[0-9a-f-]{27}|(id":"|request )[0-9A-Za-z-]{16,}|fp [0-9a-f]{12}`)

func normal(ts *testscript.TestScript, text string) string {
	text = strings.ReplaceAll(text, ts.Getenv("WORK"), "$WORK")
	text = progress.ReplaceAllString(text, "")
	text = changing.ReplaceAllStringFunc(text, func(found string) string {
		switch {
		case strings.HasPrefix(found, "ghadelimiter_"):
			return "DELIMITER"
		case strings.HasPrefix(found, "http"):
			return "http://LOOPBACK"
		case strings.HasPrefix(found, "fp "):
			return "fp XXX"
		}
		return regexp.MustCompile(`[0-9A-Za-z-]{16,}$`).ReplaceAllString(found, "ID")
	})
	return maskOf.ReplaceAllStringFunc(text, func(line string) string {
		if lasting(strings.TrimPrefix(line, "::add-mask::")) {
			return line
		}
		return "::add-mask::MINTED"
	})
}

// lasting tells whether a mask is for a secret that is the same in every run, as it
// is or somewhere in base64.
func lasting(mask string) bool {
	for _, secret := range lastingSecrets {
		for before := range 3 {
			if mask == secret || strings.Contains(base64.StdEncoding.EncodeToString([]byte("xx"[:before]+secret)), mask) {
				return true
			}
		}
	}
	return false
}

var lastingSecrets = []string{sharedSecret, token, "second-line-of-the-token", clientSecret, requestToken, simaws.SecretAccessKey}

// progress is how far a run was seen to be before its end, which is a matter of luck.
var progress = regexp.MustCompile(`(?m)^(dispatching|working): .*\n`)

var maskOf = regexp.MustCompile(`(?m)^::add-mask::.*$`)

func containsBroken(manifest string) bool { return strings.Contains(manifest, "BROKEN") }

// TestEveryOutputIsThere guards the promise that "plan" can be parsed whatever
// happened, and that every output is always there.
func TestEveryOutputIsThere(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, script := range scripts {
		data, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), "-- want-outputs --") {
			continue
		}
		_, outputs, _ := strings.Cut(string(data), "-- want-outputs --\n")
		for _, name := range []string{"status", "changed", "added", "removed", "failed", "plan"} {
			if !strings.Contains(outputs, name+"<<DELIMITER\n") && !strings.Contains(outputs, "LINKERSYNC_"+strings.ToUpper(name)+"=") {
				t.Errorf("%s: no output %s", script, name)
			}
		}
		if _, plan, ok := strings.Cut(outputs, "plan<<DELIMITER\n"); ok {
			plan, _, _ = strings.Cut(plan, "\nDELIMITER")
			if !json.Valid([]byte(plan)) {
				t.Errorf("%s: the plan is no JSON: %s", script, plan)
			}
		}
	}
}
