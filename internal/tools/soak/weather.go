package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/stack"
)

const (
	// speed is how many times faster than ours the simulated clock runs.
	speed = 100
	// brownouts is how many windows Bitbucket switches the linker endpoints off for.
	// Source: https://community.atlassian.com/forums/Bitbucket-articles/ba-p/3237429
	brownouts = 3
	brownout  = 15 * time.Minute / speed
	// incident is how long workspaces seem not to exist.
	// Source: https://bitbucket.status.atlassian.com/incidents/mb73p3vm5y5r
	incident = 45 * time.Minute / speed
	// recovery is how soon after a brownout the suspicion has to be gone.
	recovery = 30 * time.Minute / speed
	ageEvery = 100 * time.Millisecond
)

// outages plays brownouts at even distances, and one incident between the first two.
// It ends with ctx, and leaves the endpoints there.
func (w *world) outages(ctx context.Context, duration time.Duration) error {
	for n := range brownouts {
		if pause(ctx, duration/(brownouts+1)-brownout) != nil {
			return nil //nolint:nilerr // the time is up
		}
		w.asked("brownouts", func() {})
		w.stack.Bitbucket.Configure(func(s *simbitbucket.Switches) { s.Removed = simbitbucket.RemovedGone })
		_ = pause(ctx, brownout) // it ends with ctx, too
		w.stack.Bitbucket.Configure(func(s *simbitbucket.Switches) { s.Removed = simbitbucket.NotRemoved })
		if err := w.recovers(ctx); err != nil {
			return err
		}
		if n == 0 {
			w.asked("incidents", func() {})
			rule := w.stack.Bitbucket.Faults().Add(fault.Path("", "^/2.0/addon/linkers/"), fault.Probability(0.3),
				fault.Respond(http.StatusNotFound, nil, `{"type":"error","error":{"message":"No workspace with identifier 'example'."}}`))
			time.AfterFunc(incident, rule.Remove)
		}
	}
	return nil
}

// recovers waits until the deployment has noticed the end of a brownout.
func (w *world) recovers(ctx context.Context) error {
	table, err := w.stack.Progress()
	if err != nil {
		return err
	}
	for began := time.Now(); ; {
		state, err := table.Removal(ctx, appKey)
		took := time.Since(began)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && state.IsStopped():
			w.late("stopped by a brownout: " + state.String())
			return nil
		case err == nil && !state.IsSuspected():
			w.mu.Lock()
			defer w.mu.Unlock()
			w.slowest = max(w.slowest, took*speed)
			return nil
		case took > recovery:
			w.late(fmt.Sprintf("no end of a brownout noticed within %s: %s", recovery*speed, state))
			return nil
		}
		_ = pause(ctx, ageEvery/2) // the loop looks at ctx itself
	}
}

func (w *world) late(finding string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = append(w.stopped, finding)
}

// age keeps what is stored of the linker endpoints as old as the simulated clock says.
// The functions' own clocks don't run faster, and compare the stored times with them.
func (w *world) age(ctx context.Context) error {
	config, err := w.stack.AWSConfig()
	if err != nil {
		return err
	}
	client := dynamodb.NewFromConfig(config)
	for last := time.Now(); pause(ctx, ageEvery) == nil; {
		by := (time.Since(last) * (speed - 1)).Truncate(time.Second)
		last = last.Add(by / (speed - 1))
		for _, attribute := range []string{"probed", "gone"} {
			// A condition that is not met, or a fault, leaves the time a little younger.
			_, _ = client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
				TableName: aws.String(stack.Table), Key: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "removal#" + appKey}},
				UpdateExpression: aws.String("SET " + attribute + " = " + attribute + " - :by"), ConditionExpression: aws.String(attribute + " > :none"),
				ExpressionAttributeValues: map[string]types.AttributeValue{
					":by": &types.AttributeValueMemberN{Value: fmt.Sprint(int(by.Seconds()))}, ":none": &types.AttributeValueMemberN{Value: "0"},
				},
			})
		}
	}
	return nil
}
