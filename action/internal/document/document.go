// Package document is what a run tells a script: one JSON document,
//
//	{"version": 1, "results": […], "summary": {…}, "errors": […]}
//
// for every verb of the command and for the output of a CI step. docs/output.schema.json
// describes it. Names keep their meaning within one version, lists are never null, and
// new names may appear.
package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/linkersync/linkersync/action/internal/platform"
)

// Version is that of the document. It grows when a name changes its meaning or goes,
// not when one is added.
const Version = 1

// Writer writes one run's document as the results come, so that a fleet of any size
// costs no memory. Safe for concurrent use.
type Writer struct {
	Out io.Writer
	// Lines makes each result a line of its own, in a document with nothing else. The
	// last line has the summary and the errors.
	Lines bool

	mu    sync.Mutex
	begun bool
}

// Result writes one element of "results".
func (w *Writer) Result(value any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	encoded, err := encode(value)
	if err != nil {
		return err
	}
	if w.Lines {
		return w.write(`{"version":%d,"results":[%s]}`+"\n", Version, encoded)
	}
	if w.begun {
		return w.write(",\n%s", encoded)
	}
	w.begun = true
	return w.write(`{"version":%d,"results":[`+"\n%s", Version, encoded)
}

// End writes what follows the last result, and must be called once.
func (w *Writer) End(summary any, problems []Problem) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	encoded, err := encode(summary)
	if err != nil {
		return err
	}
	errors, err := encode(problems)
	if err != nil {
		return err
	}
	begin := "\n"
	if !w.begun {
		begin = fmt.Sprintf(`{"version":%d,"results":[`, Version)
	}
	return w.write(`%s],"summary":%s,"errors":%s}`+"\n", begin, encoded, errors)
}

func (w *Writer) write(format string, args ...any) error {
	if _, err := fmt.Fprintf(w.Out, format, args...); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// encode leaves <, > and & as they are, because the document is not put into a web page.
// A CI's log may hold it, so text of others is escaped there and can't be a command.
func encode(value any) ([]byte, error) {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return platform.JSON(bytes.TrimSpace(encoded.Bytes())), nil
}
