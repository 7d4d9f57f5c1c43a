package cli

import (
	"fmt"
	"io"

	"github.com/linkersync/linkersync/action/internal/runner"
	"github.com/linkersync/linkersync/shared/bitbucket"
)

// workspaceFlags select the one installation that a verb by hand works as.
type workspaceFlags struct {
	Installation string `help:"Client key, or the workspace's UUID or name." required:"" env:"LINKERSYNC_INSTALLATION" placeholder:"KEY|WORKSPACE"`
}

// client returns Bitbucket as the selected installation.
func (f workspaceFlags) client(inv *invocation) (*bitbucket.Client, error) {
	if f.Installation == runner.All {
		return nil, usage("this verb works in one workspace: give --installation a client key, a workspace's UUID or its name")
	}
	for in, err := range inv.session.Installations(inv.ctx, f.Installation) {
		if err != nil {
			return nil, err
		}
		return inv.session.Bitbucket(in), nil
	}
	return nil, fmt.Errorf("find installation %q: nothing found", f.Installation)
}

// linkersCommand holds the verbs on linkers.
type linkersCommand struct {
	List linkersListCommand `cmd:"" help:"List the linkers that the app's descriptor has."`
	Get  linkersGetCommand  `cmd:"" help:"Show one linker."`
}

type linkersListCommand struct{ workspaceFlags }

// Run implements the verb.
func (c *linkersListCommand) Run(inv *invocation) error {
	client, err := c.client(inv)
	if err != nil {
		return err
	}
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
}

type linkersGetCommand struct {
	workspaceFlags
	Linker string `arg:"" help:"The linker's key, as in the descriptor."`
}

// Run implements the verb.
func (c *linkersGetCommand) Run(inv *invocation) error {
	client, err := c.client(inv)
	if err != nil {
		return err
	}
	linker, err := client.Linker(inv.ctx, c.Linker)
	if err != nil {
		return fmt.Errorf("get linker %q: %w", c.Linker, err)
	}
	return inv.print(linker, func(w io.Writer) { _, _ = fmt.Fprintln(w, linker.Key) })
}
