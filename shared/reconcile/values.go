package reconcile

import (
	"fmt"
	"strings"

	"github.com/linkersync/linkersync/shared/manifest"
)

// MaxShown is how many values a message or a printed plan names before it
// counts the rest.
const MaxShown = 10

// ValuesError says which desired values of a linker can't be sent. It is
// complete, and comes before any call.
type ValuesError struct {
	Linker   string
	Position manifest.Position
	// Problems are in the order of the values, one per bad value.
	Problems []ValueProblem
	// Total is how many values the linker has.
	Total int
}

// ValueProblem is one value that can't be sent.
type ValueProblem struct {
	// Index is the value's place in the linker's list, from 0.
	Index  int
	Value  string
	Reason string
}

func (e *ValuesError) Error() string {
	shown := make([]string, 0, MaxShown)
	for _, p := range e.Problems[:min(len(e.Problems), MaxShown)] {
		shown = append(shown, fmt.Sprintf("value %d, %s, %s", p.Index+1, quote(p.Value), p.Reason))
	}
	return fmt.Sprintf("check values of linker %q: %d of %d can't be used: %s%s; correct them, nothing was called",
		e.Linker, len(e.Problems), e.Total, strings.Join(shown, "; "), andMore(len(e.Problems)))
}

// wanted is a list of values, and the way from a value to its place in it.
type wanted struct {
	values []string
	// places has the first place of each value.
	places map[string]int
	// repeats has the place of each value that stands there again, and its first.
	repeats map[int]int
}

func newWanted(values []string) wanted {
	w := wanted{values: values, places: make(map[string]int, len(values)), repeats: map[int]int{}}
	for i, value := range values {
		if first, there := w.places[value]; there {
			w.repeats[i] = first
		} else {
			w.places[value] = i
		}
	}
	return w
}

func (w wanted) has(value string) bool {
	_, there := w.places[value]
	return there
}

// check refuses what Bitbucket's (?K) can't match, and duplicates, which would
// make every count wrong.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/linker/
func check(linker manifest.Linker) (wanted, error) {
	want := newWanted(linker.Values)
	var problems []ValueProblem
	for i, value := range linker.Values {
		reason := wrongWith(value)
		if first, found := want.repeats[i]; found && reason == "" {
			reason = fmt.Sprintf("repeats value %d", first+1)
		}
		if reason != "" {
			problems = append(problems, ValueProblem{Index: i, Value: value, Reason: reason})
		}
	}
	if problems != nil {
		return wanted{}, &ValuesError{Linker: linker.Key, Position: linker.Position, Problems: problems, Total: len(linker.Values)}
	}
	return want, nil
}

// wrongWith tells why Bitbucket would not take a value.
func wrongWith(value string) string {
	switch {
	case value == "":
		return "is empty"
	case !manifest.IsValue(value):
		return "has a character other than letters, digits, _ and -"
	}
	return ""
}

// quote shows a value of unknown content in a message: escaped, so that it
// can't steer a terminal, and cut, so that it can't flood a log.
func quote(value string) string {
	const longest = 60
	runes := []rune(value)
	if len(runes) > longest {
		return fmt.Sprintf("%q…", string(runes[:longest]))
	}
	return fmt.Sprintf("%q", value)
}

// andMore counts what a list of at most MaxShown left out.
func andMore(total int) string {
	if total <= MaxShown {
		return ""
	}
	return fmt.Sprintf(" and %d more", total-MaxShown)
}
