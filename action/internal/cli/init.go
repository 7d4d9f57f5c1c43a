package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/manifest"
)

// schemaLine lets an editor complete and check the file.
const schemaLine = "# yaml-language-server: $schema=https://raw.githubusercontent.com/linkersync/linkersync/main/shared/manifest/linkersync.schema.json\n"

// initialise are the flags of init.
type initialise struct{ email, name, installation string }

func newInitCommand(inv *invocation) *cobra.Command {
	c := &initialise{}
	command := &cobra.Command{
		Use: "init", Short: "Write a first manifest.", Args: takes(),
		Long: "On a terminal it asks for what no flag says. With --installation it takes the linkers and values that a workspace has now. It never overwrites a file.",
		Example: `  linkersync init --email ci@example.com
  linkersync init --installation UUID`,
		RunE: inv.verb(func([]string) error { return c.run(inv) }),
	}
	inv.optionFlags(command.Flags(), named("file"))
	installationFlag(command, &c.installation, oneInstallation)
	command.Flags().StringVar(&c.email, "email", "", "The Atlassian account's `ADDRESS`, for an Infisical connection.")
	command.Flags().StringVar(&c.name, "connection", "bitbucket-ci", "The connection's `NAME`.")
	return command
}

func (c *initialise) run(inv *invocation) error {
	if _, err := os.Lstat(inv.options.File); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: look at it, or name another with --file", inv.options.File)
	}
	desired := manifest.Manifest{App: inv.session.AppKey()}
	if c.email == "" && desired.App == "" {
		var err error
		if c.email, err = inv.ask("The Atlassian account's email address, for an Infisical connection (empty for none): "); err != nil {
			return err
		}
		if desired.App, err = inv.ask("The Connect app's key, for linker values (empty for none): "); err != nil {
			return err
		}
	}
	if cmp.Or(c.email, desired.App) == "" {
		return usage("nothing to write down: give --email for a connection, --app-key for linkers, or both")
	}
	if c.email != "" {
		token := manifest.Reference{Scheme: manifest.SchemeEnv, Target: "BITBUCKET_API_TOKEN"}
		desired.Connections = []manifest.Connection{{Name: c.name, Email: c.email, Token: token}}
	}
	if c.installation != "" {
		for in, err := range inv.session.Installations(inv.ctx, c.installation) {
			if err != nil {
				return err
			}
			exported, err := inv.session.Exported(inv.ctx, in)
			if err != nil {
				return err
			}
			desired.Linkers = exported.Linkers
		}
	}
	return inv.writeFirst(desired)
}

// writeFirst writes a manifest to a file that isn't there.
func (inv *invocation) writeFirst(desired manifest.Manifest) error {
	encoded, err := manifest.Encode(desired)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(inv.options.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // G302, G304: a manifest holds no secret, and is where the person wants it
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	_, err = file.WriteString(schemaLine + string(encoded))
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return inv.done("%s is written: %s, %s. Next: \"linkersync validate\", then \"linkersync plan\".",
		inv.options.File, platform.Counted(len(desired.Linkers), "linker"), platform.Counted(len(desired.Connections), "connection"))
}
