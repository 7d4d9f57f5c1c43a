// Command soak runs the whole stack, with the functions that are deployed, through
// random events in bad weather: installs, reinstalls, uninstalls, manifests for all
// and for one workspace, rotated tokens, events that come twice, failing calls,
// brownouts, an incident, and functions that are killed while they work. Then it lets everything settle,
// gives each workspace one last manifest while the weather is still bad, so that
// nothing later can repair what was lost, and compares what is there with what was
// asked for, by means of its own.
//
// A seed makes each actor's choices repeatable; how the actors' steps interleave
// is up to the machine. `make soak` builds what it needs and runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/sqs"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/stack"
)

const (
	appKey = "example-linker-app"
	// actors act at the same time, each on workspaces of its own.
	actors = 6
	// perActor is how many workspaces that are.
	perActor = 4
	// settle bounds the wait for the last message once the weather is good again.
	settle = 5 * time.Minute
)

func main() {
	var o options
	flag.DurationVar(&o.duration, "duration", 10*time.Minute, "how long events are made")
	flag.Uint64Var(&o.seed, "seed", 1, "repeats the choices of an earlier run")
	flag.Float64Var(&o.faults, "faults", 0.3, "share of Bitbucket's calls that fail")
	flag.StringVar(&o.logs, "logs", "", "file for the functions' output")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ok, err := run(ctx, os.Stdout, o)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

type options struct {
	duration time.Duration
	seed     uint64
	faults   float64
	logs     string
}

// run soaks the stack and tells whether it came out clean.
func run(ctx context.Context, out io.Writer, o options) (ok bool, err error) {
	logs := &recording{}
	if o.logs != "" {
		file, err := os.Create(o.logs)
		if err != nil {
			return false, fmt.Errorf("keep the logs: %w", err)
		}
		defer file.Close()
		logs.copy = file
	}
	s, err := stack.Start(ctx, stack.Options{
		Binaries: "bin/functions", Descriptor: "examples/atlassian-connect.json", AppKey: appKey, Output: logs,
		// Half a minute of delay is a third of a second; visibility is 15 seconds.
		Workers: 3, Speed: speed, Visibility: 25 * time.Minute,
	})
	if err != nil {
		return false, err
	}
	defer s.Stop()
	w, err := newWorld(s, o.seed, logs)
	if err != nil {
		return false, err
	}
	aging, stopAging := context.WithCancel(ctx)
	aged := make(chan error, 1)
	go func() { aged <- w.age(aging) }()
	defer func() { stopAging(); err = errors.Join(err, <-aged) }()
	weather := w.storm(o)
	if err := w.act(ctx, o); err != nil {
		return false, err
	}
	if err := w.finish(ctx); err != nil {
		return false, err
	}
	for _, rule := range weather {
		rule.Remove()
	}
	_, _ = fmt.Fprintf(out, "seed %d: %s\n%d calls failed, %d lists broke off; the slowest recovery after a brownout took %s; settling\n",
		o.seed, w.counts(), weather[0].Fired()+weather[1].Fired(), weather[2].Fired(), w.slowest.Round(time.Second))
	if err := w.settle(ctx); err != nil {
		return false, err
	}
	return w.check().print(out), nil
}

// storm turns everything on that may go wrong.
func (w *world) storm(o options) []*fault.Rule {
	w.stack.AWS.Queues.Misbehave(stack.Queue, sqs.Misbehaviour{Duplicate: 0.2, Reorder: true, Seed: o.seed})
	// Only such as take no effect: the actors' own calls meet them, too, and each
	// has to know what it has asked for.
	return []*fault.Rule{
		w.stack.Outage(o.faults),
		w.stack.AWS.Faults.Add(fault.Any(), fault.Probability(0.02), fault.Pick(
			fault.Throttle(), fault.AWSError(500, "InternalServerError", "simulated"), fault.Reset())),
		// A next link with & for ?, as Bitbucket was seen to write. It leads to a 404.
		w.stack.Bitbucket.Faults().Add(fault.Path(http.MethodGet, "^/2.0/addon/linkers/[^/]+/values$"), fault.Probability(o.faults/10),
			fault.Respond(http.StatusOK, nil, `{"pagelen":1,"values":[],"next":"values&page=2"}`)),
	}
}

// act lets the actors act until the time is up, and returns when the last is done.
func (w *world) act(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	go w.tell(ctx, o.duration)
	var group sync.WaitGroup
	errs := make(chan error, actors+2)
	for _, actor := range w.actors {
		group.Go(func() { errs <- actor.live(ctx) })
	}
	group.Go(func() { errs <- w.newOperator().live(ctx) })
	group.Go(func() { w.newReaper().live(ctx) })
	group.Go(func() { errs <- w.outages(ctx, o.duration) })
	group.Wait()
	close(errs)
	return first(errs)
}

// tell says now and then how far it is: minutes without a word look like a hang.
func (w *world) tell(ctx context.Context, duration time.Duration) {
	ticker := time.NewTicker(20 * time.Second)
	defer ticker.Stop()
	for started := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			_, _ = fmt.Fprintf(os.Stderr, "soak: %v of %v, %s\n", now.Sub(started).Round(time.Second), duration, w.counts())
		}
	}
}

// finish waits until no message is left that could do another's work, and has each
// actor give its workspaces their last values, all actors at the same time. No message
// comes twice any more; everything else goes on failing.
func (w *world) finish(ctx context.Context) error {
	w.stack.AWS.Queues.Misbehave(stack.Queue, sqs.Misbehaviour{})
	if err := w.settle(ctx); err != nil {
		return err
	}
	var group sync.WaitGroup
	errs := make(chan error, actors)
	for _, actor := range w.actors {
		group.Go(func() { errs <- actor.last(ctx) })
	}
	group.Wait()
	close(errs)
	return first(errs)
}

func first(errs <-chan error) error {
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
