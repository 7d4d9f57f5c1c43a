// Command linkers is the Lambda function that brings one installation to its desired
// state: it takes one queue message at a time, or one by direct invoke. One folder in
// functions/ is one block of template.yaml.
package main

import (
	"io"
	"log/slog"

	"github.com/linkersync/linkersync/functions/internal/startup"
)

func main() { startup.Main("linkers", build) }

func build(e *startup.Environment, log *slog.Logger, out io.Writer) (any, error) {
	handler, err := configure(e, log, out)
	if err != nil {
		return nil, err
	}
	return handler.Handle, nil
}
