package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/queue"
)

// maxLetters is the most letters of a queue that are read.
const maxLetters = 100

func newDeadLettersCommand(inv *invocation) *cobra.Command {
	return newGroup("deadletters", "What the deployment gave up: list, redrive.", newDeadLettersListCommand(inv), newDeadLettersRedriveCommand(inv))
}

func newDeadLettersListCommand(inv *invocation) *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "List what was given up, and why.", Args: takes(),
		Long:    "A letter of the workers is about one workspace. One of the events is an event that no function took. Reading leaves them where they are.",
		Example: "  linkersync deadletters list --json",
		RunE:    inv.verb(func([]string) error { return inv.listLetters() }),
	}
	inv.optionFlags(command.Flags(), named("dead_letters_url", "event_dead_letters_url"))
	required(command, "dead-letters-url")
	return command
}

// letterView is a dead letter as people and scripts see it.
type letterView struct {
	Queue     string          `json:"queue"`
	ID        string          `json:"id"`
	Sent      time.Time       `json:"sent_at,omitzero"`
	Run       string          `json:"run,omitempty"`
	ClientKey string          `json:"client_key,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Message   json.RawMessage `json:"message,omitempty"`
}

func (inv *invocation) listLetters() error {
	queues, err := inv.session.DeadLetters(inv.ctx)
	if err != nil {
		return err
	}
	count := 0
	for _, name := range []string{setup.WorkerLetters, setup.EventLetters} {
		letters, there := queues[name]
		if !there {
			continue
		}
		read, err := letters.Read(inv.ctx, maxLetters)
		if err != nil {
			return err
		}
		for _, letter := range read {
			count++
			view := viewOfLetter(name, letter)
			if err := inv.print(view, view.write); err != nil {
				return err
			}
		}
		if len(read) == maxLetters && !inv.json {
			_, _ = fmt.Fprintf(inv.process.Stdout, "More %s may follow: these are the first %d.\n", name, maxLetters)
		}
	}
	if count == 0 {
		return inv.done("There are no dead letters.")
	}
	return inv.done("%s; \"linkersync deadletters redrive\" sends those of the workers again.", platform.Counted(count, "dead letter"))
}

func viewOfLetter(name string, letter queue.Letter) letterView {
	view := letterView{Queue: name, ID: letter.ID, Sent: letter.Sent, Reason: letter.Reason}
	var message queue.Message
	if json.Valid([]byte(letter.Body)) {
		view.Message = json.RawMessage(letter.Body)
	}
	if name == setup.WorkerLetters && json.Unmarshal(view.Message, &message) == nil {
		view.ClientKey, view.Run = message.ClientKey, message.Run
	}
	return view
}

func (v letterView) write(w io.Writer) {
	what := v.ClientKey
	if what == "" {
		var event struct {
			DetailType string `json:"detail-type"`
		}
		_ = json.Unmarshal(v.Message, &event) // what is no event has no type
		what = "event " + event.DetailType
	}
	reason := v.Reason
	if reason == "" {
		reason = "no reason is with it; the function's log has it"
	}
	_, _ = fmt.Fprintf(w, "%s  %s\n%s\n", v.Sent.Format("2006-01-02 15:04"), platform.Printable(what), platform.Wrap("  "+platform.Printable(reason), 80))
}

func newDeadLettersRedriveCommand(inv *invocation) *cobra.Command {
	var yes bool
	command := &cobra.Command{
		Use: "redrive", Short: "Send the workers' dead letters to their queue again.", Args: takes(),
		Long:    "It is safe: a message says which workspace to look at, and never what to write. On a terminal it asks first.",
		Example: "  linkersync deadletters redrive --yes",
		RunE:    inv.verb(func([]string) error { return inv.redrive(yes) }),
	}
	inv.optionFlags(command.Flags(), named("dead_letters_url", "queue_url"))
	required(command, "dead-letters-url")
	required(command, "queue-url")
	command.Flags().BoolVar(&yes, "yes", false, "Don't ask.")
	return command
}

func (inv *invocation) redrive(yes bool) error {
	queues, err := inv.session.DeadLetters(inv.ctx)
	if err != nil {
		return err
	}
	count, err := queues[setup.WorkerLetters].Count(inv.ctx)
	if err != nil {
		return err
	}
	if count == 0 {
		return inv.done("There are no dead letters, so nothing was sent again.")
	}
	if !yes {
		if err := inv.confirm(fmt.Sprintf("This sends %s to the workers again.", platform.Counted(count, "dead letter"))); err != nil {
			return err
		}
	}
	if err := inv.session.Redrive(inv.ctx); err != nil {
		return err
	}
	return inv.done("SQS moves %s to the workers' queue; \"linkersync runs list\" and \"deadletters list\" show what becomes of them.", platform.Counted(count, "dead letter"))
}
