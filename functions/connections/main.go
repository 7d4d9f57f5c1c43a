// Command connections is the Lambda function that brings a rotated Bitbucket token
// to its Infisical connection, checks every connection once a day, and warns
// before a token expires. One folder in functions/ is one block of template.yaml.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/linkersync/linkersync/functions/internal/startup"
)

func main() {
	if err := run(os.Getenv, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "connections:", err)
		os.Exit(1)
	}
}

// run configures the function and serves until Lambda ends the process.
func run(getenv func(string) string, out io.Writer) error {
	environment := &startup.Environment{Getenv: getenv}
	log := startup.Logger(environment, out)
	handler, err := configure(environment, log, out)
	if err != nil {
		return err
	}
	lambda.Start(handler.Handle)
	return nil
}
