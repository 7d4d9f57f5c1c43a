package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/bitbucket"
)

// workspaceVerb makes a verb by hand out of its command: it adds --installation,
// and hands work Bitbucket as that one installation.
func (inv *invocation) workspaceVerb(command *cobra.Command, work func(client *bitbucket.Client, workspace string, args []string) error) *cobra.Command {
	var name string
	installationFlag(command, &name, oneInstallation)
	required(command, "installation")
	command.RunE = inv.verb(func(args []string) error {
		client, err := inv.client(name)
		if err != nil {
			return err
		}
		err = work(client, name, args)
		if len(args) > 0 && errors.Is(err, bitbucket.ErrNotFound) {
			return inv.namedLinker(client, args[0], err)
		}
		return err
	})
	return command
}

// namedLinker tells a linker that the app doesn't have from a value that is missing:
// Bitbucket answers both with the same error.
func (inv *invocation) namedLinker(client *bitbucket.Client, linker string, notFound error) error {
	var keys []string
	for known, err := range client.Linkers(inv.ctx) {
		if err != nil || known.Key == linker {
			return notFound
		}
		keys = append(keys, known.Key)
	}
	if len(keys) == 0 {
		return fmt.Errorf("the app has no linker %q in this workspace, nor any other", linker)
	}
	return fmt.Errorf("the app has no linker %q in this workspace; it has %s", linker, strings.Join(keys, ", "))
}

// client returns Bitbucket as the one installation that name selects.
func (inv *invocation) client(name string) (*bitbucket.Client, error) {
	if name == apply.All {
		return nil, usage("this verb works in one workspace: give --installation a client key or a workspace's UUID")
	}
	for in, err := range inv.session.Installations(inv.ctx, name) {
		if err != nil {
			return nil, err
		}
		return inv.session.Bitbucket(in), nil
	}
	return nil, fmt.Errorf("find installation %q: nothing found", name)
}

func newLinkersCommand(inv *invocation) *cobra.Command {
	return newGroup("linkers", "The app's linkers in one workspace, by hand.", newLinkersListCommand(inv), newLinkersGetCommand(inv))
}

func newLinkersListCommand(inv *invocation) *cobra.Command {
	return inv.workspaceVerb(&cobra.Command{
		Use: "list", Short: "List the linkers that the app's descriptor has.", Args: takes(),
		Example: "  linkersync linkers list --installation UUID",
	}, func(client *bitbucket.Client, _ string, _ []string) error {
		linkers := []bitbucket.Linker{}
		for linker, err := range client.Linkers(inv.ctx) {
			if err != nil {
				return fmt.Errorf("list linkers: %w", err)
			}
			linkers = append(linkers, linker)
		}
		inv.sumList(len(linkers), "The app's descriptor has %s in this workspace.", platform.Counted(len(linkers), "linker"))
		return printAll(inv, linkers, func(w io.Writer) {
			for _, linker := range linkers {
				_, _ = fmt.Fprintln(w, linker.Key)
			}
		})
	})
}

func newLinkersGetCommand(inv *invocation) *cobra.Command {
	return inv.workspaceVerb(&cobra.Command{
		Use: "get LINKER", Short: "Show one linker, by its key in the descriptor.", Args: takes("LINKER"),
		Example: "  linkersync linkers get issues --installation UUID --json",
	}, func(client *bitbucket.Client, _ string, args []string) error {
		linker, err := client.Linker(inv.ctx, args[0])
		if err != nil {
			return fmt.Errorf("get linker %q: %w", args[0], err)
		}
		return inv.print(linker, func(w io.Writer) { _, _ = fmt.Fprintln(w, linker.Key) })
	})
}
