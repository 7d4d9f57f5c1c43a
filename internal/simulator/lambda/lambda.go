// Package lambda runs real bootstrap binaries as AWS Lambda does: it spawns a
// process per concurrent execution, feeds it through the runtime API on loopback,
// ends it when it takes too long, and replaces it when it dies. Around that it
// plays what calls functions: an HTTP API of API Gateway ([HTTPGateway]), an event
// source mapping on an SQS queue ([EventSource]) and asynchronous invocations
// with retries and a dead-letter target ([Async]).
//
// It serves the tests, the demo and the cold-start benchmarks. It is no sandbox:
// the process runs as this user, its memory and CPU are measured and not limited,
// and there are no permissions. A function gets the environment that Lambda gives
// and nothing of this process's own.
//
//	function, err := lambda.Start(lambda.Function{Name: "lifecycle", Binary: "bin/functions/lifecycle/bootstrap"})
//	defer function.Stop()
//	answer, err := function.Invoke(ctx, []byte(`{}`))
//
// Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// What Lambda takes and assumes.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	// MaxPayload is in bytes, of a synchronous request and of an answer.
	MaxPayload = 6 << 20
	// DefaultTimeout is how long an invocation may take.
	DefaultTimeout = 3 * time.Second
	// DefaultInitTimeout is how long a process may take to its first request for work.
	DefaultInitTimeout = 10 * time.Second
	// DefaultConcurrency is how many processes a function has at most.
	DefaultConcurrency = 10
)

// The account and the region of functions that name none.
const (
	Account       = "111122223333"
	DefaultRegion = "eu-central-1"
)

// Function is what a deployment says about one Lambda function. Name and Binary
// are required.
type Function struct {
	Name string
	// Binary is the path of the bootstrap. Its folder is the function's task root
	// and working directory, so files that are deployed beside it are found.
	Binary string
	// Env are the deployment's environment variables. Reserved ones are refused,
	// as by AWS.
	Env map[string]string
	// Timeout and InitTimeout default to the constants of these names.
	Timeout, InitTimeout time.Duration
	// Concurrency is the reserved concurrency.
	Concurrency int
	// Region is of the function's ARN and of its AWS clients.
	Region string
	// Credentials are those of the function's role.
	Credentials Credentials
	// Output gets a copy of what the processes write to stdout and stderr. It must
	// be safe for concurrent use when several functions share it. The last part of
	// the output is kept in any case, see [Runtime.Output].
	Output io.Writer
}

// Runtime is a started [Function]. It is safe for concurrent use.
type Runtime struct {
	function Function
	output   *tail
	stats    stats

	mu      sync.Mutex
	stopped bool
	// idle are waiting for work, the one that worked last at the end.
	idle []*environment
	all  map[*environment]struct{}
	// work counts processes and invocations, for Stop.
	work sync.WaitGroup
}

// Start checks the function and gets ready to run it; the first process is
// spawned by the first [Runtime.Invoke]. Stop it.
func Start(function Function) (*Runtime, error) {
	function = function.withDefaults()
	if err := function.validate(); err != nil {
		return nil, fmt.Errorf("start function %s: %w", function.Name, err)
	}
	binary, err := filepath.Abs(function.Binary)
	if err != nil {
		return nil, fmt.Errorf("start function %s: %w", function.Name, err)
	}
	function.Binary = binary
	return &Runtime{
		function: function,
		output:   &tail{limit: maxOutput, tee: function.Output},
		all:      map[*environment]struct{}{},
	}, nil
}

func (f Function) withDefaults() Function {
	if f.Timeout == 0 {
		f.Timeout = DefaultTimeout
	}
	if f.InitTimeout == 0 {
		f.InitTimeout = DefaultInitTimeout
	}
	if f.Concurrency == 0 {
		f.Concurrency = DefaultConcurrency
	}
	if f.Region == "" {
		f.Region = DefaultRegion
	}
	return f
}

func (f Function) validate() error {
	info, err := os.Stat(f.Binary)
	if err != nil {
		return fmt.Errorf("find bootstrap, build it first: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("find bootstrap: %s is not an executable file", f.Binary)
	}
	return validateEnv(f.Env)
}

// ARN returns the function's Amazon resource name.
func (r *Runtime) ARN() string {
	return "arn:aws:lambda:" + r.function.Region + ":" + Account + ":function:" + r.function.Name
}

// Invoke runs the function on payload, which must be JSON, and returns its answer.
//
// A function that failed, crashed or took too long is a [*FunctionError]. Lambda
// refusing to run it is [ErrThrottled], [ErrPayload] or [ErrStopped]. When ctx
// ends first, its error comes back and the function runs on, as in AWS.
func (r *Runtime) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if len(payload) > MaxPayload || !json.Valid(payload) {
		return nil, fmt.Errorf("invoke %s with %d bytes: %w", r.function.Name, len(payload), ErrPayload)
	}
	env, err := r.acquire()
	if err != nil {
		return nil, fmt.Errorf("invoke %s: %w", r.function.Name, err)
	}
	call := newInvocation(payload)
	go r.run(env, call)
	select {
	case answer := <-call.answered:
		return answer.payload, answer.err
	case <-ctx.Done():
		return nil, fmt.Errorf("invoke %s: %w", r.function.Name, ctx.Err())
	}
}

// run brings one invocation to its end and the environment back to the idle ones
// or out of the world. acquire counted it.
func (r *Runtime) run(env *environment, call *invocation) {
	defer r.work.Done()
	alive := env.run(call)
	if !call.isDecided() {
		env = r.replace(env)
		alive = env.run(call)
	}
	r.release(env, alive)
	answer := call.outcome()
	r.stats.count(answer.err)
	// Only now, so that the next Invoke finds the environment idle, and so that a
	// caller who sees the answer sees the statistics that belong to it.
	call.answered <- answer
}

// Output returns the last 256 KiB that the processes wrote.
func (r *Runtime) Output() string { return r.output.String() }

// Stop ends every process and waits until they are gone. Invocations under way
// end with [ErrStopped]. It may be called more than once.
func (r *Runtime) Stop() {
	r.mu.Lock()
	r.stopped = true
	environments := make([]*environment, 0, len(r.all))
	for env := range r.all {
		environments = append(environments, env)
	}
	r.mu.Unlock()
	for _, env := range environments {
		env.stop(ErrStopped)
	}
	r.work.Wait()
}
