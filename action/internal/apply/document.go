package apply

import (
	"encoding/json"

	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// Document is the part in its documented JSON form. What failed and has no row in
// the plan or the result, as a workspace whose secret can't be read, is under
// "failures", and counted.
func (p Part) Document() any {
	var whole any = p.Plan
	if p.Applied {
		whole = p.Result
	}
	d := document{whole: whole, summary: p.Summary()}
	for _, f := range p.Failures {
		if f.alone {
			d.failures = append(d.failures, failure{f.Subject, f.Err.Error(), f.Position})
		}
	}
	if d.failures == nil {
		return whole
	}
	return d
}

// document is a plan or a result, and what it lacks.
type document struct {
	whole    any
	failures []failure
	summary  reconcile.Summary
}

type failure struct {
	Subject  string            `json:"subject"`
	Error    string            `json:"error"`
	Position manifest.Position `json:"position,omitzero"`
}

// MarshalJSON implements json.Marshaler.
func (d document) MarshalJSON() ([]byte, error) {
	encoded, err := json.Marshal(d.whole)
	if err != nil {
		return nil, err
	}
	keys := map[string]any{}
	if err := json.Unmarshal(encoded, &keys); err != nil {
		return nil, err
	}
	keys["failures"], keys["summary"] = d.failures, d.summary
	return json.Marshal(keys)
}
