package rollout_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/rollout"
)

const app = "example-linker-app"

// cloud is the server under test: a simulator, or the one that `make test-aws` names.
type cloud struct {
	t         *testing.T
	config    aws.Config
	simulator *simaws.Server // nil for another server
	name      string
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, name: "linkersync-" + strings.ToLower(rand.Text()[:10])}
	endpoint := os.Getenv("LINKERSYNC_TEST_AWS_ENDPOINT")
	if endpoint == "" {
		c.simulator = simaws.New(simaws.Options{})
		t.Cleanup(c.simulator.Close)
		endpoint = c.simulator.URL
	}
	var err error
	c.config, err = awsenv.Config(func(name string) string {
		return map[string]string{
			"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": simaws.Region,
			"AWS_ACCESS_KEY_ID": simaws.AccessKeyID, "AWS_SECRET_ACCESS_KEY": simaws.SecretAccessKey,
		}[name]
	})
	c.must(err)
	return c
}

// simulated is newCloud for what only the simulator does: faults, counted calls.
func simulated(t *testing.T) *cloud {
	t.Helper()
	if os.Getenv("LINKERSYNC_TEST_AWS_ENDPOINT") != "" {
		t.Skip("needs the simulator: faults, or counted calls")
	}
	return newCloud(t)
}

func (c *cloud) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// table makes a table as template.yaml does.
func (c *cloud) table() *rollout.Table {
	c.t.Helper()
	_, err := dynamodb.NewFromConfig(c.config).CreateTable(c.t.Context(), &dynamodb.CreateTableInput{
		TableName: &c.name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("app"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("started"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:  aws.String(rollout.RunsIndex),
			KeySchema:  []types.KeySchemaElement{{AttributeName: aws.String("app"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("started"), KeyType: types.KeyTypeRange}},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: projected(c.t)},
		}},
	})
	c.must(err)
	return &rollout.Table{DynamoDB: dynamodb.NewFromConfig(c.config), Name: c.name}
}

// projected are the attributes that template.yaml puts into the index of runs.
func projected(t *testing.T) (names []string) {
	t.Helper()
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(template), "NonKeyAttributes:\n")
	for line := range strings.Lines(list) {
		name, is := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if !is {
			return names
		}
		names = append(names, name)
	}
	return names
}

// desired makes a bucket with versions.
func (c *cloud) desired() rollout.Desired {
	c.t.Helper()
	client := s3.NewFromConfig(c.config, func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(c.t.Context(), &s3.CreateBucketInput{
		Bucket: &c.name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: simaws.Region},
	})
	c.must(err)
	_, err = client.PutBucketVersioning(c.t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &c.name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
	})
	c.must(err)
	return rollout.Desired{Objects: rollout.Objects{S3: rollout.NewS3(c.config), Bucket: c.name}, App: app}
}

// bus makes an event bus.
func (c *cloud) bus() rollout.Bus {
	c.t.Helper()
	_, err := eventbridge.NewFromConfig(c.config).CreateEventBus(c.t.Context(), &eventbridge.CreateEventBusInput{Name: &c.name})
	if c.simulator != nil {
		_, err = c.simulator.Events.On(c.name, `{"source":["nobody"]}`, nil)
	}
	c.must(err)
	return rollout.Bus{EventBridge: eventbridge.NewFromConfig(c.config), Name: c.name}
}
