package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/linkersync/linkersync/functions/internal/startup"
)

func main() { startup.Main("lifecycle", build) }

func build(e *startup.Environment, log *slog.Logger, _ io.Writer) (any, error) {
	settings, err := configure(e, os.ReadFile)
	if err != nil {
		return nil, err
	}
	return newHandler(settings, log).Handle, nil
}
