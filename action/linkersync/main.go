// Command linkersync plans and applies a manifest of linker values and Infisical
// connections, from a terminal, and from any CI as the program that action.yml
// and pipe.yml run.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/linkersync/linkersync/action/internal/cli"
)

// version is set at link time with -ldflags "-X main.version=…".
var version string

func main() { os.Exit(realMain()) }

// realMain returns the exit code, so that deferred calls run before the process ends.
func realMain() int {
	// A second signal ends the process at once: NotifyContext restores the default on stop.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return cli.Run(ctx, os.Args[1:], cli.Process{
		Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: versionOf(version, debug.ReadBuildInfo),
	})
}

// versionOf returns the version that the link set. Without one it is the module's,
// which `go install` records.
func versionOf(linked string, read func() (*debug.BuildInfo, bool)) string {
	if linked != "" {
		return linked
	}
	if info, ok := read(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
