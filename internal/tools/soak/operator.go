package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/linkersync/linkersync/shared/rollout"
)

// operator changes what is everybody's, and sends old events again.
type operator struct {
	*world
	rng *rand.Rand
	// rotated counts the rotations of each connection.
	rotated map[string]int
}

func (w *world) newOperator() *operator {
	return &operator{world: w, rng: w.rng(1000), rotated: map[string]int{}}
}

func (o *operator) live(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := o.step(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("operator: %w", err)
		}
		_ = pause(ctx, time.Duration(100+o.rng.IntN(400))*time.Millisecond) // the loop looks at ctx itself
	}
	return nil
}

func (o *operator) step(ctx context.Context) error {
	switch choice := o.rng.IntN(100); {
	case choice < 25:
		name := fmt.Sprintf("bitbucket-%d", o.rng.IntN(connections))
		if o.rotated[name]++; o.rotated[name] > maxMoves {
			return nil
		}
		return o.rotate(ctx, o.rng, name)
	case choice < 70:
		event, err := o.again(o.rng)
		if err != nil {
			return nil //nolint:nilerr // there is none yet
		}
		o.asked("events again", func() {})
		return o.stack.Dispatch.Send(event)
	case choice < 73:
		o.asked("drift repairs", func() {})
		return o.stack.Tick(o.stack.Dispatch)
	case choice < 85:
		return o.upload(ctx)
	}
	return o.changeAll(ctx)
}

// changeAll changes the default by an event, upload by writing to the bucket.
func (o *operator) changeAll(ctx context.Context) error {
	values := draw(o.rng)
	if err := o.change(ctx, "changes of all", "all", rollout.Change{Manifest: manifestOf(values)}, func() { o.fallback = values }); err != nil {
		return err
	}
	return o.kept(ctx, rollout.DefaultScope, manifestOf(values))
}

func (o *operator) upload(ctx context.Context) error {
	objects, err := o.objects()
	if err != nil {
		return err
	}
	values := draw(o.rng)
	o.asked("uploads", func() { o.fallback = values })
	_, err = objects.Put(ctx, rollout.DefaultScope, []byte(manifestOf(values)))
	return err
}

func (w *world) objects() (rollout.Objects, error) { return w.stack.Objects() }

// putSecret writes a tagged secret, new or not.
func (w *world) putSecret(ctx context.Context, name, value string) error {
	config, err := w.stack.AWSConfig()
	if err != nil {
		return err
	}
	client := secretsmanager.NewFromConfig(config)
	_, err = client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &value})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); !missing {
		return err
	}
	_, err = client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: &value, Tags: []types.Tag{{Key: aws.String("linkersync:connection"), Value: aws.String("true")}},
	})
	return err
}

// reaper ends functions while they work.
type reaper struct {
	*world
	rng *rand.Rand
}

func (w *world) newReaper() *reaper { return &reaper{world: w, rng: w.rng(2000)} }

func (r *reaper) live(ctx context.Context) {
	names := []string{"lifecycle", "dispatch", "linkers", "linkers", "connections"}
	for pause(ctx, time.Duration(500+r.rng.IntN(1500))*time.Millisecond) == nil {
		if r.reap(names[r.rng.IntN(len(names))]) {
			r.asked("kills", func() {})
		}
	}
}

// reap kills one process of a function, if it still is one: a process number may
// have gone to somebody else.
func (r *reaper) reap(name string) bool {
	starts := r.stack.Functions[name].Stats().ColdStarts
	if len(starts) == 0 {
		return false
	}
	pid := starts[max(0, len(starts)-1-r.rng.IntN(3))].PID
	running, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil || running != r.stack.Binary(name) {
		return false
	}
	process, err := os.FindProcess(pid)
	return err == nil && process.Kill() == nil
}
