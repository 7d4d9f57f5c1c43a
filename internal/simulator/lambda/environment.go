package lambda

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// environment is an execution environment: one process and the runtime API that
// only it can reach. It works on one invocation at a time.
type environment struct {
	runtime *Runtime
	// kill ends the process, also one that is yet to be made.
	kill context.CancelFunc
	// process is nil until the first invocation, which makes it.
	process *exec.Cmd
	started time.Time
	// warm is set by the first invocation that the process finished.
	warm bool
	// exited is closed when the process is gone for good.
	exited chan struct{}
	// waiting holds a token when the process asked for work.
	waiting chan struct{}
	// work hands an invocation to the request that waits for one.
	work chan *invocation
	// seen makes the cold start count once.
	seen sync.Once

	mu sync.Mutex
	// current is the invocation whose answer is due.
	current *invocation
	// failure is what the process said about its failed start.
	failure *FunctionError
	// reason is why this process, not the function itself, ended the process.
	reason error
	// exit is how the process ended.
	exit error
}

func newEnvironment(r *Runtime) *environment {
	return &environment{
		runtime: r, kill: func() {}, exited: make(chan struct{}),
		waiting: make(chan struct{}, 1), work: make(chan *invocation),
	}
}

// run brings call to an outcome and tells whether the environment can take
// another one. There is no outcome when the process died while it was idle: call
// never began, so it can run elsewhere.
func (e *environment) run(call *invocation) bool {
	if e.process == nil {
		if err := e.spawn(); err != nil {
			close(e.exited)
			call.decide(nil, e.launchError(call, err))
			return false
		}
		if !e.awaitInit(call) {
			return false
		}
	}
	return e.execute(call)
}

// spawn makes the process and its runtime API.
func (e *environment) spawn() error {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen on loopback: %w", err)
	}
	function := e.runtime.function
	ctx, cancel := context.WithCancel(context.Background())
	process := exec.CommandContext(ctx, function.Binary)
	process.Dir = filepath.Dir(function.Binary)
	process.Env = list(function.environ(listener.Addr().String()))
	process.Stdout, process.Stderr = e.runtime.output, e.runtime.output
	// A child of the process that holds its output open must not hold us.
	process.WaitDelay = time.Second

	e.mu.Lock()
	err = e.reason
	if err == nil {
		e.kill = cancel
		e.started = time.Now()
		err = process.Start()
	}
	e.mu.Unlock()
	if err != nil {
		cancel()
		_ = listener.Close()
		return err
	}
	e.process = process
	server := &http.Server{Handler: e.api(), ReadHeaderTimeout: 10 * time.Second}
	e.runtime.work.Add(2)
	go func() {
		defer e.runtime.work.Done()
		_ = server.Serve(listener) // returns when reap closes the server
	}()
	go e.reap(process, server, cancel)
	return nil
}

func (e *environment) reap(process *exec.Cmd, server *http.Server, cancel context.CancelFunc) {
	defer e.runtime.work.Done()
	err := process.Wait()
	cancel()
	e.mu.Lock()
	e.exit = err
	e.mu.Unlock()
	close(e.exited)
	_ = server.Close()
}

// awaitInit waits until the process asks for work. AWS starts a failed one once
// more before it reports; here the report comes at once.
func (e *environment) awaitInit(call *invocation) bool {
	limit := e.runtime.function.InitTimeout
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-e.waiting:
		return true
	case <-e.exited:
		call.decide(nil, e.exitError(call))
	case <-timer.C:
		e.stop(timeoutError{"Init", limit})
		call.decide(nil, e.exitError(call))
	}
	return false
}

// execute hands call to the process and waits until it is answered and the
// process asks for more: only that ends an invocation.
func (e *environment) execute(call *invocation) bool {
	limit := e.runtime.function.Timeout
	call.deadline = time.Now().Add(limit)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	work, taken := e.work, false
	for {
		select {
		case work <- call:
			work, taken = nil, true
		case <-e.waiting:
			// A request for work that was given up leaves its token, too.
			if taken && call.isDecided() {
				e.runtime.stats.memory(processMemory(e.process.Process.Pid, linePeak))
				e.warm = true
				return true
			}
		case <-e.exited:
			if taken || !e.warm || e.wasStopped() {
				call.decide(nil, e.exitError(call))
			}
			return false
		case <-timer.C:
			e.stop(timeoutError{"Task", limit})
		}
	}
}

// timeoutError is the reason for ending a process that took too long.
type timeoutError struct {
	what  string
	limit time.Duration
}

func (e timeoutError) Error() string {
	return fmt.Sprintf("%s timed out after %.2f seconds", e.what, e.limit.Seconds())
}

// stop ends the process, whether or not it was made yet, and waits until it is
// gone. reason is what an invocation that is not decided fails with.
func (e *environment) stop(reason error) {
	e.mu.Lock()
	if e.reason == nil {
		e.reason = reason
	}
	e.kill()
	e.mu.Unlock()
	<-e.exited
}

// wasStopped tells whether this process ended the other on purpose.
func (e *environment) wasStopped() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.reason != nil
}

// alive asks the system as well: a process is gone a moment before its output is
// read to the end and exited is closed.
func (e *environment) alive() bool {
	select {
	case <-e.exited:
		return false
	default:
		return !errors.Is(e.process.Process.Signal(syscall.Signal(0)), os.ErrProcessDone)
	}
}

// exitError is why an invocation has no answer although the process is gone.
func (e *environment) exitError(call *invocation) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.failure != nil:
		e.failure.RequestID = call.id
		return e.failure
	case errors.Is(e.reason, ErrStopped):
		return fmt.Errorf("invoke %s: %w", e.runtime.function.Name, ErrStopped)
	case e.reason != nil:
		return e.fail(call, TypeTimeout, e.reason.Error())
	case e.exit != nil:
		return e.fail(call, TypeExit, "Runtime exited with error: "+e.exit.Error())
	default:
		return e.fail(call, TypeExit, "Runtime exited without providing a reason")
	}
}

func (e *environment) launchError(call *invocation, err error) error {
	if errors.Is(err, ErrStopped) {
		return fmt.Errorf("invoke %s: %w", e.runtime.function.Name, err)
	}
	return e.fail(call, TypeLaunch, "can't start the bootstrap: "+err.Error())
}

func (e *environment) fail(call *invocation, kind, detail string) *FunctionError {
	return failure(e.runtime.function.Name, call.id, kind, detail)
}
