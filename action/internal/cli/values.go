package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/linkersync/linkersync/shared/bitbucket"
)

// valuesCommand holds the verbs on a linker's values.
type valuesCommand struct {
	List   valuesListCommand   `cmd:"" help:"List the values of a linker, one a line."`
	Get    valuesGetCommand    `cmd:"" help:"Show one value by its id."`
	Create valuesCreateCommand `cmd:"" help:"Add one value."`
	Update valuesUpdateCommand `cmd:"" help:"Send Bitbucket's bulk update with these values. Whether it replaces or adds is Bitbucket's choice; apply takes care of both."`
	Delete valuesDeleteCommand `cmd:"" help:"Delete one value by its id."`
	Clear  valuesClearCommand  `cmd:"" help:"Delete all values of a linker. Needs --yes."`
}

type valuesFlags struct {
	workspaceFlags
	Linker string `arg:"" help:"The linker's key, as in the descriptor."`
}

type valuesListCommand struct{ valuesFlags }

// Run implements the verb.
func (c *valuesListCommand) Run(inv *invocation) error {
	client, err := c.client(inv)
	if err != nil {
		return err
	}
	values := []bitbucket.LinkerValue{}
	for value, err := range client.LinkerValues(inv.ctx, c.Linker) {
		if err != nil {
			return fmt.Errorf("list values of linker %q: %w", c.Linker, err)
		}
		values = append(values, value)
	}
	return inv.print(values, func(w io.Writer) {
		for _, value := range values {
			printValue(w, value)
		}
	})
}

func printValue(w io.Writer, value bitbucket.LinkerValue) {
	_, _ = fmt.Fprintf(w, "%d\t%s\n", value.ID, value.Value)
}

type valuesGetCommand struct {
	valuesFlags
	ID int64 `arg:"" help:"The value's number."`
}

// Run implements the verb.
func (c *valuesGetCommand) Run(inv *invocation) error {
	client, err := c.client(inv)
	if err != nil {
		return err
	}
	value, err := client.LinkerValue(inv.ctx, c.Linker, c.ID)
	if err != nil {
		return fmt.Errorf("get value %d of linker %q: %w", c.ID, c.Linker, err)
	}
	return inv.print(value, func(w io.Writer) { printValue(w, value) })
}

type valuesCreateCommand struct {
	valuesFlags
	Value string `arg:"" help:"Letters, digits, dashes and underscores."`
}

// Run implements the verb.
func (c *valuesCreateCommand) Run(inv *invocation) error {
	client, err := c.client(inv)
	if err != nil {
		return err
	}
	value, err := client.CreateLinkerValue(inv.ctx, c.Linker, c.Value)
	if err != nil {
		return fmt.Errorf("add value %q to linker %q: %w", c.Value, c.Linker, err)
	}
	return inv.print(value, func(w io.Writer) { printValue(w, value) })
}

type valuesUpdateCommand struct {
	valuesFlags
	Values []string `arg:"" help:"All values to send."`
}

// Run implements the verb.
func (c *valuesUpdateCommand) Run(inv *invocation) error {
	client, err := c.client(inv)
	if err != nil {
		return err
	}
	if err := client.UpdateLinkerValues(inv.ctx, c.Linker, c.Values); err != nil {
		return fmt.Errorf("update values of linker %q: %w", c.Linker, err)
	}
	return inv.done("sent %d values to linker %s: %s", len(c.Values), c.Linker, strings.Join(c.Values, " "))
}

type valuesDeleteCommand struct {
	valuesFlags
	ID int64 `arg:"" help:"The value's number, as values list shows it."`
}

// Run implements the verb.
func (c *valuesDeleteCommand) Run(inv *invocation) error {
	client, err := c.client(inv)
	if err != nil {
		return err
	}
	if err := client.DeleteLinkerValue(inv.ctx, c.Linker, c.ID); err != nil {
		return fmt.Errorf("delete value %d of linker %q: %w", c.ID, c.Linker, err)
	}
	return inv.done("deleted value %d of linker %s", c.ID, c.Linker)
}

type valuesClearCommand struct {
	valuesFlags
	Yes bool `help:"Yes, delete all values: every link of this linker in the workspace goes dark."`
}

// Run implements the verb.
func (c *valuesClearCommand) Run(inv *invocation) error {
	if !c.Yes {
		return usage("clear deletes all values of linker %q: add --yes if that is meant", c.Linker)
	}
	client, err := c.client(inv)
	if err != nil {
		return err
	}
	if err := client.DeleteLinkerValues(inv.ctx, c.Linker); err != nil {
		return fmt.Errorf("delete all values of linker %q: %w", c.Linker, err)
	}
	return inv.done("deleted all values of linker %s", c.Linker)
}
