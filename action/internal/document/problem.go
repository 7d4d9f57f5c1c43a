package document

import (
	"fmt"
	"regexp"
	"sync"

	"github.com/linkersync/linkersync/shared/manifest"
)

// Problem is an element of "errors": one failure, wherever it happened.
type Problem struct {
	// What failed, such as "linker issues"; empty for the run itself.
	What string `json:"what,omitempty"`
	// Message says what happened. It holds no secret.
	Message string `json:"message"`
	// Hint says what to do, when the message doesn't.
	Hint string `json:"hint,omitempty"`
	// File and Position are the manifest's, when it is about one.
	File     string            `json:"file,omitempty"`
	Position manifest.Position `json:"position,omitzero"`
	// Count is how often it happened. Where has the places, of which the last ones may
	// be left out.
	Count int      `json:"count"`
	Where []string `json:"where,omitempty"`
	// Place is what Where lists, such as "workspace".
	Place string `json:"-"`
}

// Subject names what failed and where: "linker issues in 3 workspaces".
func (p Problem) Subject() string {
	switch {
	case len(p.Where) == 0:
		return p.What
	case p.Count == 1:
		return fmt.Sprintf("%s in %s %s", p.What, p.Place, p.Where[0])
	}
	return fmt.Sprintf("%s in %d %ss", p.What, p.Count, p.Place)
}

// At is "file:line:column", which editors and CI systems link; empty when the problem
// is about no file.
func (p Problem) At() string {
	if p.Position.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Position.Line, p.Position.Column)
}

const (
	// maxProblems is how many different ones are kept.
	maxProblems = 200
	// maxPlaces is how many places are kept, of all problems together.
	maxPlaces = 20_000
)

// requestID differs between two answers that say the same.
var requestID = regexp.MustCompile(` \(request id [^)]*\)`)

// Problems keeps a bounded number of failures, and the same one only once. The zero
// value is ready, and safe for concurrent use.
type Problems struct {
	mu            sync.Mutex
	kept          []Problem
	at            map[sameness]int
	total, places int
}

// sameness is what two failures share that are the same.
type sameness struct {
	what, message, file string
	position            manifest.Position
}

// Add takes in a failure, and where it happened unless that is empty.
func (p *Problems) Add(problem Problem, where string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total++
	same := sameness{problem.What, requestID.ReplaceAllString(problem.Message, ""), problem.File, problem.Position}
	at, known := p.at[same]
	switch {
	case !known && len(p.kept) == maxProblems:
		return
	case !known:
		if p.at == nil {
			p.at = map[sameness]int{}
		}
		at = len(p.kept)
		p.kept, p.at[same] = append(p.kept, problem), at
	}
	p.kept[at].Count++
	if where != "" && p.places < maxPlaces {
		p.kept[at].Where = append(p.kept[at].Where, where)
		p.places++
	}
}

// Total counts the failures.
func (p *Problems) Total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// List returns the different failures in the order in which they came, and a last one
// that counts those that were not kept. It is never nil.
func (p *Problems) List() []Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	list, rest := append([]Problem{}, p.kept...), p.total
	for _, problem := range list {
		rest -= problem.Count
	}
	if rest > 0 {
		list = append(list, Problem{Message: fmt.Sprintf("and %d more failures of other kinds", rest), Count: rest})
	}
	return list
}
