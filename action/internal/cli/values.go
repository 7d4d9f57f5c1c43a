package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
)

func newValuesCommand(inv *invocation) *cobra.Command {
	return newGroup("values", "A linker's values in one workspace, by hand.",
		newValuesListCommand(inv), newValuesGetCommand(inv), newValuesCreateCommand(inv),
		newValuesUpdateCommand(inv), newValuesDeleteCommand(inv), newValuesClearCommand(inv),
	)
}

func newValuesListCommand(inv *invocation) *cobra.Command {
	return inv.workspaceVerb(&cobra.Command{
		Use: "list LINKER", Short: "List the values of a linker, one a line, each after its number.", Args: takes("LINKER"),
		Example: "  linkersync values list issues --installation UUID",
	}, func(client *bitbucket.Client, _ string, args []string) error {
		values := []bitbucket.LinkerValue{}
		for value, err := range client.LinkerValues(inv.ctx, args[0]) {
			if err != nil {
				return fmt.Errorf("list values of linker %q: %w", args[0], err)
			}
			values = append(values, value)
		}
		inv.sumList(len(values), "Linker %s has %s.", args[0], platform.Counted(len(values), "value"))
		return printAll(inv, values, func(w io.Writer) {
			for _, value := range values {
				printValue(w, value)
			}
		})
	})
}

func printValue(w io.Writer, value bitbucket.LinkerValue) {
	_, _ = fmt.Fprintf(w, "%d\t%s\n", value.ID, platform.Printable(value.Value))
}

// takesNumber is the check of LINKER and ID.
func takesNumber(command *cobra.Command, args []string) error {
	if err := takes("LINKER", "ID")(command, args); err != nil {
		return err
	}
	if valueNumber(args[1]) < 1 {
		return usage("ID is %q, and should be a value's number, as \"values list\" shows it", args[1])
	}
	return nil
}

// valueNumber reads the number by which Bitbucket knows a value; 0 is none.
func valueNumber(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func newValuesGetCommand(inv *invocation) *cobra.Command {
	return inv.workspaceVerb(&cobra.Command{
		Use: "get LINKER ID", Short: "Show one value by its number.", Args: takesNumber,
		Example: "  linkersync values get issues 17 --installation UUID",
	}, func(client *bitbucket.Client, _ string, args []string) error {
		id := valueNumber(args[1])
		value, err := client.LinkerValue(inv.ctx, args[0], id)
		if err != nil {
			return fmt.Errorf("get value %d of linker %q: %w", id, args[0], err)
		}
		return inv.print(value, func(w io.Writer) { printValue(w, value) })
	})
}

// takesValues is the check of LINKER and the values after it: what Bitbucket would
// refuse is not sent.
func takesValues(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if err := takes(names...)(command, args); err != nil {
			return err
		}
		for i, value := range args[1:] {
			if !manifest.IsValue(value) {
				return usage("the value is %q, and Bitbucket takes letters, digits, dashes and underscores only", value)
			}
			if slices.Contains(args[1:1+i], value) {
				return usage("the value %q is given twice", value)
			}
		}
		return nil
	}
}

func newValuesCreateCommand(inv *invocation) *cobra.Command {
	return inv.workspaceVerb(&cobra.Command{
		Use: "create LINKER VALUE", Short: "Add one value: letters, digits, dashes and underscores.", Args: takesValues("LINKER", "VALUE"),
		Example: "  linkersync values create issues PROJ --installation UUID",
	}, func(client *bitbucket.Client, _ string, args []string) error {
		value, err := client.CreateLinkerValue(inv.ctx, args[0], args[1])
		if err != nil {
			return fmt.Errorf("add value %q to linker %q: %w", args[1], args[0], err)
		}
		return inv.print(value, func(w io.Writer) { printValue(w, value) })
	})
}

func newValuesUpdateCommand(inv *invocation) *cobra.Command {
	return inv.workspaceVerb(&cobra.Command{
		Use: "update LINKER VALUE…", Short: "Send Bitbucket's bulk update with these values.", Args: takesValues("LINKER", "VALUE…"),
		Long:    "Send Bitbucket's bulk update with these values. Whether it replaces or adds is Bitbucket's choice; apply takes care of both.",
		Example: "  linkersync values update issues PROJ OPS WEB --installation UUID",
	}, func(client *bitbucket.Client, _ string, args []string) error {
		linker, values := args[0], args[1:]
		if err := client.UpdateLinkerValues(inv.ctx, linker, values); err != nil {
			return fmt.Errorf("update values of linker %q: %w", linker, err)
		}
		return inv.done("sent %s to linker %s: %s", platform.Counted(len(values), "value"), linker, strings.Join(values, " "))
	})
}

func newValuesDeleteCommand(inv *invocation) *cobra.Command {
	return inv.workspaceVerb(&cobra.Command{
		Use: "delete LINKER ID", Short: "Delete one value by its number.", Args: takesNumber,
		Example: "  linkersync values delete issues 17 --installation UUID",
	}, func(client *bitbucket.Client, _ string, args []string) error {
		id := valueNumber(args[1])
		if err := client.DeleteLinkerValue(inv.ctx, args[0], id); err != nil {
			return fmt.Errorf("delete value %d of linker %q: %w", id, args[0], err)
		}
		return inv.done("deleted value %d of linker %s", id, args[0])
	})
}

func newValuesClearCommand(inv *invocation) *cobra.Command {
	var yes bool
	command := inv.workspaceVerb(&cobra.Command{
		Use: "clear LINKER", Short: "Delete all values of a linker. Needs --yes.", Args: takes("LINKER"),
		Example: "  linkersync values clear issues --installation UUID --yes",
	}, func(client *bitbucket.Client, _ string, args []string) error {
		if err := client.DeleteLinkerValues(inv.ctx, args[0]); err != nil {
			return fmt.Errorf("delete all values of linker %q: %w", args[0], err)
		}
		return inv.done("deleted all values of linker %s", args[0])
	})
	command.PreRunE = func(_ *cobra.Command, args []string) error {
		if !yes {
			return usage("clear deletes all values of linker %q: add --yes if that is meant", args[0])
		}
		return nil
	}
	command.Flags().BoolVar(&yes, "yes", false, "Yes, delete all values: every link of this linker in the workspace goes dark.")
	return command
}
