package ci

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/rollout"
)

// answers is DynamoDB with one answer to every read. The scripts have the simulator's;
// in a bubble of synctest, where a minute takes no time, there is no network.
type answers struct {
	rollout.DynamoDB
	run rollout.Run
}

func (a answers) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if key := in.Key["id"].(*types.AttributeValueMemberS).Value; a.run.ID == "" || key != "run#r" {
		return &dynamodb.GetItemOutput{}, nil
	}
	item, err := attributevalue.MarshalMap(a.run)
	return &dynamodb.GetItemOutput{Item: item}, err
}

// TestWhatAWaitingStepSays about a run that doesn't end: early, when nobody has taken
// the event, and when the time is up.
func TestWhatAWaitingStepSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		run     rollout.Run
		timeout time.Duration
		warned  bool
		end     string
	}{
		"nobody took it, soon":    {rollout.Run{}, 50 * time.Second, false, `nobody has taken the event: is "the-bus" the bus of the stack whose table is "the-table"`},
		"nobody took it":          {rollout.Run{}, time.Hour, true, "has not begun"},
		"dispatch doesn't end":    {rollout.Run{ID: "r", Phase: rollout.Dispatching, Queued: 3}, time.Hour, false, "EventDeadLetters"},
		"workers are not through": {rollout.Run{ID: "r", Phase: rollout.Working, Total: 3}, time.Hour, false, "goes on without this step"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var said strings.Builder
				s := &step{config: setup.Options{Bus: "the-bus", Table: "the-table"}, out: io.Discard, session: setup.New(setup.Options{AppKey: "app"}, nothingSet, "test")}
				s.platform = platform.Detect(platform.Environment{Getenv: nothingSet, Stdout: &said, HTTP: http.DefaultTransport})
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				_, err := s.wait(ctx, &rollout.Table{DynamoDB: answers{run: test.run}, Name: "the-table"}, "r")
				if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), test.end) {
					t.Errorf("error %v, want one with %s", err, test.end)
				}
				if got := strings.Count(said.String(), "\n"); got > 1 || (got == 1) != test.warned {
					t.Errorf("%d lines, want one: %v: %s", got, test.warned, &said)
				}
			})
		})
	}
}

func nothingSet(string) string { return "" }
