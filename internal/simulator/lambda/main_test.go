package lambda_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// handlerPath is the variable that tells tests where TestMain built the handler.
const handlerPath = "LAMBDA_TEST_HANDLER"

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds the handler once, and fails when a process outlives the tests.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lambda-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-o", binary, "./testdata/handler")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build handler: %v\n%s", err, output)
		return 1
	}
	os.Setenv(handlerPath, binary)
	code := m.Run()
	if left := children(); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "processes left behind: %v\n", left)
		return 1
	}
	return code
}

// children are the processes whose parent is this one.
func children() []int {
	var found []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		content, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		// The second field is the command in parentheses; the fourth is the parent.
		_, rest, _ := strings.Cut(string(content), ") ")
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			found = append(found, pid)
		}
	}
	return found
}

// start runs the handler as a function, and stops it with the test.
func start(t testing.TB, change func(*lambda.Function)) *lambda.Runtime {
	t.Helper()
	// Long enough for a busy machine: no test is about being fast.
	const ample = 60e9
	function := lambda.Function{Name: "handler", Binary: os.Getenv(handlerPath), Timeout: ample, InitTimeout: ample}
	if change != nil {
		change(&function)
	}
	runtime, err := lambda.Start(function)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(runtime.Stop)
	return runtime
}

// invoke runs the function on a payload that must work, and decodes the answer.
func invoke[T any](t testing.TB, runtime lambda.Invoker, payload string) T {
	t.Helper()
	answer, err := runtime.Invoke(t.Context(), []byte(payload))
	if err != nil {
		t.Fatalf("invoke %s: %v", payload, err)
	}
	var decoded T
	if err := json.Unmarshal(answer, &decoded); err != nil {
		t.Fatalf("answer %s: %v", answer, err)
	}
	return decoded
}

// state is what the handler tells about itself.
type state struct {
	PID          int      `json:"pid"`
	Count        int64    `json:"count"`
	Dir          string   `json:"dir"`
	Environ      []string `json:"environ"`
	RequestID    string   `json:"request_id"`
	ARN          string   `json:"arn"`
	Trace        string   `json:"trace"`
	FunctionName string   `json:"function_name"`
	Left         int64    `json:"left"`
}

// running tells whether there is a process with this id, a zombie included.
func running(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return err == nil
}
