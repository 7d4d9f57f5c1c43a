// Package parts builds the inputs of fuzz tests from the parts of a format, so that
// they try what mutations of good inputs seldom reach: parts that are missing, empty,
// doubled or cut at any byte, and separators at any place.
package parts

import (
	"iter"
	"slices"
)

// maxLength bounds what Join builds, in bytes.
const maxLength = 8 << 10

// Join builds a text as plan says. Each byte of plan is one instruction, modulo the
// number of instructions: append one of the parts, append the last one again, keep the
// text up to a byte, or keep it from a byte on. The next two bytes of plan name that byte.
func Join(plan []byte, parts ...string) string {
	var text, last string
	for i := 0; i < len(plan) && len(text) < maxLength; i++ {
		switch instruction := int(plan[i]) % (len(parts) + 3); instruction - len(parts) {
		case 0:
			text += last
		case 1, 2:
			if i+2 >= len(plan) {
				return text
			}
			at := (int(plan[i+1]) | int(plan[i+2])<<8) % (len(text) + 1)
			if instruction == len(parts)+1 {
				text = text[:at]
			} else {
				text = text[at:]
			}
			i += 2
		default:
			last = parts[instruction]
			text += last
		}
	}
	return text
}

// Plans yields every sequence of 1 to length of n parts, as seeds for a fuzz test.
func Plans(n, length int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for size := 1; size <= length; size++ {
			plan := make([]byte, size)
			for {
				if !yield(slices.Clone(plan)) {
					return
				}
				if !next(plan, n) {
					break
				}
			}
		}
	}
}

// next counts plan up in base n. It returns false after the last plan of this length.
func next(plan []byte, n int) bool {
	for i := range plan {
		if plan[i]++; int(plan[i]) < n {
			return true
		}
		plan[i] = 0
	}
	return false
}
