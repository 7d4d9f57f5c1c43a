// Package stack puts the simulators and the real function binaries together as
// template.yaml puts AWS's services and the functions together: an HTTP API in
// front of lifecycle, a bus and the manifest bucket in front of dispatch, a queue
// in front of linkers, secrets in front of connections. `make run`, `make serve`,
// the end-to-end tests, the soak test and the fleet benchmark all start one.
//
// The functions and the command are the ones that are deployed; only addresses in
// their environment differ.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// Names of what the stack makes, as they appear in the functions' environment.
const (
	Bucket      = "linkersync-manifests"
	Table       = "linkersync"
	Bus         = "linkersync"
	Queue       = "linkersync-linkers"
	DeadLetters = "linkersync-linkers-dead"
	SyncQueue   = "linkersync-syncs"
	DeadEvents  = "linkersync-events-dead"
)

// Options of a stack.
type Options struct {
	// Binaries is the folder with <function>/bootstrap, as `make functions-local` makes it.
	Binaries string
	// Descriptor is the app's descriptor file.
	Descriptor string
	// AppKey is the descriptor's key.
	AppKey string
	// Workers is how many linkers processes run at a time, at least 2, which is the
	// least that AWS takes; default 4.
	Workers int
	// Visibility is how long a failed message stays away; default 360 s, as deployed.
	Visibility time.Duration
	// Output gets the functions' logs; nil drops them.
	Output io.Writer
	// Environment overrides variables of every function.
	Environment map[string]string
	// Speed is how many times faster than real time the clock of the simulated AWS
	// runs: delays, visibility and the waits between attempts of an event. 0 means 1.
	Speed int
	// Paused leaves the workers' queue alone until Resume.
	Paused bool
}

// Stack is a running deployment on loopback. Stop it.
type Stack struct {
	Bitbucket *simbitbucket.Server
	Infisical *siminfisical.Server
	AWS       *simaws.Server
	// URL is the app's base URL.
	URL string
	// Functions are by name: lifecycle, dispatch, linkers, connections.
	Functions map[string]*lambda.Runtime
	// Dispatch and Connections take events as EventBridge sends them.
	Dispatch, Connections *lambda.Async

	options Options
	gateway *http.Server
	cancel  context.CancelFunc
	resume  func()
	running sync.WaitGroup

	mu      sync.Mutex
	letters []lambda.DeadLetter
}

// Start starts everything, or nothing.
func Start(ctx context.Context, options Options) (*Stack, error) {
	if options.Workers == 0 {
		options.Workers = 4
	}
	if options.Speed == 0 {
		options.Speed = 1
	}
	if options.Visibility == 0 {
		options.Visibility = 6 * time.Minute
	}
	if options.Workers < 2 {
		return nil, fmt.Errorf("start the stack: %d workers, and AWS takes no MaximumConcurrency below 2", options.Workers)
	}
	// Functions run in their own folders, so the paths that they get are absolute.
	for _, path := range []*string{&options.Binaries, &options.Descriptor} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return nil, fmt.Errorf("start the stack: %w", err)
		}
		*path = absolute
	}
	s := &Stack{options: options, Functions: map[string]*lambda.Runtime{}}
	if err := s.start(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start the stack: %w", err)
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	s.Bitbucket = simbitbucket.New(simbitbucket.Options{})
	bitbucketURL, err := s.Bitbucket.Start()
	if err != nil {
		return err
	}
	s.Infisical = siminfisical.New(siminfisical.Options{BitbucketURL: bitbucketURL})
	if _, err := s.Infisical.Start(); err != nil {
		return err
	}
	clock := fastClock{from: time.Now(), speed: s.options.Speed}
	s.AWS = simaws.New(simaws.Options{Now: clock.now})
	if err := s.makeResources(ctx); err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.URL = "http://" + listener.Addr().String()
	if err := s.startFunctions(); err != nil {
		_ = listener.Close() // no server uses it yet
		return err
	}
	return s.connect(listener)
}

// connect makes events flow: HTTP to lifecycle, rules to dispatch and connections,
// the queues to linkers and connections.
func (s *Stack) connect(listener net.Listener) error {
	gateway := lambda.NewHTTPGateway(lambda.GatewayOptions{Function: s.Functions["lifecycle"], Timeout: gatewayTimeout})
	s.gateway = &http.Server{Handler: gateway, ReadHeaderTimeout: 10 * time.Second}
	s.running.Go(func() { _ = s.gateway.Serve(listener) }) // ends with ErrServerClosed
	s.Dispatch = s.async("dispatch")
	s.Connections = s.async("connections")
	if err := s.addRules(); err != nil {
		return err
	}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.running.Go(func() { s.wake(ctx) })
	source := lambda.EventSource{
		Client: sqs.NewFromConfig(s.AWS.Config()), QueueURL: s.queueURL(Queue), Function: s.Functions["linkers"],
		FunctionTimeout: timeouts()["linkers"], BatchSize: 1,
		// Twice as many as workers: the next batch is there when a worker is free.
		Concurrency: s.options.Workers, Pollers: 2 * s.options.Workers, Logger: s.logger(),
	}
	looks := lambda.EventSource{
		Client: source.Client, QueueURL: s.queueURL(SyncQueue), Function: s.Functions["connections"],
		FunctionTimeout: timeouts()["connections"], BatchSize: 1, Logger: s.logger(),
	}
	s.running.Go(func() { _ = looks.Run(ctx) }) // ends with the stack
	s.resume = sync.OnceFunc(func() {
		s.running.Go(func() { _ = source.Run(ctx) }) // ends with the stack
	})
	if !s.options.Paused {
		s.Resume()
	}
	return nil
}

// Resume lets the workers take messages, in a stack that was started paused.
func (s *Stack) Resume() { s.resume() }

func (s *Stack) async(function string) *lambda.Async {
	return lambda.NewAsync(lambda.AsyncOptions{Function: s.Functions[function], DeadLetter: s.keepLetter, Sleep: s.sleep})
}

func (s *Stack) logger() *slog.Logger {
	if s.options.Output == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewJSONHandler(s.options.Output, nil))
}

func (s *Stack) keepLetter(_ context.Context, letter lambda.DeadLetter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, letter)
}

// DeadEvents are the events that failed for good.
func (s *Stack) DeadEvents() []lambda.DeadLetter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]lambda.DeadLetter(nil), s.letters...)
}

// Stop ends every process and server that the stack started, and waits for them.
func (s *Stack) Stop() {
	if s.cancel != nil {
		s.cancel()
	}
	for _, async := range []*lambda.Async{s.Dispatch, s.Connections} {
		if async != nil {
			async.Stop()
		}
	}
	for _, function := range s.Functions {
		function.Stop()
	}
	if s.gateway != nil {
		_ = s.gateway.Close() // its listener is ours alone
	}
	s.running.Wait()
	if s.AWS != nil {
		s.AWS.Close()
	}
	var failed error
	if s.Infisical != nil {
		failed = errors.Join(failed, s.Infisical.Close())
	}
	if s.Bitbucket != nil {
		failed = errors.Join(failed, s.Bitbucket.Close())
	}
	_ = failed // loopback listeners of our own; there is nothing to do about them
}
