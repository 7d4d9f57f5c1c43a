package reconcile

import "github.com/linkersync/linkersync/shared/manifest"

// LinkerResult is what an apply did to one linker.
type LinkerResult struct {
	Linker string `json:"linker"`
	// Added and Removed were confirmed by the last read.
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	// Kept counts the values that were there before and had to stay.
	Kept int `json:"kept"`
	// Writes counts the calls that may have changed something, failed ones too.
	Writes int `json:"writes"`
	// Verified: the values were read, and nothing was written since. When it is
	// false, more may have changed than Added and Removed say.
	Verified bool `json:"verified"`
	// Error is the text of the error that came with the result.
	Error    string            `json:"error,omitempty"`
	Position manifest.Position `json:"position"`
}

// Changed tells whether the apply is known to have changed something.
func (r LinkerResult) Changed() bool { return len(r.Added)+len(r.Removed) > 0 }

func (r *run) finish(err error) LinkerResult {
	r.result.Added = without(r.first.Add, r.last.Add)
	r.result.Removed = without(r.first.Remove, r.last.Remove)
	r.result.Verified = r.writesRead == r.result.Writes
	if err != nil {
		r.result.Error = err.Error()
	}
	return r.result
}

func failed(linker manifest.Linker, err error) (LinkerResult, error) {
	return LinkerResult{
		Linker: linker.Key, Position: linker.Position, Error: err.Error(),
		Added: []string{}, Removed: []string{},
	}, err
}

// without is what of values isn't in rest, never nil.
func without(values, rest []string) []string {
	still := newWanted(rest)
	out := make([]string, 0, max(0, len(values)-len(rest)))
	for _, value := range values {
		if !still.has(value) {
			out = append(out, value)
		}
	}
	return out
}
