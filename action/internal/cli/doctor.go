package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
)

// doctor are the flags of the verb of that name.
type doctor struct {
	installation, file, roundTrip string
	clear                         bool
}

func newDoctorCommand(inv *invocation) *cobra.Command {
	c := &doctor{}
	command := &cobra.Command{
		Use: "doctor", Short: "Does Bitbucket have the linker endpoints? Can an installation work?", Args: takes(),
		Long: `Without --installation it asks Bitbucket, without any secret or configuration, whether the linker endpoints are there.
Exit codes: 0 they are there, 3 they are gone at this moment, 4 no verdict.

With --installation it checks one installation: that it is in the store, this machine's clock against Bitbucket's, the shared secret, the linker endpoints, and with --file the manifest's linkers against the descriptor's. It changes nothing, unless --round-trip asks for one value to be written, read and deleted.
Exit code 1 when a check fails; a warning is no failure.

--clear does what "linkersync stop clear" does.`,
		Example: `  linkersync doctor
  linkersync doctor --installation UUID
  linkersync doctor --installation UUID --file linkersync.yaml \
    --round-trip issues`,
		RunE: inv.verb(func([]string) error { return c.run(inv) }),
	}
	installationFlag(command, &c.installation, oneInstallation)
	inv.optionFlags(command.Flags(), named("table"))
	command.Flags().BoolVar(&c.clear, "clear", false, "Start the app again that was stopped; needs --table.")
	command.Flags().StringVarP(&c.file, "file", "f", "", "Compare the linkers of this manifest `FILE` with Bitbucket's.")
	command.Flags().StringVar(&c.roundTrip, "round-trip", "", "Write a value to this `LINKER`, read it and delete it.")
	return command
}

func (c *doctor) run(inv *invocation) error {
	switch {
	case c.clear:
		return inv.clearStop()
	case c.installation == "" && c.file+c.roundTrip != "":
		return usage("--file and --round-trip are about one installation: give --installation a client key or a workspace's UUID")
	case c.installation == "":
		return inv.probe()
	}
	var wanted manifest.Manifest
	if c.file != "" {
		var err error
		if wanted, err = inv.session.Load(inv.ctx, c.file, inv.process.Stdin); err != nil {
			return wrongManifest(err)
		}
	}
	if c.installation == apply.All {
		return usage("doctor looks at one workspace: give --installation a client key or a workspace's UUID")
	}
	d := &diagnosis{inv: inv, findings: []finding{}}
	if in, found := d.stored(c.installation); found {
		d.bitbucket(in, wanted, c.roundTrip)
	}
	return d.report()
}

// stored finds the installation.
func (d *diagnosis) stored(name string) (found installation.Installation, ok bool) {
	for in, err := range d.inv.session.Installations(d.inv.ctx, name) {
		if err != nil {
			detail := err.Error()
			if hint := d.inv.hintFor(err); hint != "" {
				detail += "; " + hint
			}
			d.add(statusFailed, "store", detail)
			return found, false
		}
		if in.State != installation.Installed {
			d.add(statusWarn, "store", "it is marked as uninstalled since "+in.UpdatedAt.Format(time.DateTime)+": Bitbucket will refuse its secret")
			return in, true
		}
		d.add(statusOK, "store", "found "+label(in))
		return in, true
	}
	return found, false
}

// bitbucket checks what Bitbucket says to the installation.
func (d *diagnosis) bitbucket(in installation.Installation, wanted manifest.Manifest, roundTrip string) {
	ctx, client := d.inv.ctx, d.inv.session.Bitbucket(in)
	_, err := client.AccessToken(ctx)
	clockRight := d.clock()
	switch {
	case err == nil:
		d.add(statusOK, "secret", "Bitbucket accepts it")
	case !clockRight:
		d.add(statusFailed, "secret", "nobody can tell as long as the clock is wrong: "+err.Error())
		return
	case errors.Is(err, bitbucket.ErrUnavailable):
		d.add(statusFailed, "secret", "Bitbucket gave no verdict: "+err.Error())
		return
	default:
		d.add(statusFailed, "secret", "Bitbucket refuses it ("+err.Error()+"). "+d.refusedSecret())
		return
	}
	keys, ok := d.endpoint(client)
	if !ok {
		return
	}
	if wanted.Path != "" {
		d.linkers(keys, wanted)
	}
	if roundTrip != "" {
		d.roundTrip(ctx, client, roundTrip)
	}
}

// refusedSecret says what is left to do. An import would not help: it calls what is
// stored and differs a conflict.
func (d *diagnosis) refusedSecret() string {
	if d.inv.process.Getenv(setup.SharedSecretVariable) != "" {
		return setup.SharedSecretVariable + " is not the secret in force there, or the workspace removed the app: look up what the app stored last"
	}
	return "When the workspace removed the app, nothing is to be done. Otherwise another secret is in force there: delete the stored one, " +
		"as SECURITY.md says under \"When an install is refused for good\", and import the one that the old app has. Where nobody has it, " +
		"only installing the app again helps, which Bitbucket may no longer allow"
}

// clock compares this machine's with the one in Bitbucket's answer.
func (d *diagnosis) clock() bool {
	ahead, known := d.inv.session.Skew()
	problem := clockProblem(ahead, known)
	switch {
	case !known:
		d.add(statusWarn, "clock", "Bitbucket's time is not known: no answer came")
	case problem != "":
		d.add(statusFailed, "clock", problem)
	default:
		d.add(statusOK, "clock", fmt.Sprintf("within %s of Bitbucket's", ahead.Abs()+time.Second))
	}
	return problem == ""
}

// endpoint finds out whether Bitbucket still has linkers, and which.
func (d *diagnosis) endpoint(client *bitbucket.Client) (keys []string, ok bool) {
	for linker, err := range client.Linkers(d.inv.ctx) {
		if errors.Is(err, bitbucket.ErrEndpointRemoved) {
			d.add(statusFailed, "endpoint", hintForRemoved())
			return nil, false
		}
		if err != nil {
			d.add(statusFailed, "endpoint", err.Error())
			return nil, false
		}
		keys = append(keys, linker.Key)
	}
	if len(keys) == 0 {
		d.add(statusWarn, "endpoint", "it answers, and the descriptor has no linkers there: add them to the descriptor, then \"linkersync addon update\"")
		return keys, true
	}
	d.add(statusOK, "endpoint", "it answers, with the linkers "+strings.Join(keys, ", "))
	return keys, true
}

// linkers compares the descriptor's with the manifest's.
func (d *diagnosis) linkers(keys []string, wanted manifest.Manifest) {
	var missing []string
	for _, linker := range wanted.Linkers {
		if !slices.Contains(keys, linker.Key) {
			missing = append(missing, linker.Key)
		}
	}
	if len(missing) > 0 {
		d.add(statusFailed, "linkers", fmt.Sprintf("%s wants %s, which the descriptor doesn't have there: correct the key, or add it to the descriptor and run \"linkersync addon update\"", wanted.Path, strings.Join(missing, ", ")))
		return
	}
	d.add(statusOK, "linkers", "Bitbucket has all that "+wanted.Path+" names")
}
