package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/removal"
)

// SuspectedError says why a run asked no further workspace about linkers.
type SuspectedError struct {
	// Since is when Evidence came, the first answer that announces the removal.
	Since    time.Time
	Evidence error
	// Answer is what the probe was told.
	Answer string
}

// Error tells what is suspected, since when, and on what evidence.
func (e *SuspectedError) Error() string {
	evidence := e.Evidence.Error()
	if answer, ok := errors.AsType[*bitbucket.APIError](e.Evidence); ok {
		evidence = fmt.Sprintf("%s %s answers %d", answer.Method, answer.Path, answer.Status)
	}
	return fmt.Sprintf("Bitbucket is suspected since %s to have removed the linker endpoints, or this is a brownout: no further workspace was asked (%s; without credentials: %s)",
		e.Since.UTC().Format(time.RFC3339), evidence, e.Answer)
}

// Unwrap returns the evidence.
func (e *SuspectedError) Unwrap() error { return e.Evidence }

// suspicion is what a run believes of the linker endpoints. Safe for concurrent use.
type suspicion struct {
	probe  func(context.Context) (removal.Verdict, string)
	mu     sync.Mutex
	probed bool
	// standing is nil without a suspicion, and after a probe that found the endpoints.
	standing *SuspectedError
}

// raise takes in an error of a workspace, and tells whether the endpoints are suspected
// to be gone. The first answer that announces the removal has Bitbucket probed, once in
// a run. Any other error is the workspace's own.
func (s *suspicion) raise(ctx context.Context, err error) bool {
	if !removal.Evidence(err) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.probed {
		s.probed = true
		since := time.Now()
		if verdict, answer := s.probe(ctx); verdict != removal.Present {
			s.standing = &SuspectedError{Since: since, Evidence: err, Answer: answer}
		}
	}
	return s.standing != nil
}

func (s *suspicion) stands() *SuspectedError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.standing
}
