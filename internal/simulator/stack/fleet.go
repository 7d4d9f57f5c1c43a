package stack

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/sync/errgroup"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/rollout"
)

// fleetSecret is the shared secret of every installation that Populate makes. It
// opens nothing outside the stack.
const fleetSecret = "simulated-shared-secret-of-the-fleet"

// Number is the UUID of the fleet's nth workspace, and ClientKey its client key.
func Number(n int) string { return fmt.Sprintf("{11111111-0000-4000-8000-%012d}", n) }

// ClientKey is the client key of an app's installation in a workspace.
func ClientKey(appKey, workspace string) string {
	return "ari:cloud:bitbucket::app/" + workspace + "/" + appKey
}

// Populate makes count installations with these linker values, in Bitbucket and in
// the store, without the callbacks that would lead there.
func (s *Stack) Populate(ctx context.Context, count int, values map[string][]string) error {
	config, err := s.AWSConfig()
	if err != nil {
		return err
	}
	store := installation.NewSecretsManager(secretsmanager.NewFromConfig(config), installation.Options{AppKey: s.options.AppKey})
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for n := range count {
		workspace := Number(n)
		clientKey := ClientKey(s.options.AppKey, workspace)
		group.Go(func() error {
			own := map[string][]string{}
			for linker, list := range values {
				own[linker] = slices.Clone(list)
			}
			if err := s.Bitbucket.Seed(simbitbucket.State{Installations: []simbitbucket.Installation{{
				AppKey: s.options.AppKey, ClientKey: clientKey, SharedSecret: fleetSecret, Status: simbitbucket.Installed,
				Principal: Workspace(workspace, fmt.Sprintf("workspace-%d", n)), BaseURL: s.URL, Values: own,
			}}}); err != nil {
				return fmt.Errorf("populate Bitbucket: %w", err)
			}
			_, err := store.Create(ctx, installation.Installation{
				AppKey: s.options.AppKey, ClientKey: clientKey, State: installation.Installed, SharedSecret: redact.New(fleetSecret),
				Principal: installation.Principal{UUID: connect.WorkspaceUUID(workspace), Type: "team"},
			}, "populate")
			return err
		})
	}
	return group.Wait()
}

// Change puts a Linker Values Changed event and returns the id of its run.
func (s *Stack) Change(ctx context.Context, change rollout.Change) (run string, err error) {
	config, err := s.AWSConfig()
	if err != nil {
		return "", err
	}
	return rollout.Send(ctx, rollout.Bus{EventBridge: eventbridge.NewFromConfig(config), Name: Bus}, rollout.DetailChanged, change)
}

// Progress is the table in which runs can be looked at.
func (s *Stack) Progress() (*rollout.Table, error) {
	config, err := s.AWSConfig()
	if err != nil {
		return nil, err
	}
	return &rollout.Table{DynamoDB: dynamodb.NewFromConfig(config), Name: Table}, nil
}

// Objects is the manifest bucket.
func (s *Stack) Objects() (rollout.Objects, error) {
	config, err := s.AWSConfig()
	if err != nil {
		return rollout.Objects{}, err
	}
	return rollout.Objects{S3: rollout.NewS3(config), Bucket: Bucket}, nil
}

// AWSConfig is the configuration with which the functions reach the stack's AWS.
func (s *Stack) AWSConfig() (aws.Config, error) {
	return awsenv.Config(func(name string) string {
		return map[string]string{
			"AWS_ENDPOINT_URL": s.AWS.URL, "AWS_REGION": simaws.Region,
			"AWS_ACCESS_KEY_ID": simaws.AccessKeyID, "AWS_SECRET_ACCESS_KEY": simaws.SecretAccessKey,
		}[name]
	})
}

// Outage makes a share of all calls to the linker endpoints fail, in every way that
// a call can: refused, limited, broken before or after it took effect, slow, cut.
func (s *Stack) Outage(share float64) *fault.Rule {
	plain := http.Header{"Content-Type": {"text/plain"}}
	return s.Bitbucket.Faults().Add(fault.Path("", "^/2.0/addon"), fault.Probability(share), fault.Pick(
		simbitbucket.RateLimited(), fault.Respond(http.StatusInternalServerError, plain, "oops"),
		fault.Respond(http.StatusGatewayTimeout, plain, "timed out"), fault.Respond(http.StatusServiceUnavailable, plain, "maintenance"),
		fault.Reset(), fault.ResetAfter(), fault.CutBody(),
	))
}
