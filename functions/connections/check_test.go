package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/tagged"
)

// TestTheDailyCheck of n connections takes one login, one list and two writes for
// each at most; the next one takes none, and asks Bitbucket about each token.
func TestTheDailyCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 12
	var looks, writes []string
	for i := range n {
		name := fmt.Sprintf("ci-%d", i/2)
		w.put(fmt.Sprintf("token-%02d", i), value(map[string]string{"connection": name, "project_id": []string{"", project}[i%2]}))
		if i%2 == 1 { // The organization's list may hide a project's rows.
			looks = append(looks, callList+"/connection-name/"+name+"?projectId="+project)
		}
		writes = append(writes, callCreate, callWrite)
	}
	want := slices.Concat([]string{callLogin, callList}, looks, writes)
	w.must(w.aws.Secrets.Add("almost", value(nil), map[string]string{tagged.Tag: "no"}))
	w.must(w.aws.Secrets.Add("nearly", value(nil), map[string]string{tagged.Tag + "s": tagged.Value}))
	h, out := w.start()
	if _, err := h.Handle(t.Context(), event(t, "scheduled")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sorted(want, callUsers, []string{callRevoke}), sorted(w.calls("infisical"))); diff != "" {
		t.Errorf("the first check's calls (-want +got):\n%s", diff)
	}
	w.bitbucket.Faults().ResetCalls()
	if _, err := h.Handle(t.Context(), event(t, "scheduled")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sorted([]string{callLogin, callList}, callUsers, []string{callRevoke}), sorted(w.calls("infisical"))); diff != "" {
		t.Errorf("the second check's calls (-want +got):\n%s", diff)
	}
	if checks := w.bitbucket.Faults().Total(); checks != n {
		t.Errorf("Bitbucket was asked %d times about %d tokens", checks, n)
	}
	if changed := out.count(t, "ConnectionsChanged"); changed != n {
		t.Errorf("ConnectionsChanged is %d, want %d", changed, n)
	}
}

// sorted is for calls of scopes side by side.
func sorted(calls ...[]string) []string { return slices.Sorted(slices.Values(slices.Concat(calls...))) }

// TestTheDailyCheckWithoutTokens calls nobody but Secrets Manager.
func TestTheDailyCheckWithoutTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, _ := w.start()
	if got, err := h.Handle(t.Context(), event(t, "scheduled")); err != nil || len(got.Connections) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if calls := w.calls("infisical"); len(calls) > 0 {
		t.Errorf("Infisical was called: %v", calls)
	}
}

// TestTheDailyCheckRepairsDrift, says so, and goes on after each failure: what it
// could not do is in its error, with the secret's name.
func TestTheDailyCheckRepairsDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"fine", "missing", "rewritten", "revoked"} {
		w.put("token/"+name, value(map[string]string{"connection": name}))
	}
	h, out := w.start()
	if _, err := h.Handle(t.Context(), event(t, "scheduled")); err != nil {
		t.Fatal(err)
	}
	state := w.infisical.Snapshot()
	w.infisical.Reset()
	state.Connections = slices.DeleteFunc(state.Connections, func(c siminfisical.Connection) bool { return c.Name == "missing" })
	for i := range state.Connections {
		if row := &state.Connections[i]; row.Name == "rewritten" {
			row.Email, row.APIToken = "somebody@example.com", "somebody's"
		}
	}
	w.must(w.infisical.Seed(state))
	w.rotate("token/revoked", value(map[string]string{"connection": "revoked", "token": narrowToken}))
	w.put("token/broken", "{")
	w.put("token/twin", value(map[string]string{"connection": "fine"}))

	_, err := h.Handle(t.Context(), event(t, "scheduled"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"secret token/revoked: check token", "read secret token/broken: not a Bitbucket token", `secret token/twin: its connection "fine" is the secret token/fine's too`} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if n := len(strings.Split(err.Error(), "\n")); n != 3 {
		t.Errorf("%d failures, want 3:\n%v", n, err)
	}
	for _, name := range []string{"fine", "missing", "rewritten", "revoked"} {
		if got := w.stored(name); got != oldToken {
			t.Errorf("%s has the token %q", name, got)
		}
	}
	var drift []string
	for _, line := range out.lines(t, "connection differs from its secret") {
		drift = append(drift, fmt.Sprint(line["secret"], " ", line["action"]))
	}
	drift = drift[4:] // of the second check
	slices.Sort(drift)
	if diff := cmp.Diff([]string{"token/missing create", "token/revoked rotate", "token/rewritten rotate"}, drift); diff != "" {
		t.Errorf("drift that was logged (-want +got):\n%s", diff)
	}
	if failed := out.count(t, "ConnectionsFailed"); failed != 3 {
		t.Errorf("ConnectionsFailed is %d, want 3", failed)
	}
}

// TestTheDailyCheckNoticesARevokedToken, which no comparison shows: the connection
// has it, and Bitbucket no longer takes it.
func TestTheDailyCheckNoticesARevokedToken(t *testing.T) {
	t.Parallel()
	for _, description := range []string{"", "a new text, which Infisical takes without asking Bitbucket"} {
		w := newWorld(t)
		w.put("bitbucket/ci", value(nil))
		h, _ := w.start()
		if _, err := h.Handle(t.Context(), event(t, "scheduled")); err != nil {
			t.Fatal(err)
		}
		w.must(w.bitbucket.Seed(simbitbucket.State{Users: []simbitbucket.User{{Email: email}}}))
		w.rotate("bitbucket/ci", value(map[string]string{"description": description}))
		_, err := h.Handle(t.Context(), event(t, "scheduled"))
		if err == nil || !strings.Contains(err.Error(), `secret bitbucket/ci: its token, which connection "ci" uses`) {
			t.Errorf("%q: got %v", description, err)
		}
	}
}

// TestWhoCannotListFails at once: no token would be looked at.
func TestWhoCannotListFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.Faults.Add(fault.Target("ListSecrets"), fault.Always(), fault.AWSError(http.StatusBadRequest, "AccessDeniedException", "no"))
	h, _ := w.start()
	if _, err := h.Handle(t.Context(), event(t, "scheduled")); err == nil || !strings.Contains(err.Error(), "secretsmanager:ListSecrets") {
		t.Errorf("got %v", err)
	}
}

// TestExpiryIsWarnedOf from the configured number of days on, and is no failure:
// there is nothing to try again.
func TestExpiryIsWarnedOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		expires string
		days    string
		warned  bool
		left    float64
	}{
		"in a year":                {expires: "2027-11-21"},
		"in 15 days":               {expires: "2026-12-06T12:00:00Z"},
		"in 14 days":               {expires: "2026-12-05T12:00:00Z"},
		"in 14 days less a second": {expires: "2026-12-05T11:59:59Z", warned: true, left: 13},
		"on a day in another zone": {expires: "2026-12-05T12:00:00+01:00", warned: true, left: 13},
		"today":                    {expires: "2026-11-21", warned: true, left: -1},
		"yesterday":                {expires: "2026-11-20T12:00:00Z", warned: true, left: -1},
		"in 29 days, of 30":        {expires: "2026-12-20", days: "30", warned: true, left: 28},
		"in 29 days, of 14":        {expires: "2026-12-20"},
		"never said":               {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.env["LINKERSYNC_EXPIRY_WARNING_DAYS"] = test.days
			w.put("bitbucket/ci", value(map[string]string{"expires_at": test.expires}))
			h, out := w.start()
			got, err := h.Handle(t.Context(), event(t, "scheduled"))
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			if test.warned {
				want = 1
			}
			warnings := out.lines(t, "token expires soon")
			if got.Expiring != want || len(warnings) != want || out.count(t, "TokensExpiring") != want {
				t.Fatalf("warned: %+v\n%s", got, out)
			}
			if test.warned && (warnings[0]["days_left"] != test.left || warnings[0]["secret"] != "bitbucket/ci" || warnings[0]["connection"] != "ci") {
				t.Errorf("the warning is %v, want %v days left", warnings[0], test.left)
			}
			if n := len(out.lines(t, "token has no expires_at, nobody will be warned")); (n == 1) != (test.expires == "") {
				t.Errorf("%d lines about a missing date", n)
			}
		})
	}
}

// TestTheErrorOfManyFailuresIsBounded, because it goes into the dead letter.
func TestTheErrorOfManyFailuresIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 25 {
		w.put(fmt.Sprintf("broken-%d", i), "{")
	}
	h, out := w.start()
	_, err := h.Handle(t.Context(), event(t, "scheduled"))
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != maxReasons+1 || lines[maxReasons] != "and 15 more, which are in the log" {
		t.Errorf("got %v", err)
	}
	if n := len(out.lines(t, "connection failed")); n != 25 {
		t.Errorf("the log has %d failures", n)
	}
}
