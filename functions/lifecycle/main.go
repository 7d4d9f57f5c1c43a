// Command lifecycle is the Lambda function that Bitbucket calls: it serves the
// app's descriptor and takes the callbacks installed, uninstalled, enabled and
// disabled. One folder in functions/ is one block of template.yaml.
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
	handler, err := configure(environment, readFile, log)
	if err != nil {
		return err
	}
	lambda.Start(handler.Handle)
	return nil
}
