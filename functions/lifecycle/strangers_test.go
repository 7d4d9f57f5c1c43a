package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// made up is the client key of a workspace that doesn't exist.
func madeUp(n int) string {
	return fmt.Sprintf("ari:cloud:bitbucket::app/{%08x-0000-4000-8000-000000000000}/%s", n, appKey)
}

// TestUnsignedInstallsTellNothing: a stranger gets the same answers for a workspace
// that has the app, had it, or never had it, also while services fail.
func TestUnsignedInstallsTellNothing(t *testing.T) {
	t.Parallel()
	secretsFail := func(w *world) { w.aws.Faults.Add(fault.Any(), fault.Always(), fault.Throttle()) }
	for name, fail := range map[string]func(*world){
		"all is well": func(*world) {}, "Bitbucket is down": bitbucketFails(fault.Respond(502, nil, "")),
		"Bitbucket limits the rate": bitbucketFails(fault.Respond(429, nil, "")), "Secrets Manager throttles": secretsFail,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := map[string][]string{}
			for _, clientKey := range []string{one, gone, stranger} {
				w := newWorld(t, deployment{})
				w.knows(t, one)
				fail(w)
				for range 3 * unsignedBurst {
					status, text := w.send(t, installed(clientKey, secretForeign))
					answers[clientKey] = append(answers[clientKey], fmt.Sprint(status, " ", text))
				}
			}
			for _, known := range []string{one, gone} {
				if diff := cmp.Diff(answers[stranger], answers[known]); diff != "" {
					t.Errorf("answers for an unknown workspace and for %s differ:\n%s", known, diff)
				}
			}
		})
	}
}

// TestStrangersRaiseNoAlarm sends requests without a valid signature of all kinds,
// many at once: none is answered with a 5xx or logged at ERROR. A reinstall that is
// signed with the previous secret is taken all the same.
func TestStrangersRaiseNoAlarm(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]deployment{
		"plain": {}, "registered": {registered: true}, "proven by the workspace": {env: map[string]string{"LINKERSYNC_PROOF": "workspace"}},
		"with a list": {env: map[string]string{"LINKERSYNC_ALLOWED_WORKSPACES": workspaceOne}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, d)
			for n, m := range strangersRequests(w) {
				if status, text := w.send(t, m); status >= 500 {
					t.Errorf("request %d, %s %s: %d %q", n, m.method, m.path, status, text)
				}
			}
			for line := range strings.Lines(w.logs.String()) {
				if strings.Contains(line, `"level":"ERROR"`) {
					t.Errorf("logged at ERROR: %s", line)
				}
			}
			if d.registered {
				return
			}
			w.bitbucket.Faults().Add(fault.Any(), fault.Always(), fault.Respond(200, nil, `{"access_token":"not-a-real-token","uuid":"`+workspaceOne+`"}`))
			if status, _ := w.send(t, w.signed(installed(one, secretNew), previousOne)); status != 204 {
				t.Errorf("reinstall signed with the previous secret: %d, want 204; log:\n%s", status, w.logs)
			}
		})
	}
}

// strangersRequests are made up by a sender who has no secret, within one second.
func strangersRequests(w *world) []message {
	var all []message
	for n := range 8 {
		all = append(all,
			installed(madeUp(n), secretForeign), installed(one, fmt.Sprint(secretForeign, n)), installed(gone, secretForeign),
			uninstalled(one), enabled(stranger), w.signed(installed(one, secretNew), secretForeign),
			w.signed(uninstalled(madeUp(n)), secretForeign))
	}
	valid := w.token(one, "/uninstalled", secretForeign)
	for dots := range 6 {
		all = append(all, uninstalled(one).signed(strings.Repeat("e30.", dots)), uninstalled(one).signed(strings.Repeat(".", dots)))
	}
	for cut := 0; cut < len(valid); cut += 7 {
		all = append(all, uninstalled(one).signed(valid[:cut]))
	}
	for _, header := range []string{`{}`, `{"alg":"none"}`, `{"alg":"HS512"}`, `{"alg":"RS256"}`, `{"alg":7}`, `[]`, `null`} {
		all = append(all, uninstalled(one).signed(sign(header, w.claims(one, "/uninstalled"), secretForeign)))
	}
	for _, issuer := range []any{"", nil, 7, []string{one}, "\u202e\u0000", strings.Repeat("a", 5000), strings.Repeat("é", 120), "arn:aws:secretsmanager:x", "../../x", "connection:479"} {
		all = append(all, uninstalled(one).signed(sign(hs256, w.claims(one, "/uninstalled").with("iss", issuer), secretForeign)))
	}
	for _, name := range []string{"eventType", "key", "clientKey", "sharedSecret", "principal"} {
		for _, value := range []any{nil, "", 7, -1e300, "\u202e", []any{}, object{}, strings.Repeat("<", 20_000), object{"uuid": workspaceNew}, object{"uuid": "{../../hook_events}"}} {
			all = append(all, message{path: "/installed", body: payload("installed", stranger, secretForeign).with(name, value).json()})
		}
	}
	for _, body := range []string{"", "null", "\xff\xfe", strings.Repeat("[", 10_000), strings.Repeat("x", 300<<10)} {
		for _, path := range []string{"/installed", "/enabled", "/%2e%2e/installed"} {
			all = append(all, message{path: path, body: []byte(body)}, message{path: path, body: []byte(body), encoding: "gzip"},
				message{method: "DELETE", path: path, body: []byte(body)}, message{path: path, body: []byte(body), contentType: "text/xml"},
				message{path: path, query: "jwt=" + valid, body: []byte(body)}, message{path: path, body: []byte(body), authorization: "Basic eDp5"})
		}
	}
	return all
}

// TestCostOfMadeUpNames: forged tokens for 501 client keys, each sent twice within
// a minute, cost a bounded number of reads, and no client key costs two.
func TestCostOfMadeUpNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	w.knows(t, one)
	w.forget()
	statuses := map[int]int{}
	for n := range 1002 {
		name := madeUp(n % 501)
		status := w.direct(t, w.signed(uninstalled(name), secretForeign))
		statuses[status]++
		if n%17 == 0 {
			w.clock.advance(time.Minute / 59)
		}
	}
	// 120 at once, and two a second.
	if reads := w.aws.Faults.Count(fault.Target("GetSecretValue")); reads > 240 || reads < 200 || len(w.calls()) != reads {
		t.Errorf("%d reads in a minute, want 240 at most; %d calls", reads, len(w.calls()))
	}
	if statuses[401]+statuses[429] != 1002 || statuses[429] == 0 {
		t.Errorf("answers by status: %v", statuses)
	}
	w.clock.advance(5 * time.Minute) // nothing is cached any more
	for n := range 150 {
		name := madeUp(5000 + n)
		w.direct(t, w.signed(uninstalled(name), secretForeign))
	}
	w.knows(t, one)
}

// TestCostOfUnsignedInstalls: 300 in a minute cost no read, and as many calls to
// Bitbucket as the budget says.
func TestCostOfUnsignedInstalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	w.forget()
	for n := range 300 {
		m := installed(madeUp(rand.N(1000)), secretForeign)
		if n%2 == 0 {
			m = installed(one, secretForeign)
		}
		w.direct(t, m)
		w.clock.advance(time.Minute / 300)
	}
	if asked := w.bitbucket.Faults().Total(); asked > 60+unsignedBurst || asked < 60 || len(w.aws.Faults.Calls()) > 0 {
		t.Errorf("Bitbucket was asked %d times and AWS %d times, want 65 at most and 0", asked, len(w.aws.Faults.Calls()))
	}
	w.clock.advance(time.Second)
	if status, _ := click(workspaceNew, secretNew)(t, w); status != 204 {
		t.Errorf("a real install a second later: %d", status)
	}
}

// TestCostWhileThrottled: while Secrets Manager refuses every read, forged tokens
// soon cost none. A valid one is taken some seconds after it answers again.
func TestCostWhileThrottled(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]deployment{"plain": {}, "registered": {registered: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, d)
			rule := w.aws.Faults.Add(fault.Target("GetSecretValue"), fault.Always(), fault.Throttle())
			for n := range 120 {
				if status := w.direct(t, w.signed(uninstalled(madeUp(n)), secretForeign)); status != 503 {
					t.Fatalf("answered %d, want 503", status)
				}
				w.clock.advance(time.Minute / 120)
			}
			if tried := w.aws.Faults.Count(fault.Target("GetSecretValue")); tried > 11 {
				t.Errorf("%d failed reads in a minute, want 11 at most", tried)
			}
			rule.Remove()
			w.clock.advance(10 * time.Second)
			w.knows(t, one)
		})
	}
}
