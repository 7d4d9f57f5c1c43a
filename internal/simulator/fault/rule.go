package fault

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// Match selects calls; empty fields match anything.
type Match struct {
	// Method is compared as it is: "POST".
	Method string
	// Path is matched against the escaped path, without the query.
	Path *regexp.Regexp
	// Target is an AWS operation, with or without its service:
	// "secretsmanager.GetSecretValue" or "GetSecretValue".
	Target string
}

// Any matches every call.
func Any() Match { return Match{} }

// Target matches the calls of one AWS operation.
func Target(operation string) Match { return Match{Target: operation} }

// Path matches by method (empty for any) and a regular expression on the path.
// It panics on an expression that doesn't compile, as regexp.MustCompile does.
func Path(method, expression string) Match {
	return Match{Method: method, Path: regexp.MustCompile(expression)}
}

func (m Match) matches(call Call) bool {
	if m.Method != "" && m.Method != call.Method {
		return false
	}
	if m.Path != nil && !m.Path.MatchString(call.Path) {
		return false
	}
	return m.Target == "" || m.Target == call.Target || strings.HasSuffix(call.Target, "."+m.Target)
}

// When decides which of the matching calls a rule fires on. The zero value fires
// on all of them.
type When struct {
	// decide gets the number of the call among those that match, from 1.
	decide func(nth int, rng *rand.Rand) bool
}

func (w When) fires(nth int, rng *rand.Rand) bool { return w.decide == nil || w.decide(nth, rng) }

// Always fires on every matching call.
func Always() When { return When{} }

// Once fires on the first matching call only.
func Once() When { return Nth(1) }

// Nth fires on the nth matching call only, counted from 1.
func Nth(n int) When {
	return When{func(nth int, _ *rand.Rand) bool { return nth == n }}
}

// First fires on the first n matching calls.
func First(n int) When {
	return When{func(nth int, _ *rand.Rand) bool { return nth <= n }}
}

// From fires on the nth matching call and all later ones.
func From(n int) When {
	return When{func(nth int, _ *rand.Rand) bool { return nth >= n }}
}

// Every fires on each nth matching call: n, 2n, 3n, … It panics when n is below 1.
func Every(n int) When {
	if n < 1 {
		panic("fault: Every needs n of at least 1")
	}
	return When{func(nth int, _ *rand.Rand) bool { return nth%n == 0 }}
}

// Probability fires on a share p (0 to 1) of the matching calls, chosen by the
// injector's seeded generator.
func Probability(p float64) When {
	return When{func(_ int, rng *rand.Rand) bool { return rng.Float64() < p }}
}

// Rule is a rule that was added to an injector.
type Rule struct {
	injector *Injector
	match    Match
	when     When
	effect   Effect
	// seen and fired are guarded by injector.mu.
	seen, fired int
}

// Fired returns how often the effect was applied, so that a test can show that
// what it survived did happen.
func (r *Rule) Fired() int {
	r.injector.mu.Lock()
	defer r.injector.mu.Unlock()
	return r.fired
}

// Remove ends the rule; requests under way keep the effect they were given.
func (r *Rule) Remove() {
	r.injector.mu.Lock()
	defer r.injector.mu.Unlock()
	r.injector.rules = slices.DeleteFunc(r.injector.rules, func(other *Rule) bool { return other == r })
}
