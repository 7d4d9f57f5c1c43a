package cli

import (
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/importer"
	"github.com/linkersync/linkersync/action/internal/importer/journal"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/installation"
)

// intakeFlags are what import and add share.
type intakeFlags struct {
	dryRun, noProof bool
	proof           string
	parallel        int
	journal         string
}

func (f *intakeFlags) define(command *cobra.Command) {
	command.Flags().BoolVar(&f.dryRun, "dry-run", false, "Show what would be stored, and store nothing. Bitbucket is asked.")
	command.Flags().BoolVar(&f.noProof, "no-proof", false, "Don't ask Bitbucket whether the secrets are the real ones.")
	enumVar(command.Flags(), &f.proof, "proof", "oauth", "How a secret is proven: by an OAuth grant, or by reading its workspace.", "oauth", "workspace")
}

func newInstallationsImportCommand(inv *invocation) *cobra.Command {
	flags := &intakeFlags{}
	command := &cobra.Command{
		Use: "import FILE", Short: "Bring an existing app's client keys and shared secrets into the store.", Args: takes("FILE"),
		Long: `FILE is JSON lines, CSV with a header, or the settings rows of atlassian-connect-express; "-" is standard input. docs/migrate.md has an example of each, from the common frameworks.

Each row is looked up, proven by a call to Bitbucket, and stored. One that is there already and the same is fine; one that differs is a conflict and is left as it is. Running the import again goes on where it stopped; with --journal it does so without asking for each row again: for those that changed since, it asks. No secret is printed.

Exit code 1 when a row was refused, is a conflict, or failed.`,
		Example: `  linkersync installations import old-store.jsonl --dry-run
  linkersync installations import old-store.csv --journal imported.txt
  psql -c "COPY (…) TO STDOUT CSV HEADER" | linkersync installations import -`,
		RunE: inv.verb(func(args []string) error { return inv.importFile(args[0], flags) }),
	}
	flags.define(command)
	parallelFlag(command, &flags.parallel, "How many rows at a time. Writes are kept below Secrets Manager's 50 a second.")
	command.Flags().StringVar(&flags.journal, "journal", "", "Remember in this `FILE` which rows are in the store. It is of one app and one region.")
	return command
}

func (inv *invocation) importFile(path string, flags *intakeFlags) error {
	if inv.session.AppKey() == "" {
		return usage("--app-key is missing: say which app the rows belong to [$LINKERSYNC_APP_KEY]")
	}
	file, err := inv.open(path)
	if err != nil {
		return usage("%s can't be read: %s", path, input.Reason(err))
	}
	defer func() { _ = file.Close() }() // only read from
	inv.progress("rows", func() (int, error) { return inv.rowsOf(path) })
	return inv.takeIn(installation.ReadRows(file, inv.session.AppKey()), flags, false)
}

// rowsOf counts the rows of a file. Standard input can't be read twice.
func (inv *invocation) rowsOf(path string) (count int, err error) {
	if path == "-" {
		return -1, nil
	}
	file, err := inv.open(path)
	if err != nil {
		return -1, err
	}
	defer func() { _ = file.Close() }()                           // only read from
	for range installation.ReadRows(file, inv.session.AppKey()) { //nolint:errcheck // a broken row counts, too; the import reports it
		count++
	}
	return count, nil
}

// open opens a regular file, or standard input when path is "-".
func (inv *invocation) open(path string) (io.ReadCloser, error) {
	if path == "-" {
		return input.Stream(inv.ctx, inv.process.Stdin), nil
	}
	return input.Open(path)
}

// takeIn puts rows into the store and prints what became of them: of each, or only
// of those that a person has to look at.
func (inv *invocation) takeIn(rows iter.Seq2[installation.Row, error], flags *intakeFlags, each bool) error {
	store, err := inv.session.Store(inv.ctx)
	if err != nil {
		return err
	}
	done, err := inv.importJournal(flags.journal)
	if err != nil {
		return err
	}
	defer done.Close()
	options := importer.Options{DryRun: flags.dryRun, Parallel: flags.parallel}
	switch {
	case flags.noProof:
	case flags.proof == "workspace":
		options.Prove = importer.ByWorkspace(inv.session.Bitbucket)
	default:
		options.Prove = importer.ByGrant(inv.session.Bitbucket)
	}
	out := &intakeReport{inv: inv, dryRun: flags.dryRun, each: each || flags.dryRun || inv.verbose, counts: map[importer.Outcome]int{}}
	defer inv.bar.end()
	for result, err := range importer.Run(inv.ctx, rows, store, done, options) {
		if err != nil {
			out.sum()
			return err
		}
		if err := out.add(result); err != nil {
			return err
		}
	}
	out.sum()
	if out.counts[importer.Conflict]+out.counts[importer.Refused]+out.counts[importer.Failed] > 0 {
		return errReported
	}
	return nil
}

// importJournal opens the journal of imports into this store: what is in one region
// may be missing in another.
func (inv *invocation) importJournal(path string) (*journal.Journal, error) {
	aws, err := inv.session.AWS(inv.ctx)
	if err != nil {
		return nil, err
	}
	return journal.Open(path, fmt.Sprintf("installations import into %s, app %s", aws.Region, inv.session.AppKey()))
}

// intakeReport prints results as they come, and counts them.
type intakeReport struct {
	inv          *invocation
	dryRun, each bool
	counts       map[importer.Outcome]int
}

func (r *intakeReport) add(result importer.Result) error {
	r.counts[result.Outcome]++
	r.inv.bar.add()
	subject := platform.Printable(result.ClientKey)
	if result.Line > 0 {
		subject = strings.TrimSuffix(fmt.Sprintf("%d %s", result.Line, subject), " ")
	}
	if result.Reason != "" {
		r.inv.problems.Add(document.Problem{What: string(result.Outcome), Message: platform.Printable(result.Reason), Place: "row"}, subject)
	}
	return r.inv.print(result, func(w io.Writer) {
		if r.each && result.Reason == "" && result.Outcome != importer.Failed {
			_, _ = fmt.Fprintf(w, "row %s %s\n", subject, r.word(result.Outcome))
		}
	})
}

// word says an outcome to a person.
func (r *intakeReport) word(outcome importer.Outcome) string {
	if outcome == importer.Stored && r.dryRun {
		return "would be stored"
	}
	return string(outcome)
}

func (r *intakeReport) sum() {
	c := r.counts
	r.inv.sum(c, "%d %s, %d present already, %d done before, %s, %d refused, %d failed.",
		c[importer.Stored], r.word(importer.Stored), c[importer.Present], c[importer.Done], platform.Counted(c[importer.Conflict], "conflict"), c[importer.Refused], c[importer.Failed])
}
