package bitbucket

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"weak"
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

// valueSet is an immutable set of linker values in the order of their numbers.
// An installation that changes its values gets another set.
type valueSet struct {
	values []string
	// numbers are ids relative to the linker state's base, rising.
	numbers []int64
	last    int64
}

// index returns where a value is, or -1.
func (v *valueSet) index(value string) int { return slices.Index(v.values, value) }

// find returns where a number is.
func (v *valueSet) find(number int64) (int, bool) { return slices.BinarySearch(v.numbers, number) }

// with returns the set and one more value, which it must not have yet.
func (v *valueSet) with(value string) *valueSet {
	return &valueSet{
		values:  append(slices.Clip(v.values), value),
		numbers: append(slices.Clip(v.numbers), v.last+1),
		last:    v.last + 1,
	}
}

// without returns the set less the value at i. Its number is not used again.
func (v *valueSet) without(i int) *valueSet {
	return &valueSet{
		values:  slices.Concat(v.values[:i], v.values[i+1:]),
		numbers: slices.Concat(v.numbers[:i], v.numbers[i+1:]),
		last:    v.last,
	}
}

// empty returns a set without values that does not reuse numbers.
func (v *valueSet) empty() *valueSet { return &valueSet{last: v.last} }

// replace returns the set of exactly these values. One that stays keeps its number.
func (v *valueSet) replace(values []string) (*valueSet, error) {
	wanted, err := unique(values)
	if err != nil {
		return nil, err
	}
	next := v.empty()
	for i, value := range v.values {
		if wanted[value] {
			next.values = append(next.values, value)
			next.numbers = append(next.numbers, v.numbers[i])
			delete(wanted, value)
		}
	}
	return next.appended(values, wanted), nil
}

// merge returns the set and those of the values that it doesn't have.
func (v *valueSet) merge(values []string) (*valueSet, error) {
	wanted, err := unique(values)
	if err != nil {
		return nil, err
	}
	for _, value := range v.values {
		delete(wanted, value)
	}
	next := &valueSet{values: slices.Clone(v.values), numbers: slices.Clone(v.numbers), last: v.last}
	return next.appended(values, wanted), nil
}

// appended adds those of the values that are wanted, in order, to a set that
// nobody else has seen yet.
func (v *valueSet) appended(values []string, wanted map[string]bool) *valueSet {
	v.values = slices.Grow(v.values, len(wanted))
	v.numbers = slices.Grow(v.numbers, len(wanted))
	for _, value := range values {
		if wanted[value] {
			v.last++
			v.values = append(v.values, value)
			v.numbers = append(v.numbers, v.last)
		}
	}
	return v
}

// unique returns the values as a map, or what is wrong with them.
func unique(values []string) (map[string]bool, error) {
	seen := make(map[string]bool, len(values))
	for _, value := range values {
		if !validValue(value) {
			return nil, fmt.Errorf("%w: %q", errInvalidValue, value)
		}
		if seen[value] {
			return nil, fmt.Errorf("%w: %q", errDuplicate, value)
		}
		seen[value] = true
	}
	return seen, nil
}

// interner keeps one copy of equal sets, as long as somebody uses it: ten
// thousand workspaces that are given the same thousand values share one set.
type interner struct {
	mu   sync.Mutex
	sets map[[sha256.Size]byte]weak.Pointer[valueSet]
}

func newInterner() *interner {
	return &interner{sets: map[[sha256.Size]byte]weak.Pointer[valueSet]{}}
}

// canonical returns the one set that is equal to v.
func (in *interner) canonical(v *valueSet) *valueSet {
	key := v.hash()
	in.mu.Lock()
	defer in.mu.Unlock()
	if known := in.sets[key].Value(); known != nil {
		return known
	}
	in.sets[key] = weak.Make(v)
	runtime.AddCleanup(v, in.drop, key)
	return v
}

// drop forgets a set that is gone, unless an equal one has come since.
func (in *interner) drop(key [sha256.Size]byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.sets[key].Value() == nil {
		delete(in.sets, key)
	}
}

func (v *valueSet) hash() [sha256.Size]byte {
	// No value has a line feed or a NUL, so different sets never encode alike.
	encoded := append([]byte(strings.Join(v.values, "\n")), 0)
	for _, number := range v.numbers {
		encoded = binary.AppendVarint(encoded, number)
	}
	return sha256.Sum256(binary.AppendVarint(encoded, v.last))
}
