package aws_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
)

// The contract is what linkersync relies on of AWS, as a table of behaviours that
// runs against the simulator, and against an independent server when the
// environment names one (`make test-aws` does so with moto).
const endpointVariable = "LINKERSYNC_TEST_AWS_ENDPOINT"

// behaviour is one line of the contract.
type behaviour struct {
	name string
	// observe does something and tells what came of it: values, and the codes of
	// refusals.
	observe func(*testing.T, cloud) []string
	// want is what AWS does, by its documentation.
	want []string
	// moto says how moto differs from AWS; empty when it doesn't.
	moto string
	// standIn says how minidyn or gofakes3, which play DynamoDB and S3 in the
	// simulator, differ from AWS; empty when they don't.
	standIn string
}

// cloud is the server under test. Its resources are shared with other tests, so
// each behaviour names its own after itself.
type cloud struct {
	aws.Config
	independent bool
}

func newCloud(t *testing.T) cloud {
	t.Helper()
	endpoint := os.Getenv(endpointVariable)
	if endpoint == "" {
		return cloud{Config: once(start(t))}
	}
	return cloud{independent: true, Config: aws.Config{
		Region: "eu-central-1", BaseEndpoint: &endpoint, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: simulator.AccessKeyID, SecretAccessKey: simulator.SecretAccessKey}, nil
		}),
	}}
}

func runContract(t *testing.T, table []behaviour) {
	t.Helper()
	server := newCloud(t)
	for _, line := range table {
		t.Run(line.name, func(t *testing.T) {
			t.Parallel()
			differs := line.standIn
			if server.independent {
				differs = line.moto
			}
			diff := cmp.Diff(line.want, line.observe(t, server))
			switch {
			case differs == "" && diff != "":
				t.Errorf("observed (-AWS +got):\n%s", diff)
			case differs != "" && diff == "":
				t.Errorf("does as AWS now; the note is out of date: %s", differs)
			case differs != "":
				t.Skipf("known to differ: %s", differs)
			}
		})
	}
}

// unique names a resource after the test that makes it, so that a second run
// against the same server meets nothing left over.
func unique(t *testing.T) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(t.Name()[strings.Index(t.Name(), "/")+1:]))
	return strings.Trim(name[:min(len(name), 40)], "-") + "-" + strings.ToLower(rand.Text()[:8])
}

// outcome is the code of a refusal, or "ok". SQS has its codes from its older
// protocol, in part with a prefix.
func outcome(err error) string {
	var refusal smithy.APIError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &refusal):
		return strings.TrimPrefix(refusal.ErrorCode(), "AWS.SimpleQueueService.")
	}
	return err.Error()
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
