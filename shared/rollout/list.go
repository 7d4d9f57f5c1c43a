package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/transport"
)

// RunsIndex is the table's index of runs: by app, in the order in which they began.
const RunsIndex = "Runs"

// Runs returns the app's runs that began since then, the newest first, at most as many.
// A run that is under way has the outcomes so far. The index is a moment behind.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
func (t *Table) Runs(ctx context.Context, app string, since time.Time, most int) ([]Run, error) {
	with, err := attributevalue.MarshalMap(values{":app": app, ":since": since.UTC()})
	if err != nil {
		return nil, fmt.Errorf("encode the query: %w", err)
	}
	out, err := t.DynamoDB.Query(ctx, &dynamodb.QueryInput{
		TableName: &t.Name, IndexName: aws.String(RunsIndex), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(most)), //nolint:gosec // G115: a small constant
		KeyConditionExpression: aws.String("app = :app AND started >= :since"), ExpressionAttributeValues: with,
	})
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", awsenv.Cut(err))
	}
	var runs []Run
	if err := attributevalue.UnmarshalListOfMaps(out.Items, &runs); err != nil {
		return nil, errors.New("list runs: an item has an unknown shape")
	}
	for i, run := range runs {
		if run.Phase == Done {
			continue
		}
		if runs[i], err = t.Run(ctx, run.ID); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// Outcomes tells how a run went for each of its installations.
type Outcomes struct{ by map[digest]Outcome }

// Of returns an installation's outcome, "" while it has none. part tells whether the run
// has the installation.
func (o Outcomes) Of(clientKey string) (outcome Outcome, part bool) {
	outcome, part = o.by[digestOf(clientKey)]
	return outcome, part
}

// readParallel pages are read at a time.
const readParallel = 8

// Outcomes reads a run's pages, one for each hundred installations.
func (t *Table) Outcomes(ctx context.Context, id string) (Outcomes, error) {
	all := Outcomes{by: map[digest]Outcome{}}
	item, err := t.runItem(ctx, id)
	if err != nil {
		return all, err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readParallel)
	for _, name := range item.Pages {
		if name == noPage {
			continue
		}
		group.Go(func() error {
			page := map[string]any{}
			if _, err := t.get(ctx, pageKey(id, name), &page); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return all.add(page)
		})
	}
	return all, group.Wait()
}

// add takes in a page: the digests of its installations, and a mark for each outcome.
func (o Outcomes) add(page map[string]any) error {
	digests, _ := page["digests"].(string)
	for text := range strings.FieldsSeq(digests) {
		d, err := parseDigest(text)
		if err != nil {
			return err
		}
		outcome, _ := page[mark(d)].(string)
		o.by[d] = Outcome(outcome)
	}
	return nil
}

// RunOf returns the run that applies a version of a scope's manifest, "" before dispatch
// has seen the version, or when a newer one is there.
func (t *Table) RunOf(ctx context.Context, app, scope, versionID string) (string, error) {
	var newest newest
	_, err := t.get(ctx, newestKey(app, scope), &newest)
	if newest.Version != versionID {
		return "", err
	}
	return newest.Run, err
}

const (
	// pollEvery is how often a run's progress is read: one read of a table, twelve a
	// minute, for the minutes that a run takes.
	pollEvery = 5 * time.Second
	// firstPolls are quicker, because a run over one workspace takes a second.
	firstPolls = 10
)

// Follow reads a run until it is done, or until look returns an error. look gets the run
// each time that it is read; one that has not begun has no phase.
func (t *Table) Follow(ctx context.Context, id string, look func(Run) error) error {
	for poll := 0; ; poll++ {
		run, err := t.Run(ctx, id)
		if err != nil && !errors.Is(err, ErrNoRun) {
			return err
		}
		if err := look(run); err != nil || run.Phase == Done {
			return err
		}
		pause := pollEvery
		if poll < firstPolls {
			pause /= 10
		}
		if err := transport.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}
