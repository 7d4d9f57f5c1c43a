package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/linkersync/linkersync/action/internal/platform"
)

// output is standard output. It remembers the first write that failed, because a
// line that a full disk swallowed must not end in success. Safe for concurrent use.
type output struct {
	io.Writer

	mu  sync.Mutex
	err error
}

// Write implements io.Writer.
func (o *output) Write(data []byte) (int, error) {
	n, err := o.Writer.Write(data)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	return n, err
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// print writes value as JSON when asked for, and otherwise calls text.
func (inv *invocation) print(value any, text func(io.Writer)) error {
	if !inv.json {
		text(inv.process.Stdout)
		return nil
	}
	return inv.encode(value, "  ")
}

// printLine writes one JSON document as a line.
func (inv *invocation) printLine(value any) error { return inv.encode(value, "") }

func (inv *invocation) encode(value any, indent string) error {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetIndent("", indent)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	if err == nil {
		_, err = inv.process.Stdout.Write(platform.JSON(encoded.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// counted is a number with its noun, as in "1 value" and "2 values".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
