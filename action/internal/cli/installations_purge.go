package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/importer"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/installation"
)

const day = 24 * time.Hour

// purge are the flags of installations purge.
type purge struct {
	olderThan, recovery days
	yes                 bool
}

func newInstallationsPurgeCommand(inv *invocation) *cobra.Command {
	c := &purge{recovery: days(installation.MaxRecovery)}
	command := &cobra.Command{
		Use: "purge", Short: "Delete the tombstones of workspaces that removed the app. Needs --yes.", Args: takes(),
		Long: `When a workspace removes the app, its secret is kept: Bitbucket signs the next install with it. Purge deletes those that were removed long ago. Only uninstalled ones are ever touched, and for the days of --recovery AWS can bring one back (aws secretsmanager restore-secret).

Without --yes it shows what would be deleted.`,
		Example: `  linkersync installations purge --older-than 90d
  linkersync installations purge --older-than 90d --recovery 7d --yes`,
		RunE: inv.verb(func([]string) error { return c.run(inv) }),
	}
	flags := command.Flags()
	flags.Var(&c.olderThan, "older-than", "Those whose last change is this long ago: days such as 90d.")
	flags.Var(&c.recovery, "recovery", "How long AWS can still bring one back: 7d to 30d.")
	flags.BoolVar(&c.yes, "yes", false, "Yes, delete them.")
	return command
}

// purged is what became of one tombstone.
type purged struct {
	ClientKey string    `json:"client_key"`
	Workspace string    `json:"workspace"`
	UpdatedAt time.Time `json:"updated_at"`
	Purged    bool      `json:"purged"`
	Error     string    `json:"error,omitempty"`
}

func (c *purge) run(inv *invocation) error {
	switch recovery := time.Duration(c.recovery); {
	case c.olderThan == 0:
		return usage("--older-than is missing: say how long a workspace must have been without the app, such as 90d")
	case recovery < installation.MinRecovery || recovery > installation.MaxRecovery:
		return usage("--recovery is %s, and AWS takes 7d to 30d", c.recovery.String())
	}
	store, err := inv.session.Store(inv.ctx)
	if err != nil {
		return err
	}
	before := inv.process.Now().Add(-time.Duration(c.olderThan))
	// Deletions count against the same quota as the other writes.
	limit := rate.NewLimiter(importer.WritesPerSecond/2, 1)
	count, failed := 0, 0
	for in, err := range store.All(inv.ctx, installation.Query{State: installation.Uninstalled, WithSecrets: true}) {
		switch {
		case errors.Is(err, installation.ErrPendingDeletion):
			continue
		case err != nil && in.ClientKey == "":
			return err
		case err == nil && (in.State != installation.Uninstalled || in.UpdatedAt.After(before)):
			continue
		}
		if err == nil && c.yes {
			if err = limit.Wait(inv.ctx); err == nil {
				err = store.Purge(inv.ctx, in, time.Duration(c.recovery))
			}
		}
		if count++; err != nil {
			failed++
		}
		if err := c.print(inv, in, err); err != nil {
			return err
		}
	}
	return c.finish(inv, count, failed)
}

func (c *purge) print(inv *invocation, in installation.Installation, err error) error {
	line := purged{ClientKey: in.ClientKey, Workspace: string(in.Principal.UUID), UpdatedAt: in.UpdatedAt, Purged: err == nil && c.yes}
	if err != nil {
		line.Error = err.Error()
		inv.fail(document.Problem{What: "purge"}, platform.Printable(label(in)), err)
	}
	return inv.print(line, func(w io.Writer) {
		if err == nil {
			_, _ = fmt.Fprintf(w, "%s  uninstalled since %s\n", platform.Printable(label(in)), in.UpdatedAt.Format(time.DateOnly))
		}
	})
}

func (c *purge) finish(inv *invocation, count, failed int) error {
	inv.sum(nil, "%d would be deleted; add --yes to do it.", count)
	if c.yes {
		inv.sum(nil, "%d deleted, %d failed; AWS can bring them back for %s.", count-failed, failed, c.recovery.String())
	}
	return inv.reported()
}

// days is a flag that takes whole days: 90d.
type days time.Duration

// String implements pflag.Value.
func (d *days) String() string {
	if *d == 0 {
		return ""
	}
	return strconv.Itoa(int(time.Duration(*d)/day)) + "d"
}

// Type implements pflag.Value.
func (d *days) Type() string { return "days" }

// Set implements pflag.Value.
func (d *days) Set(text string) error {
	number, found := strings.CutSuffix(text, "d")
	count, err := strconv.Atoi(number)
	if !found || err != nil || count < 1 || count > 36500 {
		return errors.New("it is a number of days, such as 90d")
	}
	*d = days(time.Duration(count) * day)
	return nil
}
