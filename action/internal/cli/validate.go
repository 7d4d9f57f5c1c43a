package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/manifest"
)

func newValidateCommand(inv *invocation) *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: "validate [FILE…]", Short: "Check manifests and the values files that they name. It calls no server.",
		Long: "Without a FILE it checks the one of --file. \"-\" is standard input.\n\nExit code 2 when a manifest has problems; each is printed with its place.",
		Example: `  linkersync validate
  linkersync validate staging.yaml production.yaml`,
	}
	fileFlag(command, &file)
	command.Args = func(command *cobra.Command, args []string) error {
		if len(args) > 0 && command.Flags().Changed("file") {
			return usage("give the manifests as arguments or with --file, not both")
		}
		return nil
	}
	command.RunE = inv.verb(func(args []string) error {
		if len(args) == 0 {
			args = []string{file}
		}
		return inv.validate(args)
	})
	return command
}

// validated is what a manifest has.
type validated struct {
	File        string `json:"file"`
	Linkers     int    `json:"linkers"`
	Values      int    `json:"values"`
	Connections int    `json:"connections"`
	Syncs       int    `json:"syncs"`
}

// validate checks each file, so that all problems are printed at once.
func (inv *invocation) validate(files []string) error {
	wrong := 0
	for _, file := range files {
		wanted, err := inv.manifest(file)
		if err != nil {
			wrong++
			if !inv.failManifest(err, "") {
				inv.fail(document.Problem{File: file}, "", err)
			}
			continue
		}
		has := validated{File: file, Linkers: len(wanted.Linkers), Connections: len(wanted.Connections), Syncs: len(wanted.Syncs)}
		for _, linker := range wanted.Linkers {
			has.Values += len(linker.Values)
		}
		if err := inv.print(has, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%s is valid: %s, %s, %s, %s\n", file,
				platform.Counted(has.Linkers, "linker"), platform.Counted(has.Values, "value"), platform.Counted(has.Connections, "connection"), platform.Counted(has.Syncs, "sync"))
		}); err != nil {
			return err
		}
	}
	inv.sum(nil, "%s: %d valid, %d with problems.", platform.Counted(len(files), "manifest"), len(files)-wrong, wrong)
	if wrong > 0 {
		return usageError{cause: errReported}
	}
	return nil
}

// manifest reads a manifest from a file, or from standard input when file is "-".
// The values files of the latter are in the working folder.
func (inv *invocation) manifest(file string) (manifest.Manifest, error) {
	if file != "-" {
		return manifest.Load(file)
	}
	data, err := input.ReadStream(inv.ctx, inv.process.Stdin, manifest.MaxFileSize)
	if err != nil {
		return manifest.Manifest{}, fmt.Errorf("read standard input: %w", err)
	}
	root, err := os.OpenRoot(".")
	if err != nil {
		return manifest.Manifest{}, err
	}
	defer func() { _ = root.Close() }() // only read from
	return manifest.Parse("standard input", data, func(path string) ([]byte, error) {
		return input.ReadFileIn(root, path, manifest.MaxFileSize)
	})
}
