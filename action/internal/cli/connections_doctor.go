package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/tagged"
)

// expiryWarning is when a token's end is worth a warning; the connections function
// has the same default.
const expiryWarning = 14 * 24 * time.Hour

func newConnectionsDoctorCommand(inv *invocation) *cobra.Command {
	var from connectionsFileFlag
	var names []string
	command := &cobra.Command{
		Use: "doctor", Short: "Check the login, what it may read, the tokens at Bitbucket and the connections; change nothing.", Args: takes(),
		Long: `It reads and changes nothing, so it can't tell whether the identity may create, edit or delete: ensure and delete name such a permission when it is missing.

A token's end is known when the manifest takes the token from a Secrets Manager secret that has an expires_at beside it, as docs/connections.md describes.

Exit code 1 when a check fails; a warning is no failure.`,
		Example: `  linkersync connections doctor
  linkersync connections doctor --name bitbucket-ci --json |
    jq '.results[] | select(.status != "ok")'`,
		RunE: inv.verb(func([]string) error {
			desired, err := from.load(inv, names)
			if err != nil {
				return err
			}
			return inv.examineConnections(desired)
		}),
	}
	fileFlag(command, &from.file)
	command.Flags().StringArrayVar(&names, "name", nil, "Only connections of this `NAME`; may be repeated.")
	return command
}

// outcome is how a check ended.
type outcome string

const (
	statusOK     outcome = "ok"
	statusWarn   outcome = "warn"
	statusFailed outcome = "failed"
)

// finding is one check's answer.
type finding struct {
	Status outcome `json:"status"`
	Check  string  `json:"check"`
	// Connection is empty for what concerns all of them.
	Connection string `json:"connection,omitempty"`
	ProjectID  string `json:"project_id,omitempty"`
	Detail     string `json:"detail"`
}

// diagnosis collects findings.
type diagnosis struct {
	inv      *invocation
	findings []finding
}

func (d *diagnosis) add(status outcome, check, detail string) {
	d.findings = append(d.findings, finding{Status: status, Check: check, Detail: detail})
}

// about is add for one connection: several projects may have one of the same name.
func (d *diagnosis) about(name, projectID string, status outcome, check, detail string) {
	d.findings = append(d.findings, finding{Status: status, Check: check, Connection: name, ProjectID: projectID, Detail: detail})
}

func (inv *invocation) examineConnections(desired manifest.Manifest) error {
	d := &diagnosis{inv: inv, findings: []finding{}}
	wanted := make([]reconcile.DesiredConnection, len(desired.Connections))
	for i, connection := range desired.Connections {
		wanted[i] = reconcile.Desire(connection, d.token(connection))
		wanted[i].Owner = inv.session.AppKey()
	}
	err := inv.infisical(func(client *infisical.Client) error {
		if d.login(client) && len(wanted) > 0 {
			d.connections(client, wanted)
		}
		return nil
	})
	if err != nil {
		d.add(statusFailed, "login", err.Error())
	}
	return d.report()
}

// report prints the findings, and fails when a check did.
func (d *diagnosis) report() error {
	count := map[outcome]int{}
	for _, f := range d.findings {
		count[f.Status]++
	}
	d.inv.sum(count, "%s: %d ok, %d to look at, %d failed.", platform.Counted(len(d.findings), "check"), count[statusOK], count[statusWarn], count[statusFailed])
	if err := printAll(d.inv, d.findings, d.write); err != nil {
		return err
	}
	if count[statusFailed] > 0 {
		return errReported
	}
	return nil
}

// token reads a token and tries it at Bitbucket.
func (d *diagnosis) token(connection manifest.Connection) redact.Secret {
	token, err := d.inv.session.Resolve(d.inv.ctx, connection.Token)
	if err != nil {
		d.about(connection.Name, connection.ProjectID, statusFailed, "token", err.Error())
		return token
	}
	err = d.inv.session.CheckToken(d.inv.ctx, connection.Email, token)
	if err == nil || errors.Is(err, bitbucket.ErrMissingScope) {
		defer d.scopes(connection, token)
	}
	if err != nil {
		d.about(connection.Name, connection.ProjectID, statusFailed, "token", err.Error())
		return token
	}
	d.about(connection.Name, connection.ProjectID, statusOK, "token", "Bitbucket takes it for "+connection.Email)
	d.expiry(connection)
	return token
}

// scopes checks the scopes that a GET can prove, and names the others.
func (d *diagnosis) scopes(connection manifest.Connection, token redact.Secret) {
	if len(connection.Uses) == 0 {
		return
	}
	scopes, err := d.inv.session.CheckScopes(d.inv.ctx, connection.Email, token, connection.Uses)
	if err != nil {
		d.about(connection.Name, connection.ProjectID, statusFailed, "scopes", err.Error())
		return
	}
	of := map[bitbucket.Verdict][]string{}
	var all []string
	for _, scope := range scopes {
		of[scope.Verdict], all = append(of[scope.Verdict], scope.Name), append(all, scope.Name)
	}
	verdict, detail := statusOK, "it has "+strings.Join(of[bitbucket.Granted], ", ")
	lacking := bitbucket.LackingScopes(scopes)
	switch {
	case len(of[bitbucket.Granted]) == 0 && len(lacking) > 0:
		verdict, detail = statusFailed, "Bitbucket knows the token, and it has no scope: it was made without scopes, or for another product"
	case len(lacking) > 0:
		verdict, detail = statusFailed, "it lacks "+strings.Join(lacking, ", ")
	case len(of[bitbucket.Lacking]) > 0:
		verdict, detail = statusWarn, "it lacks "+strings.Join(of[bitbucket.Lacking], ", ")+", which some versions of Infisical need"
	}
	if unproven := of[bitbucket.Unproven]; len(unproven) > 0 {
		detail += "; not proven, since no harmless call can: " + strings.Join(unproven, ", ")
	}
	d.about(connection.Name, connection.ProjectID, verdict, "scopes", detail+"; when you make the next token, tick "+strings.Join(all, ", "))
}

// expiry looks beside the token for its last day.
func (d *diagnosis) expiry(connection manifest.Connection) {
	text, beside := d.inv.expiryBeside(d.inv.ctx, connection.Token)
	if !beside {
		return
	}
	if text == "" {
		d.about(connection.Name, connection.ProjectID, statusWarn, "expiry", "its secret has no expires_at, so nobody is warned before the token ends")
		return
	}
	at, err := tagged.ParseExpiry(text)
	left := time.Until(at)
	day := at.Format(time.DateOnly)
	verdict, detail := statusOK, fmt.Sprintf("the token ends on %s, in %d days", day, int(left.Hours()/24))
	switch {
	case err != nil:
		verdict, detail = statusWarn, "its secret's expires_at is neither a day such as 2027-01-31 nor a time such as 2027-01-31T12:00:00Z"
	case left < 0:
		verdict, detail = statusWarn, "its secret's expires_at, "+day+", has passed and Bitbucket still takes it: correct the date"
	case left < expiryWarning:
		verdict = statusWarn
	}
	d.about(connection.Name, connection.ProjectID, verdict, "expiry", detail)
}

// expiryBeside is what a token's secret says about its last day, empty when it says
// nothing. beside is false for a token that is no member of a secret.
func (inv *invocation) expiryBeside(ctx context.Context, token manifest.Reference) (text string, beside bool) {
	if token.Scheme != manifest.SchemeAWSSecret || token.Key == "" {
		return "", false
	}
	token.Key = "expires_at"
	value, err := inv.session.Resolve(ctx, token)
	if err != nil {
		return "", true // most likely the secret has no such member
	}
	return value.Reveal(), true
}

// login makes the first call.
func (d *diagnosis) login(client *infisical.Client) bool {
	options, err := client.Options(d.inv.ctx, "")
	if err != nil {
		d.add(statusFailed, "login", err.Error())
		return false
	}
	if !slices.ContainsFunc(options, func(option infisical.AppOption) bool { return option.App == "bitbucket" }) {
		d.add(statusFailed, "login", "the login works, but this server has no Bitbucket connections: upgrade it")
		return false
	}
	d.add(statusOK, "login", "logged in, and the server has Bitbucket connections")
	return true
}

// connections compares Infisical with the manifest.
func (d *diagnosis) connections(client *infisical.Client, wanted []reconcile.DesiredConnection) {
	plans, err := reconcile.PlanConnections(d.inv.ctx, client, wanted)
	if err != nil {
		d.add(statusFailed, "read", err.Error())
		return
	}
	if !slices.ContainsFunc(plans, func(p reconcile.ConnectionPlan) bool { return p.Error != "" }) {
		d.add(statusOK, "read", "the identity may read the connections")
	}
	for _, plan := range plans {
		switch {
		case plan.Error != "":
			d.about(plan.Name, plan.ProjectID, statusFailed, "read", plan.Error)
		case plan.NeedsYes && plan.Owner != "":
			d.about(plan.Name, plan.ProjectID, statusFailed, "connection", plan.Owner+" owns it: give it \"adopt: true\" in the manifest to take it over, or another name")
		case plan.NeedsYes:
			d.about(plan.Name, plan.ProjectID, statusFailed, "connection", "it exists, and linkersync did not make it: give it \"adopt: true\" in the manifest, or another name")
		case plan.Changed():
			detail := "ensure would " + string(plan.Action) + " it"
			if len(plan.Fields) > 0 {
				detail += " (" + strings.Join(plan.Fields, ", ") + ")"
			}
			if plan.Drift != "" {
				detail += ": " + plan.Drift
			}
			d.about(plan.Name, plan.ProjectID, statusWarn, "connection", detail)
		case plan.TokenUnknown:
			d.about(plan.Name, plan.ProjectID, statusWarn, "connection", "it is there; without the token nobody can tell whether it has the right one")
		default:
			d.about(plan.Name, plan.ProjectID, statusOK, "connection", "it is as the manifest says")
		}
	}
}

func (d *diagnosis) write(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range d.findings {
		subject := f.Connection
		if f.ProjectID != "" {
			subject += " in " + f.ProjectID
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.Status, f.Check, platform.Printable(subject), platform.Printable(f.Detail))
	}
	_ = table.Flush() // like every other line for people
}
