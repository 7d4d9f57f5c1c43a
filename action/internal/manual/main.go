// Command manual writes the command's man pages and its completions for shells into a
// folder, for archives and packages: man/*.1 and completions/*.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/linkersync/linkersync/action/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: manual FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1], cli.Grammar()); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

func write(folder string, command *cobra.Command) error {
	man, completions := filepath.Join(folder, "man"), filepath.Join(folder, "completions")
	for _, path := range []string{man, completions} {
		if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // G301: a package's folder, for everybody
			return fmt.Errorf("make the folder: %w", err)
		}
	}
	command.DisableAutoGenTag = true // a date would make each build another one
	return errors.Join(
		doc.GenManTree(command, &doc.GenManHeader{Title: "LINKERSYNC", Section: "1", Source: "linkersync", Manual: "linkersync"}, man),
		command.GenBashCompletionFileV2(filepath.Join(completions, "linkersync.bash"), true),
		command.GenZshCompletionFile(filepath.Join(completions, "_linkersync")),
		command.GenFishCompletionFile(filepath.Join(completions, "linkersync.fish"), true),
		command.GenPowerShellCompletionFileWithDesc(filepath.Join(completions, "linkersync.ps1")),
	)
}
