package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/term"

	"github.com/linkersync/linkersync/action/internal/cli"
	"github.com/linkersync/linkersync/internal/schema"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/rollout"
)

// mark is in every secret of the scripts' world, and in nothing else: no output may
// have it.
const mark = "kanarie"

// exitLeaked is the exit code of a command that printed a secret, whatever it did.
const exitLeaked = 99

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"linkersync": func() { os.Exit(linkersync()) }})
}

// linkersync is the command as main.go runs it, but for a clock that can be wrong
// and an output that is searched for secrets.
func linkersync() int {
	var seen bytes.Buffer
	process := cli.Process{
		Getenv: os.Getenv, Stdin: os.Stdin, Stdout: io.MultiWriter(os.Stdout, &seen), Stderr: io.MultiWriter(os.Stderr, &seen), Version: "test",
	}
	// A terminal is one only as it is; the script looks for secrets there.
	if term.IsTerminal(int(os.Stdout.Fd())) {
		process.Stdout = os.Stdout
	}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		process.Stderr = os.Stderr
	}
	if offset, err := time.ParseDuration(os.Getenv("TEST_CLOCK")); err == nil {
		process.Now = func() time.Time { return time.Now().Add(offset) }
	}
	code := cli.Run(context.Background(), os.Args[1:], process)
	if strings.Contains(seen.String(), mark) {
		_, _ = fmt.Fprintln(os.Stderr, "a secret was printed")
		return exitLeaked
	}
	return code
}

// TestScripts plays the command against the simulators: testdata/script. Beside
// testscript's own commands there are
//
//	exits CODE ARG…           run linkersync ARG… and want this exit code
//	calls bitbucket|aws|infisical N WORDS…  want N calls since the last time, of "GET /path" or an AWS operation
//	breaks bitbucket|aws METHOD|TARGET PATH STATUS BODY  answer so from now on
//	mends bitbucket|aws       stop that
//	removed                   Bitbucket takes the linker endpoints away
//	stops [now]               the deployment suspects that the endpoints are gone, or is stopped
//	values WORKSPACE LINKER VALUE…  want these values at Bitbucket
//	stored N                  want N secrets in Secrets Manager
//	damaged WORKSPACE         the workspace's secret is one that nobody can read
//	ran RUN WORKSPACE=OUTCOME…  there was such a run
//	secret NAME VALUE         Secrets Manager has this secret
//	letter WORKSPACE REASON   a message about the workspace was given up
//	harmless [REGEXP]         want no workflow command in the last output, and REGEXP in it
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			w, err := newScriptWorld()
			if err != nil {
				return err
			}
			env.Defer(w.close)
			env.Values[worldKey{}] = w
			env.Vars = append(env.Vars, w.environment()...)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": wantExit, "calls": wantCalls, "breaks": breaks, "mends": mends, "removed": removed, "stops": stops, "values": wantValues, "stored": wantStored,
			"damaged": damaged, "harmless": harmless, "ran": ran, "letter": letter, "secret": secret,
		},
	})
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *scriptWorld { return ts.Value(worldKey{}).(*scriptWorld) }

func wantExit(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("linkersync", args[1:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
	for _, arg := range args[1:] {
		if strings.HasPrefix(arg, "--json") {
			ts.Check(valid([]byte(ts.ReadFile("stdout")), arg == "--json"))
		}
	}
	if strings.Contains(ts.ReadFile("stderr"), "goroutine ") {
		ts.Fatalf("a stack trace")
	}
}

var outputSchema = sync.OnceValues(func() (*jsonschema.Schema, error) { return schema.Compile("../../../docs/output.schema.json") })

// valid holds what was printed to the published schema; whole wants one document.
func valid(printed []byte, whole bool) error {
	compiled, err := outputSchema()
	if err != nil {
		return err
	}
	count, err := schema.CheckAll(compiled, printed)
	if err == nil && (count == 0 || whole && count > 1) {
		err = fmt.Errorf("%d documents were printed", count)
	}
	return err
}

func (w *scriptWorld) faults(name string) *fault.Injector {
	switch name {
	case "aws":
		return w.aws.Faults
	case "infisical":
		return w.infisical.Faults()
	}
	return w.bitbucket.Faults()
}

func wantCalls(ts *testscript.TestScript, _ bool, args []string) {
	faults := worldOf(ts).faults(args[0])
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	wanted := strings.Join(args[2:], " ")
	got := faults.CountFunc(func(call fault.Call) bool {
		return strings.HasPrefix(call.Method+" "+call.Path, wanted) || strings.HasSuffix(call.Target, "."+wanted)
	})
	if got != want {
		ts.Fatalf("%d calls of %q, want %d:\n%v", got, wanted, want, faults.Calls())
	}
	faults.ResetCalls()
}

func breaks(ts *testscript.TestScript, _ bool, args []string) {
	match := fault.Path(args[1], args[2])
	status, err := strconv.Atoi(args[3])
	ts.Check(err)
	effect := fault.Respond(status, nil, args[4])
	if args[0] == "aws" {
		match, effect = fault.Target(args[1]), fault.AWSError(status, args[4], "refused for the test")
	}
	worldOf(ts).faults(args[0]).Add(match, fault.Always(), effect)
}

func mends(ts *testscript.TestScript, _ bool, args []string) { worldOf(ts).faults(args[0]).Clear() }

func removed(ts *testscript.TestScript, _ bool, _ []string) {
	worldOf(ts).bitbucket.Configure(func(s *simbitbucket.Switches) { s.Removed = simbitbucket.RemovedGone })
}

func stops(ts *testscript.TestScript, _ bool, args []string) {
	table := &rollout.Table{DynamoDB: dynamodb.NewFromConfig(worldOf(ts).aws.Config()), Name: "linkersync"}
	ts.Check(table.Suspect(context.Background(), scriptApp, "GET /2.0/addon/linkers: 410 Gone"))
	if len(args) > 0 {
		_, err := table.ClaimProbe(context.Background(), scriptApp, time.Minute)
		ts.Check(err)
		_, err = table.Stop(context.Background(), scriptApp)
		ts.Check(errors.Join(err, table.NoteProbe(context.Background(), scriptApp, "GET /2.0/addon/linkers answers 410", true)))
	}
}

func ran(ts *testscript.TestScript, _ bool, args []string) {
	ctx, config := context.Background(), worldOf(ts).aws.Config()
	table := &rollout.Table{DynamoDB: dynamodb.NewFromConfig(config), Name: "linkersync"}
	run, err := table.OpenRun(ctx, args[0], scriptApp)
	ts.Check(err)
	var keys []string
	for _, arg := range args[1:] {
		workspace, _, _ := strings.Cut(arg, "=")
		keys = append(keys, clientKey(workspace))
	}
	page, err := table.OpenPage(ctx, run, keys)
	ts.Check(err)
	run, err = table.AdvanceRun(ctx, run, page, len(keys), "")
	ts.Check(err)
	for i, arg := range args[1:] {
		_, outcome, _ := strings.Cut(arg, "=")
		run, err = table.Report(ctx, queue.Message{Run: args[0], Page: page, ClientKey: keys[i]}, rollout.Result{Outcome: rollout.Outcome(outcome)})
		ts.Check(err)
	}
	_, _, err = rollout.Announce(ctx, table, rollout.Bus{EventBridge: eventbridge.NewFromConfig(config), Name: "linkersync"}, run)
	ts.Check(err)
}

func secret(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(worldOf(ts).aws.Secrets.Add(args[0], args[1], nil))
}

func letter(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	letters := queue.Queue{SQS: sqs.NewFromConfig(w.aws.Config()), DeadLettersURL: w.queueURL("dead-letters")}
	ts.Check(letters.DeadLetter(context.Background(), `{"task":"values","client_key":"`+clientKey(args[0])+`"}`, args[1]))
}

func wantValues(ts *testscript.TestScript, _ bool, args []string) {
	in, _ := worldOf(ts).bitbucket.Installation(clientKey(args[0]))
	if got, want := strings.Join(in.Values[args[1]], " "), strings.Join(args[2:], " "); got != want {
		ts.Fatalf("the values are %q, want %q", got, want)
	}
}

func wantStored(ts *testscript.TestScript, _ bool, args []string) {
	if names := worldOf(ts).aws.Secrets.Names(); strconv.Itoa(len(names)) != args[0] {
		ts.Fatalf("%d secrets, want %s: %q", len(names), args[0], names)
	}
}

func damaged(ts *testscript.TestScript, _ bool, args []string) {
	name, err := installation.EncodeName(scriptApp, "ari:cloud:bitbucket::app/"+args[0]+"/"+scriptApp)
	ts.Check(err)
	ts.Check(worldOf(ts).aws.Secrets.Add(name, "made by hand "+mark, nil))
}

// workflowCommand is what GitHub's runner takes for a command.
var workflowCommand = regexp.MustCompile(`(?m)^\s*::|##\[`)

func harmless(ts *testscript.TestScript, _ bool, args []string) {
	said := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	if found := workflowCommand.FindString(strings.ReplaceAll(said, "\r", "\n")); found != "" {
		ts.Fatalf("%q could be a workflow command:\n%s", found, said)
	}
	for _, wanted := range args {
		if !regexp.MustCompile("(?m)" + wanted).MatchString(said) {
			ts.Fatalf("no %s in\n%s", wanted, said)
		}
	}
}
