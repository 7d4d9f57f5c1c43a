package lambda

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// maxColdStarts is how many cold starts are remembered, the last ones.
const maxColdStarts = 1_000

// Stats are counted since [Start].
type Stats struct {
	// Invocations are those that reached a process, with whatever outcome.
	Invocations int
	// Failures are the invocations that ended in a [*FunctionError].
	Failures int
	// Throttles are the invocations that found every execution busy.
	Throttles int
	// ColdStarts are the starts of processes in their order, at most the last 1,000.
	ColdStarts []ColdStart
	// PeakRSS is in bytes: the most memory that one process had resident after any
	// invocation. Zero where the system has no /proc.
	PeakRSS int64
}

// ColdStart is the start of one process.
type ColdStart struct {
	PID int
	// ToNext is the time from just before the process was made to its first
	// request for work: what Lambda reports as the init duration, and the spawn.
	ToNext time.Duration
	// RSS is in bytes, resident at that moment. Zero where the system has no /proc.
	RSS int64
}

// Stats returns what happened so far.
func (r *Runtime) Stats() Stats { return r.stats.copy() }

type stats struct {
	mu     sync.Mutex
	counts Stats
}

func (s *stats) copy() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.counts
	counts.ColdStarts = append([]ColdStart(nil), s.counts.ColdStarts...)
	return counts
}

func (s *stats) count(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Invocations++
	var failed *FunctionError
	if errors.As(err, &failed) {
		s.counts.Failures++
	}
}

func (s *stats) throttled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Throttles++
}

func (s *stats) coldStart(start ColdStart) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.ColdStarts = append(s.counts.ColdStarts, start)
	if extra := len(s.counts.ColdStarts) - maxColdStarts; extra > 0 {
		s.counts.ColdStarts = append([]ColdStart(nil), s.counts.ColdStarts[extra:]...)
	}
}

func (s *stats) memory(peak int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.PeakRSS = max(s.counts.PeakRSS, peak)
}

// The lines of /proc/<pid>/status. Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
const (
	lineRSS  = "VmRSS:"
	linePeak = "VmHWM:"
)

// processMemory returns a line of the process's status in bytes, or zero.
func processMemory(pid int, line string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, found := bytes.Cut(status, []byte(line))
	if !found {
		return 0
	}
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kibibytes, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kibibytes << 10
}
