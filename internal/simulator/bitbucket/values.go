package bitbucket

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unique"
)

// validValue tells whether a value matches [\w\-]+, which is what (?K) stands for.
// Whether \w is ASCII or Unicode is not documented; ASCII is the reading that refuses
// more. A loop, because a fleet's worth of values passes through here.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/linker/
func validValue(value string) bool {
	for _, c := range []byte(value) {
		switch {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', c == '_', c == '-':
		default:
			return false
		}
	}
	return value != ""
}

// Why a value can't be added.
var (
	errInvalidValue = errors.New(`value does not match [\w\-]+`)
	errDuplicate    = errors.New("value is there more than once")
)

// numbered is a linker value with its number, which makes its id.
type numbered struct {
	number int64
	value  string
}

// valueSet is an immutable set of linker values in the order of their numbers.
//
// The values are kept as one text, of which equal sets share one copy: ten thousand
// workspaces that are given the same thousand values hold them once.
type valueSet struct {
	text unique.Handle[string]
	// last is the highest number that was given. None is used twice.
	last int64
}

func newValueSet(values []numbered, last int64) valueSet {
	var text strings.Builder
	for _, v := range values {
		text.WriteString(strconv.FormatInt(v.number, 10) + " " + v.value + "\n") // a value has neither
	}
	return valueSet{unique.Make(text.String()), last}
}

func (v valueSet) list() []numbered {
	text := v.text.Value()
	list := make([]numbered, 0, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		number, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, _ := strconv.ParseInt(number, 10, 64) // newValueSet wrote it
		list = append(list, numbered{n, value})
	}
	return list
}

// lastListed keeps the set that was listed last in a readable form, for the next page.
type lastListed struct {
	mu     sync.Mutex
	set    valueSet
	values []numbered
}

func (l *lastListed) list(set valueSet) []numbered {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set != set {
		l.set, l.values = set, set.list()
	}
	return l.values
}

func (v valueSet) values() []string {
	var values []string
	for _, one := range v.list() {
		values = append(values, one.value)
	}
	return values
}

// find returns the value with that number.
func (v valueSet) find(number int64) (string, bool) {
	for _, one := range v.list() {
		if one.number == number {
			return one.value, true
		}
	}
	return "", false
}

// without returns the set less the value with that number.
func (v valueSet) without(number int64) valueSet {
	return newValueSet(slices.DeleteFunc(v.list(), func(one numbered) bool { return one.number == number }), v.last)
}

// update returns the set with all of the values. A value that is there keeps its
// number. Those that aren't named stay, or go when replace is set.
func (v valueSet) update(values []string, replace bool) (valueSet, error) {
	missing := make(map[string]bool, len(values))
	for _, value := range values {
		if !validValue(value) {
			return v, fmt.Errorf("%w: %q", errInvalidValue, value)
		}
		if missing[value] {
			return v, fmt.Errorf("%w: %q", errDuplicate, value)
		}
		missing[value] = true
	}
	last := v.last
	list := slices.DeleteFunc(v.list(), func(one numbered) bool {
		named := missing[one.value]
		delete(missing, one.value)
		return replace && !named
	})
	for _, value := range values {
		if missing[value] {
			last++
			list = append(list, numbered{last, value})
		}
	}
	return newValueSet(list, last), nil
}
