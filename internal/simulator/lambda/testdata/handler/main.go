// Command handler is the function that the package's tests run: what it does is
// in its payload, and in INIT for its start.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// order is the payload that tests send.
type order struct {
	Do    string `json:"do"`
	Size  int    `json:"size,omitempty"`
	Touch string `json:"touch,omitempty"`
	Until string `json:"until,omitempty"`
}

// state is what the orders "state" and "meet" answer.
type state struct {
	PID          int      `json:"pid"`
	Count        int64    `json:"count"`
	Dir          string   `json:"dir"`
	Environ      []string `json:"environ"`
	RequestID    string   `json:"request_id"`
	ARN          string   `json:"arn"`
	Trace        string   `json:"trace"`
	FunctionName string   `json:"function_name"`
	// Left is the time to the deadline in milliseconds.
	Left int64 `json:"left"`
}

func main() {
	switch os.Getenv("INIT") {
	case "hang":
		time.Sleep(time.Hour)
	case "exit":
		fmt.Fprintln(os.Stderr, "init: giving up")
		os.Exit(7)
	case "error":
		reportInitError()
		os.Exit(1)
	case "error and hang":
		reportInitError()
		time.Sleep(time.Hour)
	}
	if os.Getenv("RAW") != "" {
		(&raw{}).loop()
	}
	var count atomic.Int64
	lambda.Start(func(ctx context.Context, payload json.RawMessage) (any, error) {
		return handle(ctx, payload, count.Add(1))
	})
}

func handle(ctx context.Context, payload json.RawMessage, count int64) (any, error) {
	var o order
	if err := json.Unmarshal(payload, &o); err != nil {
		return nil, err
	}
	switch o.Do {
	case "state":
		return currentState(ctx, count), nil
	case "meet":
		return currentState(ctx, count), meet(o)
	case "error":
		return nil, errors.New("refused by the handler")
	case "panic":
		panic("out of control")
	case "exit":
		fmt.Println("handler: leaving")
		os.Exit(3)
	case "exit quietly":
		os.Exit(0)
	case "hang":
		time.Sleep(time.Hour)
	case "large":
		return strings.Repeat("x", o.Size), nil
	case "print":
		fmt.Println(strings.Repeat("p", o.Size))
	}
	return payload, nil
}

func currentState(ctx context.Context, count int64) state {
	s := state{PID: os.Getpid(), Count: count, Environ: os.Environ(), Trace: os.Getenv("_X_AMZN_TRACE_ID"), FunctionName: lambdacontext.FunctionName}
	s.Dir, _ = os.Getwd()
	if call, ok := lambdacontext.FromContext(ctx); ok {
		s.RequestID, s.ARN = call.AwsRequestID, call.InvokedFunctionArn
	}
	if deadline, ok := ctx.Deadline(); ok {
		s.Left = time.Until(deadline).Milliseconds()
	}
	return s
}

// meet makes a file and waits for another's, so that two executions are known to
// run at the same time.
func meet(o order) error {
	if err := os.WriteFile(o.Touch, nil, 0o600); err != nil {
		return err
	}
	for {
		if _, err := os.Stat(o.Until); err == nil {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
}

func reportInitError() {
	url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"errorMessage":"no configuration","errorType":"Runtime.Configuration"}`))
	if err != nil {
		panic(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	if response.StatusCode != http.StatusAccepted {
		panic(response.Status)
	}
	_ = response.Body.Close()
}
