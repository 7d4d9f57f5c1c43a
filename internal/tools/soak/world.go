package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/internal/simulator/stack"
	"github.com/linkersync/linkersync/shared/rollout"
)

// connections is how many tokens are rotated.
const connections = 3

// world is the stack, and what was asked of it.
type world struct {
	stack *stack.Stack
	seed  uint64
	logs  *recording
	// actors live on after the storm, for their last words.
	actors []*actor

	mu sync.Mutex
	// installed and own are by workspace; a workspace without own values has the default's.
	installed map[string]bool
	own       map[string][]string
	fallback  []string
	// tokens are the newest by connection.
	tokens map[string]string
	// secrets is everything that may appear in no output.
	secrets []string
	// events were on the bus; some of them come again.
	events []eventbridge.Event
	// runs are the accepted changes by run, and ended how runs ended.
	runs  map[string]string
	ended map[string]outcome
	tally map[string]int
	// stopped are brownouts that were taken for more, slowest is the longest recovery.
	stopped []string
	slowest time.Duration
}

func newWorld(s *stack.Stack, seed uint64, logs *recording) (*world, error) {
	w := &world{
		stack: s, seed: seed, logs: logs, installed: map[string]bool{}, own: map[string][]string{},
		tokens: map[string]string{}, tally: map[string]int{}, runs: map[string]string{}, ended: map[string]outcome{}, secrets: []string{stack.AppSecret, stack.ClientSecret, stack.Token},
	}
	if err := s.Seed(); err != nil {
		return nil, err
	}
	for n := range actors {
		w.actors = append(w.actors, w.newActor(n))
	}
	return w, w.listen()
}

func (w *world) rng(actor uint64) *rand.Rand {
	return rand.New(rand.NewPCG(w.seed, actor)) //nolint:gosec // G404: choices must be repeatable
}

// asked records an event of a kind, and what changes with it.
func (w *world) asked(kind string, change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally[kind]++
	change()
}

// change announces a manifest, for one workspace or for all, and notes its run.
func (w *world) change(ctx context.Context, kind, of string, change rollout.Change, note func()) error {
	run, err := w.stack.Change(ctx, change)
	if err != nil {
		return err
	}
	w.asked(kind, func() {
		w.runs[run] = of
		note()
	})
	return nil
}

// secret makes one up that the checker looks for in every output.
func (w *world) secret(rng *rand.Rand, kind string) string {
	made := fmt.Sprintf("soak-%s-%016x%016x", kind, rng.Uint64(), rng.Uint64())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, made)
	return made
}

// again returns an event that was on the bus before.
func (w *world) again(rng *rand.Rand) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) == 0 {
		return nil, errors.New("no event yet")
	}
	return json.Marshal(w.events[rng.IntN(len(w.events))])
}

func (w *world) counts() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	total, kinds := 0, ""
	for _, kind := range slices.Sorted(keys(w.tally)) {
		total += w.tally[kind]
		kinds += fmt.Sprintf(", %d %s", w.tally[kind], kind)
	}
	return fmt.Sprintf("%d events%s", total, kinds)
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// rotate makes a connection's token a new one that Bitbucket knows.
func (w *world) rotate(ctx context.Context, rng *rand.Rand, name string) error {
	token := w.secret(rng, "token")
	user := simbitbucket.User{Email: stack.Email, DisplayName: "CI"}
	w.mu.Lock()
	w.tokens[name] = token
	// The tokens before the newest go on working, as while a rotation is under way.
	for _, secret := range w.secrets {
		user.Tokens = append(user.Tokens, simbitbucket.Token{Value: secret, Scopes: []string{"read:user:bitbucket"}})
	}
	w.tally["rotations"]++
	w.mu.Unlock()
	if err := w.stack.Bitbucket.Seed(simbitbucket.State{Users: []simbitbucket.User{user}}); err != nil {
		return err
	}
	value, err := json.Marshal(map[string]string{"email": stack.Email, "token": token, "connection": name})
	if err != nil {
		return err
	}
	return w.putSecret(ctx, "soak/"+name, string(value))
}

// connection is what Infisical has.
func (w *world) connection(name string) []siminfisical.Connection {
	var found []siminfisical.Connection
	for _, connection := range w.stack.Infisical.Snapshot().Connections {
		if connection.Name == name {
			found = append(found, connection)
		}
	}
	return found
}

// settle waits until nothing is on its way any more.
func (w *world) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	w.stack.AWS.Events.Wait()
	if err := errors.Join(w.stack.Dispatch.Wait(ctx), w.stack.Connections.Wait(ctx)); err != nil {
		return err
	}
	for {
		left := len(w.stack.AWS.Queues.Messages(stack.Queue))
		if left == 0 {
			w.stack.AWS.Events.Wait() // for the ends of runs
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("%d messages did not settle in %v: %w", left, settle, err)
		}
	}
}

func pause(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// recording keeps the functions' output for the checker.
type recording struct {
	copy io.Writer
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (r *recording) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.copy != nil {
		_, _ = r.copy.Write(p) // the copy is for a person; the checker has its own
	}
	return r.text.Write(p)
}

func (r *recording) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.text.Bytes())
}
