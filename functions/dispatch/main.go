// Command dispatch is the Lambda function that turns a change of the desired state
// into one queue message per installation. One folder in functions/ is one block
// of template.yaml.
package main

import (
	"io"
	"log/slog"

	"github.com/linkersync/linkersync/functions/internal/startup"
)

func main() { startup.Main("dispatch", build) }

func build(e *startup.Environment, log *slog.Logger, out io.Writer) (any, error) {
	handler, err := configure(e, log, out)
	if err != nil {
		return nil, err
	}
	return handler.Handle, nil
}
