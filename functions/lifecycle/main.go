package main

import (
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/linkersync/linkersync/functions/internal/startup"
)

func main() {
	if err := run(os.Getenv, os.ReadFile, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "lifecycle:", err)
		os.Exit(1)
	}
}

// run configures the function and serves until Lambda ends the process.
func run(getenv func(string) string, readFile func(string) ([]byte, error), out io.Writer) error {
	environment := &startup.Environment{Getenv: getenv}
	log := startup.Logger(environment, out)
	settings, err := configure(environment, readFile)
	if err != nil {
		return err
	}
	lambda.Start(newHandler(settings, log).Handle)
	return nil
}
