package reconcile

import (
	"fmt"
	"strings"
)

// learn marks what a PUT has shown to be out of reach.
func (r *run) learn() {
	if !r.bulkDone && !r.bulkRefused {
		return
	}
	for _, value := range r.last.extra {
		if value.ID == 0 && r.first.desired.Prune {
			r.stuck[value.Value] = "Bitbucket lists it without an id, and its bulk update didn't remove it"
		}
	}
}

// learnFromExists is called when Bitbucket says that it has a value which it
// doesn't list. If it lists the same in another case, it takes the two for one,
// and then so it does with all that are missing: none of these pairs is touched,
// because removing the listed one could remove the wanted one.
func (r *run) learnFromExists(value string) {
	if r.cased == nil {
		r.cased = r.listedByLowerCase()
	}
	if _, folds := r.cased[strings.ToLower(value)]; folds {
		for _, missing := range r.last.Add {
			r.holdFolded(missing)
		}
		return
	}
	if r.exists[value] {
		r.stuck[value] = "Bitbucket says that it exists, and doesn't list it"
	}
	r.exists[value] = true
}

func (r *run) holdFolded(value string) {
	listed, found := r.cased[strings.ToLower(value)]
	if !found {
		return
	}
	if r.want.has(listed) {
		r.stuck[value] = fmt.Sprintf("Bitbucket takes it for %s, which is wanted, too: drop one of them", quote(listed))
		return
	}
	r.stuck[value] = fmt.Sprintf("Bitbucket has it as %s and takes both for the same, write it like that in the manifest", quote(listed))
	r.stuck[listed] = fmt.Sprintf("Bitbucket takes it for %s, which has to stay", quote(value))
}

// listedByLowerCase finds what the last read listed without regard to case.
func (r *run) listedByLowerCase() map[string]string {
	missing := newWanted(r.last.Add)
	listed := make(map[string]string, r.last.have())
	for _, value := range r.want.values {
		if !missing.has(value) {
			listed[strings.ToLower(value)] = value
		}
	}
	for _, value := range r.last.extra {
		listed[strings.ToLower(value.Value)] = value.Value
	}
	return listed
}
