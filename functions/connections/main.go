// Command connections is the Lambda function that brings a rotated Bitbucket token
// to its Infisical connection, checks every connection once a day, and warns
// before a token expires. One folder in functions/ is one block of template.yaml.
package main

import (
	"io"
	"log/slog"

	"github.com/linkersync/linkersync/functions/internal/startup"
)

func main() { startup.Main("connections", build) }

func build(e *startup.Environment, log *slog.Logger, out io.Writer) (any, error) {
	handler, err := configure(e, log, out)
	if err != nil {
		return nil, err
	}
	return handler.Invoke, nil
}
