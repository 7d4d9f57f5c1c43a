package main

import (
	"strings"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/installation"
)

// TestOneWorkspaceIsOneInstallation: a workspace's UUID has upper-case letters in the
// client key, in the principal, or in the token. All events are for the one
// installation, which is stored in lower case.
func TestOneWorkspaceIsOneInstallation(t *testing.T) {
	t.Parallel()
	const lower = "ari:cloud:bitbucket::app/" + workspaceNew + "/" + appKey
	upper := strings.Replace(lower, workspaceNew, strings.ToUpper(workspaceNew), 1)
	for _, first := range []string{lower, upper} {
		for _, next := range []string{lower, upper} {
			w := newWorld(t, deployment{})
			w.bitbucket.Faults().Add(fault.Any(), fault.Always(), fault.Respond(200, nil, `{"access_token":"not-a-real-token"}`))
			before := len(w.snapshot(t))
			for i, m := range []message{
				installed(first, secretNew),
				installed(next, secretNew),
				installed(next, secretForeign).signed(w.token(first, "/installed", secretNew)),
				uninstalled(first).signed(w.token(next, "/uninstalled", secretForeign)),
			} {
				if status, text := w.send(t, m); status != 204 {
					t.Fatalf("%s, then %s: event %d answered %d %q; log:\n%s", first, next, i, status, text, w.logs)
				}
			}
			if status, _ := w.send(t, installed(next, "not-a-real-other")); status != 401 {
				t.Errorf("%s, then %s: unsigned install of the known workspace: %d, want 401", first, next, status)
			}
			in, all := w.read(t, lower), len(w.snapshot(t))
			if in.State != "uninstalled" || in.Secret != secretForeign || all != before+1 {
				t.Errorf("%s, then %s: stored %+v, %d installations more", first, next, in, all-before)
			}
		}
	}
}

// TestFieldsAreBounded: a proven install is stored whatever its fields have, and what
// is only for display is cut at a whole character.
func TestFieldsAreBounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		field, value string
		want         string // of the display name
		status       int
	}{
		"a long name":                      {"display_name", strings.Repeat("n", 65_536), strings.Repeat("n", 256), 204},
		"a name that JSON escapes":         {"display_name", strings.Repeat("<", 10_900), strings.Repeat("<", 256), 204},
		"a name of four bytes a character": {"display_name", strings.Repeat("😀", 20_000), strings.Repeat("😀", 256), 204},
		"a name of control characters":     {"display_name", strings.Repeat("\x01", 20_000), strings.Repeat("\x01", 256), 204},
		"a long type":                      {"type", strings.Repeat("<", 30_000), "", 204},
		"a secret that JSON escapes":       {"sharedSecret", strings.Repeat("<", 1024), "example-workspace", 204},
		"a long secret":                    {"sharedSecret", strings.Repeat("s", 1025), "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deployment{})
			w.bitbucket.Faults().Add(fault.Any(), fault.Always(), fault.Respond(200, nil, `{"access_token":"not-a-real-token"}`))
			body := payload("installed", stranger, secretNew)
			if test.field == "sharedSecret" {
				body = body.with(test.field, test.value)
			} else {
				body = body.with("principal", object{"uuid": workspaceNew, test.field: test.value})
			}
			status, _ := w.send(t, message{path: "/installed", body: body.json()})
			if in := w.read(t, stranger); status != test.status || in.Name != test.want || in.Missing != (status != 204) {
				t.Errorf("answered %d, want %d; stored a name of %d bytes, want %d; log:\n%.500s", status, test.status, len(in.Name), len(test.want), w.logs)
			}
		})
	}
	if installation.MaxValue != 65536 {
		t.Error("the bounds above are for values of 64 KiB")
	}
}

// TestUnverifiedTextIsEscaped: what a stranger writes into a token or a body appears in no
// log line as it is, also while Secrets Manager fails.
func TestUnverifiedTextIsEscaped(t *testing.T) {
	t.Parallel()
	hostile := []string{"\u202e", "\u2066", "\u200b", "\u0085", "\ufeff", "\u2028", "\x1b[31m", "\x00", "\n", "\u00ad", "\U000e0041"}
	for name, fail := range map[string]func(*world){
		"all is well": func(*world) {},
		"Secrets Manager throttles": func(w *world) {
			w.aws.Faults.Add(fault.Any(), fault.Always(), fault.Throttle())
		},
		"Secrets Manager refuses": func(w *world) {
			w.aws.Faults.Add(fault.Any(), fault.Always(), fault.AWSError(400, "AccessDeniedException", "no"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deployment{})
			fail(w)
			for _, text := range hostile {
				for _, clientKey := range []string{"connection:" + text + "1", strings.Replace(one, appKey, appKey+text, 1), text} {
					w.send(t, uninstalled(one).signed(sign(hs256, w.claims(one, "/uninstalled").with("iss", clientKey), secretForeign)))
					w.send(t, message{path: "/installed", body: payload("installed", stranger, secretForeign).with("clientKey", clientKey).json()})
					w.send(t, message{path: "/installed", body: payload("installed", stranger, secretForeign).with("principal", object{"uuid": text}).json()})
				}
			}
			log := w.logs.String()
			for _, text := range hostile {
				if text != "\n" && strings.Contains(log, text) {
					t.Errorf("%q is logged as it is", text)
				}
			}
			if strings.Count(log, "\n") < 3*len(hostile) {
				t.Error("nothing was logged: the test looks at the wrong place")
			}
		})
	}
}
