// Package fault makes a simulated service misbehave on demand and counts the
// calls made to it.
//
// It is plain HTTP middleware: an [Injector] wraps a handler, applies the rules
// that were added to it, and records every call. It knows no service and takes
// part in no protocol, apart from the wire form of AWS errors ([AWSError]),
// which is the same for all of AWS's services.
//
//	faults := fault.New(fault.Options{Seed: 1})
//	server := httptest.NewServer(faults.Wrap(handler))
//	faults.Add(fault.Target("PutSecretValue"), fault.Once(), fault.Throttle())
//	…
//	if got := faults.Count(fault.Target("PutSecretValue")); got != 2 { … }
package fault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/clock"
)

// maxBody bounds the body of a delayed request; the services simulated here
// take far less.
const maxBody = 16 << 20

// Options configure an [Injector]. The zero value is ready to use.
type Options struct {
	// Seed makes the choices of [Probability] and [Pick] repeatable.
	Seed uint64
	// Sleep waits for d or until ctx ends, and serves [Delay]. Nil means a real timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Injector applies rules to requests and records them. It is safe for concurrent use.
type Injector struct {
	sleep    func(context.Context, time.Duration) error
	recorder recorder

	mu    sync.Mutex
	rng   *rand.Rand
	rules []*Rule
}

// New returns an injector without rules: it only records.
func New(options Options) *Injector {
	if options.Sleep == nil {
		options.Sleep = clock.Sleep
	}
	return &Injector{
		sleep: options.Sleep,
		//nolint:gosec // G404: faults must be repeatable from a seed, not unpredictable.
		rng: rand.New(rand.NewPCG(options.Seed, options.Seed)),
	}
}

// Add makes effect happen to the requests that match, when when says so. Rules
// apply in the order of adding. Every rule that matches counts the request;
// those that fire are nested, so a [Delay] goes on to the next rule while an
// answering effect ends the request.
func (in *Injector) Add(match Match, when When, effect Effect) *Rule {
	rule := &Rule{injector: in, match: match, when: when, effect: effect}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.rules = append(in.rules, rule)
	return rule
}

// KillAfter stands for the death of the client's process after its nth call
// from now on: the nth call takes effect but its answer never arrives, hook runs (it
// may cancel a context or kill a process; nil is fine), and every later call is
// reset without taking effect, until the rule is removed. With n = 0 no call
// takes effect; hook runs at the first.
func (in *Injector) KillAfter(n int, hook func()) *Rule {
	if n < 1 {
		return in.Add(Any(), Always(), die(hook, false))
	}
	return in.Add(Any(), From(n), Kill(hook))
}

// Clear removes all rules; recorded calls stay.
func (in *Injector) Clear() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.rules = nil
}

// Wrap returns a handler that records each request, applies the rules that fire
// and lets next answer the rest.
func (in *Injector) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := newCall(r)
		recorded := in.recorder.begin(call)
		// The status is noted before it is sent, so that a client that has its
		// answer finds the call complete in the log.
		answer := &statusWriter{ResponseWriter: w, note: func(status int) { in.recorder.finish(recorded, status) }}
		handler := next
		for _, effect := range slices.Backward(in.firing(call)) {
			handler = effect.around(in, handler)
		}
		handler.ServeHTTP(answer, r)
		answer.noteOnce(http.StatusOK) // what net/http sends for a handler that wrote nothing
	})
}

// firing counts the call in every rule that matches and returns the effects of
// those that fire, in the order of adding.
func (in *Injector) firing(call Call) []Effect {
	in.mu.Lock()
	defer in.mu.Unlock()
	var effects []Effect
	for _, rule := range in.rules {
		if !rule.match.matches(call) {
			continue
		}
		rule.seen++
		if rule.when.fires(rule.seen, in.rng) {
			rule.fired++
			effects = append(effects, rule.effect)
		}
	}
	return effects
}

// wait sleeps for d, at most maxDelay, or until the client gives up. It takes the
// body in first, because net/http notices a client's leaving only after that.
func (in *Injector) wait(r *http.Request, d time.Duration) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return fmt.Errorf("read request body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return in.sleep(r.Context(), min(d, maxDelay))
}
