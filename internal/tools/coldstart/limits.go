package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// limits of a start, from the spawn to the first request for work.
const (
	// maxLifecycle is against the empty handler: Bitbucket waits for this function.
	maxLifecycle = 1.8
	// maxOther and maxOtherTime are for those that no person waits for.
	maxOther     = 3.0
	maxOtherTime = 12 * time.Millisecond
)

// hold compares each function's fastest start with the empty handler's fastest: what
// else runs on the machine only ever adds time. The first subject is the empty one.
func hold(out io.Writer, subjects []*subject) error {
	var over []error
	fastest := func(s *subject) time.Duration {
		return slices.MinFunc(s.samples, func(a, b sample) int { return int(a.toNext - b.toNext) }).toNext
	}
	empty := fastest(subjects[0])
	for _, s := range subjects[1:] {
		took := fastest(s)
		ratio, limit := float64(took)/float64(empty), maxOther
		if s.function.Name == "lifecycle" {
			limit = maxLifecycle
		}
		_, _ = fmt.Fprintf(out, "%s: fastest start %.1f ms, %.2f times the empty handler's (limit %.1f)\n", s.function.Name, milliseconds(took), ratio, limit)
		if ratio > limit || s.function.Name != "lifecycle" && took > maxOtherTime {
			over = append(over, fmt.Errorf("%s: a start takes %.1f ms, %.2f times the empty handler's", s.function.Name, milliseconds(took), ratio))
		}
	}
	return errors.Join(over...)
}
