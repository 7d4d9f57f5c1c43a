package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
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
		return work(client, name, args)
	})
	return command
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
		Example: "  linkersync linkers list --installation {11111111-2222-4333-8444-555555555555}",
	}, func(client *bitbucket.Client, _ string, _ []string) error {
		linkers := []bitbucket.Linker{}
		for linker, err := range client.Linkers(inv.ctx) {
			if err != nil {
				return fmt.Errorf("list linkers: %w", err)
			}
			linkers = append(linkers, linker)
		}
		return inv.print(linkers, func(w io.Writer) {
			for _, linker := range linkers {
				_, _ = fmt.Fprintln(w, linker.Key)
			}
		})
	})
}

func newLinkersGetCommand(inv *invocation) *cobra.Command {
	return inv.workspaceVerb(&cobra.Command{
		Use: "get LINKER", Short: "Show one linker, by its key in the descriptor.", Args: takes("LINKER"),
		Example: "  linkersync linkers get issues --installation {11111111-2222-4333-8444-555555555555} --json",
	}, func(client *bitbucket.Client, _ string, args []string) error {
		linker, err := client.Linker(inv.ctx, args[0])
		if err != nil {
			return fmt.Errorf("get linker %q: %w", args[0], err)
		}
		return inv.print(linker, func(w io.Writer) { _, _ = fmt.Fprintln(w, linker.Key) })
	})
}
