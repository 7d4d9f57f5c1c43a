package summary

import (
	"encoding/json"
	"fmt"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// maxDocuments keeps the plan within GitHub's limit of 1 MiB for an output, in bytes.
const maxDocuments = 900 << 10

// What the output has of the failures, below a tenth of its limit.
const (
	maxErrors = 50
	maxPlaces = 20
)

// documents are the parts' JSON, until they are too much to be an output: then none
// is there, for half a list would pass for the whole.
type documents struct {
	list      []json.RawMessage
	size      int
	truncated bool
	err       error
}

func (d *documents) add(part apply.Part) {
	// A fleet's unchanged installations, but for the first ones, are only counted.
	if sum := part.Summary(); d.truncated || d.err != nil || len(d.list) >= maxRows && !sum.Changed && sum.Failed == 0 {
		return
	}
	encoded, err := json.Marshal(part.Document())
	if err != nil {
		d.err = fmt.Errorf("encode the plan: %w", err)
		return
	}
	if d.size += len(encoded) + 1; d.size > maxDocuments {
		d.list, d.truncated = nil, true
		return
	}
	d.list = append(d.list, encoded)
}

// Plan is the output of that name: the run's document, in the form of the command's.
func (r *Report) Plan() (string, error) {
	results := r.documents.list
	if results == nil {
		results = []json.RawMessage{}
	}
	errors := r.Problems()
	for i := range errors {
		errors[i].Where = errors[i].Where[:min(len(errors[i].Where), maxPlaces)]
	}
	encoded, err := json.Marshal(map[string]any{
		"version": document.Version, "results": results, "errors": errors[:min(len(errors), maxErrors)],
		"summary": whole{r.Summary(), r.workspaces, r.sentence()}, "truncated": r.documents.truncated,
	})
	if r.documents.err != nil {
		err = r.documents.err
	}
	if err != nil {
		return "", err
	}
	return string(encoded), nil
}

// whole is the summary in the form of the command's.
type whole struct {
	reconcile.Summary
	Workspaces int    `json:"workspaces"`
	Sentence   string `json:"sentence"`
}
