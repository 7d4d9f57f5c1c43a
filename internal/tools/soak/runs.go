package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	"github.com/linkersync/linkersync/internal/simulator/stack"
)

// outcome is what a Run Finished event says, as docs/operate.md has it.
type outcome struct {
	Run                                        string
	Total, Changed, Unchanged, Failed, Skipped int
}

// listen notes the events that the checker needs: changes, some of which come again,
// and how their runs ended.
func (w *world) listen() error {
	_, err := w.stack.AWS.Events.On(stack.Bus, `{"source":["linkersync"],"detail-type":["Linker Values Changed"]}`, func(_ context.Context, event eventbridge.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, event)
	})
	if err != nil {
		return err
	}
	_, err = w.stack.AWS.Events.On(stack.Bus, `{"source":["linkersync"],"detail-type":["Run Finished"]}`, func(_ context.Context, event eventbridge.Event) {
		var ended outcome
		if json.Unmarshal(event.Detail, &ended) != nil {
			return // then its run counts as lost
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended[ended.Run] = ended
	})
	return err
}

// checkRuns accounts for every change that was accepted: its run has ended, with an
// outcome for each installation, and no installation was given up. A message that got
// lost shows here even when a later change repaired what it should have done.
func (w *world) checkRuns(f *findings) {
	for _, run := range slices.Sorted(keys(w.runs)) {
		ended, found := w.ended[run]
		switch {
		case !found:
			f.lost = append(f.lost, fmt.Sprintf("the end of run %s, a change of %s", run, w.runs[run]))
		case ended.Failed > 0 || ended.Changed+ended.Unchanged+ended.Skipped != ended.Total:
			f.wrong = append(f.wrong, fmt.Sprintf("outcome of run %s, a change of %s: %+v", run, w.runs[run], ended))
		}
	}
}
