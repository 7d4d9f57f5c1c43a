package cli_test

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/action/internal/cli"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// checked is a doctor's round trip at a Bitbucket of its own.
func checked(t *testing.T, spoil func(server *simbitbucket.Server, interrupt func())) (out string, values []string) {
	t.Helper()
	server := simbitbucket.New(simbitbucket.Options{})
	url, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	err = server.Seed(simbitbucket.State{
		Apps: []simbitbucket.App{{Key: scriptApp, Descriptor: simbitbucket.Descriptor(scriptApp, "https://app.example.com", "issues")}},
		Installations: []simbitbucket.Installation{{
			AppKey: scriptApp, ClientKey: clientKey("alpha"), SharedSecret: "s", Status: simbitbucket.Installed,
			Principal: simbitbucket.Principal{UUID: workspaces()["alpha"]}, Values: map[string][]string{"issues": {"MINE"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{
		"LINKERSYNC_APP_KEY": scriptApp, "LINKERSYNC_SHARED_SECRET": "s", "LINKERSYNC_INSTALLATION": clientKey("alpha"),
		"LINKERSYNC_BITBUCKET_URL": url, "LINKERSYNC_BITBUCKET_AUTH_URL": url, "LINKERSYNC_REQUESTS_PER_SECOND": "10000",
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	spoil(server, interrupt)
	var stdout bytes.Buffer
	code := cli.Run(ctx, []string{"doctor", "--round-trip", "issues"}, cli.Process{
		Getenv: func(name string) string { return variables[name] }, Stdout: &stdout, Stderr: &bytes.Buffer{},
	})
	want := 1
	if ctx.Err() != nil {
		want = 130
	}
	if code != want {
		t.Errorf("exit code %d, want %d", code, want)
	}
	in, _ := server.Installation(clientKey("alpha"))
	return stdout.String(), in.Values["issues"]
}

// An interruption leaves no value behind that nobody knows of.
func TestInterruptedRoundTripLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, method := range map[string]string{"while it is written": http.MethodPost, "while it is read": http.MethodGet} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, values := checked(t, func(server *simbitbucket.Server, interrupt func()) {
				server.Faults().Add(fault.Path(method, "/2.0/addon/linkers/issues/values"), fault.Nth(1), fault.Kill(interrupt))
			})
			if !slices.Equal(values, []string{"MINE"}) {
				t.Errorf("left behind: %q", values)
			}
			if !strings.Contains(out, "context canceled; it is not there any more") {
				t.Error(out)
			}
		})
	}
}

// What can't be deleted is named, and how to.
func TestRoundTripSaysWhatItLeaves(t *testing.T) {
	t.Parallel()
	out, values := checked(t, func(server *simbitbucket.Server, _ func()) {
		server.Faults().Add(fault.Path(http.MethodDelete, ".*"), fault.Always(), fault.Respond(http.StatusForbidden, nil, "{}"))
	})
	if len(values) != 2 || !strings.Contains(out, "the value "+values[1]+" may be left in linker \"issues\": delete it: ") {
		t.Errorf("%q\n%s", values, out)
	}
	if !regexp.MustCompile(`"linkersync values list issues" shows its number for "linkersync values delete issues NUMBER"`).MatchString(out) {
		t.Error(out)
	}
}

// A verdict against the write leaves nothing to look for.
func TestRefusedRoundTripAsksNoFurther(t *testing.T) {
	t.Parallel()
	var faults *fault.Injector
	out, _ := checked(t, func(server *simbitbucket.Server, _ func()) {
		faults = server.Faults()
		faults.Add(fault.Path(http.MethodPost, "/2.0/addon/linkers/issues/values"), fault.Always(), fault.Respond(http.StatusForbidden, nil, "{}"))
	})
	if !strings.Contains(out, "could not be written") || faults.Count(fault.Path(http.MethodGet, ".*/values")) != 0 {
		t.Errorf("%s\n%v", out, faults.Calls())
	}
}
