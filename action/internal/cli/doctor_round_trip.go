package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/linkersync/linkersync/shared/bitbucket"
)

// cleanUpTime is how long a value that was written for a check may take to go,
// after an interruption too.
const cleanUpTime = 30 * time.Second

// roundTrip writes a value that nobody else has, reads it, and deletes it, whatever
// happened in between.
func (d *diagnosis) roundTrip(ctx context.Context, client *bitbucket.Client, linker string) {
	value := "linkersync-doctor-" + rand.Text()[:8]
	id, err := writeAndRead(ctx, client, linker, value)
	if refused(err) {
		d.add(statusFailed, "round trip", fmt.Sprintf("the value %s could not be written to linker %q: %v", value, linker, err))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	left := remove(ctx, client, linker, value, id)
	switch {
	case left != nil:
		d.add(statusFailed, "round trip", fmt.Sprintf("the value %s may be left in linker %q: %v; delete it by hand: \"linkersync values list %s\" shows its number for \"linkersync values delete %s NUMBER\"",
			value, linker, errors.Join(err, left), linker, linker))
	case err != nil:
		d.add(statusFailed, "round trip", fmt.Sprintf("the value %s of linker %q: %v; it is not there any more", value, linker, err))
	default:
		d.add(statusOK, "round trip", fmt.Sprintf("a value was written to linker %q, read and deleted", linker))
	}
}

var errNotListed = errors.New("it was taken, and is not listed")

// writeAndRead returns the number under which the list has the value. The answer to
// a write may come without one.
func writeAndRead(ctx context.Context, client *bitbucket.Client, linker, value string) (id int64, err error) {
	if _, err := client.CreateLinkerValue(ctx, linker, value); err != nil {
		return 0, fmt.Errorf("write it: %w", err)
	}
	id, err = find(ctx, client, linker, value)
	if err == nil && id == 0 {
		err = errNotListed
	}
	return id, err
}

// refused tells that nothing was written: only a verdict says so.
func refused(err error) bool {
	answer, found := errors.AsType[*bitbucket.APIError](err)
	return found && answer.Method == http.MethodPost && !errors.Is(err, bitbucket.ErrUnavailable)
}

// remove deletes the value, if it is there; id is 0 where nobody knows its number.
func remove(ctx context.Context, client *bitbucket.Client, linker, value string, id int64) error {
	if id == 0 {
		found, err := find(ctx, client, linker, value)
		if err != nil || found == 0 {
			return err
		}
		id = found
	}
	if err := client.DeleteLinkerValue(ctx, linker, id); err != nil && !errors.Is(err, bitbucket.ErrNotFound) {
		return fmt.Errorf("delete it: %w", err)
	}
	return nil
}

// find returns the value's number, 0 when the linker doesn't have it.
func find(ctx context.Context, client *bitbucket.Client, linker, value string) (id int64, err error) {
	for listed, err := range client.LinkerValues(ctx, linker) {
		if err != nil {
			return 0, fmt.Errorf("read it: %w", err)
		}
		if listed.Value == value {
			return listed.ID, nil
		}
	}
	return 0, nil
}
