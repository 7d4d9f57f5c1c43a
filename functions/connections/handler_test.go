package main

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/tagged"
)

// TestARotationIsOneWriteWithinOneInvocation, from the secret's birth on, and a
// second delivery of the same event is none.
func TestARotationIsOneWriteWithinOneInvocation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, out := w.start()
	w.put("bitbucket/ci", value(nil))
	steps := []struct {
		name   string
		before func()
		event  string
		calls  []string
		checks int
		action reconcile.Action
	}{
		{"the secret is made", func() {}, "rotated", []string{callLogin, callList, callCreate, callWrite, callRevoke}, 1, reconcile.Create},
		{"delivered again", func() {}, "rotated", []string{callLogin, callList, callRevoke}, 0, reconcile.None},
		{"rotated", func() { w.rotate("bitbucket/ci", value(map[string]string{"token": newToken})) }, "rotated", append(append([]string{callLogin, callList, callWrite, callWrite}, callSyncs...), callRevoke), 1, reconcile.Rotate},
		{"delivered again", func() {}, "rotated", []string{callLogin, callList, callRevoke}, 0, reconcile.None},
		{"by hand", func() {}, "invoke", []string{callLogin, callList, callRevoke}, 0, reconcile.None},
		{"another text", func() {
			w.rotate("bitbucket/ci", value(map[string]string{"token": newToken, "description": "Team A"}))
		}, "rotated", []string{callLogin, callList, callWrite, callRevoke}, 0, reconcile.Update},
	}
	for _, step := range steps {
		step.before()
		w.calls("")
		got, err := h.Handle(t.Context(), event(t, step.event))
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if len(got.Connections) != 1 || got.Connections[0].Action != step.action {
			t.Errorf("%s: result %+v, want %s", step.name, got, step.action)
		}
		if n := w.bitbucket.Faults().Count(fault.Path(http.MethodGet, "^/2.0/user$")); n != 2*step.checks {
			t.Errorf("%s: Bitbucket was asked %d times, want %d by us and as often by Infisical", step.name, n, step.checks)
		}
		w.bitbucket.Faults().ResetCalls()
		if diff := cmp.Diff(step.calls, w.calls("infisical")); diff != "" {
			t.Errorf("%s: calls to Infisical (-want +got):\n%s", step.name, diff)
		}
		if n := w.infisical.ActiveTokens(); n != 0 {
			t.Errorf("%s: %d logins are left", step.name, n)
		}
	}
	if got := w.stored("ci"); got != newToken {
		t.Errorf("Infisical has the token %q", got)
	}
	if drift := out.lines(t, "connection differs from its secret"); len(drift) > 0 {
		t.Errorf("a rotation was logged as drift: %v", drift)
	}
	if n := out.count(t, "ConnectionsChanged"); n != 3 {
		t.Errorf("ConnectionsChanged is %d, want 3", n)
	}
}

// TestEventsThatAreNotOurs call nobody, or only look at the tag, and are no errors
// when they come from the rule.
func TestEventsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		event  string
		secret func(w *world)
		// refused: an error, which repeating doesn't mend.
		refused string
		note    string
		looks   int
	}{
		"another label":            {event: "other-label", note: "LINKERSYNC_PENDING moved"},
		"an installation's secret": {event: "installation", note: "is an installation's"},
		"a secret without the tag": {event: "rotated", secret: func(w *world) { w.must(w.aws.Secrets.Add("bitbucket/ci", value(nil), nil)) }, note: "no tag", looks: 1},
		"a secret with the tag off": {event: "rotated", secret: func(w *world) {
			w.must(w.aws.Secrets.Add("bitbucket/ci", value(nil), map[string]string{tagged.Tag: "false"}))
		}, note: "no tag", looks: 1},
		"a secret that is gone":       {event: "rotated", note: "there is no secret", looks: 1},
		"a secret on its way out":     {event: "rotated", secret: scheduled, note: "scheduled for deletion", looks: 1},
		"a secret out of reach":       {event: "rotated", secret: denied, note: "may not look at", looks: 1},
		"gone, asked for by name":     {event: "invoke", refused: "there is no secret", looks: 1},
		"untagged, asked for by name": {event: "invoke", secret: func(w *world) { w.must(w.aws.Secrets.Add("bitbucket/ci", value(nil), nil)) }, refused: "no tag", looks: 1},
		"no label":                    {event: "no-label", refused: "which label"},
		"no name":                     {event: "no-name", refused: "names no secret"},
		"another service's":           {event: "foreign", refused: "no rule of ours"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.secret != nil {
				test.secret(w)
			}
			h, _ := w.start()
			w.aws.Faults.ResetCalls()
			got, err := h.Handle(t.Context(), event(t, test.event))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if (err != nil) != (test.refused != "") || !strings.Contains(text, test.refused) || !strings.Contains(got.Note, test.note) {
				t.Errorf("got %+v, %v", got, err)
			}
			if calls := w.aws.Faults.Total(); calls != test.looks {
				t.Errorf("%d calls to AWS, want %d", calls, test.looks)
			}
			if calls := w.calls("infisical"); len(calls) > 0 {
				t.Errorf("Infisical was called: %v", calls)
			}
		})
	}
}

func scheduled(w *world) {
	w.put("bitbucket/ci", value(nil))
	_, err := w.secrets().DeleteSecret(w.t.Context(), &secretsmanager.DeleteSecretInput{SecretId: sdk.String("bitbucket/ci")})
	w.must(err)
}

func denied(w *world) {
	w.put("bitbucket/ci", value(nil))
	w.aws.Faults.Add(fault.Target("DescribeSecret"), fault.Always(), fault.AWSError(http.StatusBadRequest, "AccessDeniedException", "no"))
}

// TestPayloads that are no event at all, or another one than the rules let through.
func TestPayloads(t *testing.T) {
	t.Parallel()
	const invoke, detail = "invoke it with", `"detail":{"name":"bitbucket/ci","labelUpdated":"AWSCURRENT"}}`
	for payload, want := range map[string]string{
		`null`: invoke, `[]`: "not a JSON object", `"x"`: "not a JSON object", `{}`: invoke, `{"secret": "x"}`: invoke, `{"secret_id": ""}`: invoke,
		`{"secret_id": 1}`: invoke, `{"secret_id": "x", "force": "true"}`: invoke,
		`{"source": "aws.secretsmanager", "detail-type": "Secret Label Updated", "detail": 1}`:      "detail can't be read",
		`{"source": "aws.secretsmanager", "detail-type": "AWS API Call via CloudTrail", ` + detail:  "no rule of ours",
		`{"source": "somebody.else", "detail-type": "Secret Label Updated", ` + detail:              "no rule of ours",
		`{"source": "", "detail-type": "Secret Label Updated", ` + detail:                           "no rule of ours",
		`{"source": "aws.secretsmanager", "detail-type": "Secret Label Updated", "resources": [1]}`: "not a JSON object",
	} {
		w := newWorld(t)
		h, _ := w.start()
		if _, err := h.Handle(t.Context(), []byte(payload)); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", payload, err, want)
		}
		if calls := w.aws.Faults.Total(); calls != 0 {
			t.Errorf("%s: %d calls to AWS", payload, calls)
		}
	}
}

// TestTheEventMayNameTheSecretByItsARNOnly, should a live one turn out to have no name.
func TestTheEventMayNameTheSecretByItsARNOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	out, err := w.secrets().DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: sdk.String("bitbucket/ci")})
	w.must(err)
	h, _ := w.start()
	raw := `{"source":"aws.secretsmanager","detail-type":"Secret Label Updated","resources":["` + *out.ARN + `"],"detail":{"labelUpdated":"AWSCURRENT"}}`
	if _, err := h.Handle(t.Context(), []byte(raw)); err != nil || w.stored("ci") != oldToken {
		t.Errorf("got %v", err)
	}
}

// TestFailuresAreReturned, with the reason that goes into the dead letter, so that
// Lambda tries again; and the next try repairs what it can.
func TestFailuresAreReturned(t *testing.T) {
	t.Parallel()
	always := fault.Always()
	tests := map[string]struct {
		value  string
		breaks func(w *world)
		want   string
		// lasts: the next try fails, too.
		lasts bool
	}{
		"Infisical is down": {
			breaks: func(w *world) {
				w.infisical.Faults().Add(fault.Path(http.MethodPost, "bitbucket$"), fault.First(1), fault.Respond(500, nil, `{"statusCode":500,"message":"Something went wrong","error":"InternalServerError"}`))
			},
			want: "answered 500",
		},
		"the login is refused": {
			breaks: func(w *world) { w.rotate(loginSecret, `{"client_id":"`+clientID+`","client_secret":"wrong"}`) },
			want:   "Invalid credentials", lasts: true,
		},
		"the login's secret is gone": {
			breaks: func(w *world) { w.env["LINKERSYNC_INFISICAL_CLIENT"] = "aws-secret:nowhere" },
			want:   "read secret nowhere", lasts: true,
		},
		"the login's secret is no JSON": {
			breaks: func(w *world) { w.rotate(loginSecret, password) },
			want:   "want a JSON object with client_id and client_secret", lasts: true,
		},
		"a connection of the same name is not ours": {
			breaks: func(w *world) {
				w.must(w.infisical.Seed(siminfisical.State{Connections: []siminfisical.Connection{{ID: "cccccccc-0000-4000-8000-000000000001", Name: "ci", App: "bitbucket", Method: "api-token", OrgID: "org", Email: email, APIToken: "theirs"}}}))
			},
			want: "linkersync did not make it", lasts: true,
		},
		"the token lacks a scope": {value: value(map[string]string{"token": narrowToken}), want: "read:user:bitbucket", lasts: true},
		"the token is unknown":    {value: value(map[string]string{"token": "typo"}), want: "check token", lasts: true},
		"the project is unknown":  {value: value(map[string]string{"project_id": "aaaaaaaa-0000-4000-8000-00000000dead"}), want: "roject", lasts: true},
		"the secret is no token":  {value: `{"email":"` + email + `"}`, want: "docs/connections.md", lasts: true},
		"the secret can't be read": {
			breaks: func(w *world) {
				w.aws.Faults.Add(fault.Target("GetSecretValue"), always, fault.AWSError(http.StatusBadRequest, "AccessDeniedException", "no"))
			},
			want: "secretsmanager:GetSecretValue", lasts: true,
		},
		"the secret can't be looked at": {
			breaks: func(w *world) {
				w.aws.Faults.Add(fault.Target("DescribeSecret"), fault.First(6), fault.AWSError(http.StatusInternalServerError, "InternalServiceError", "no"))
			},
			want: "look at secret bitbucket/ci",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.value == "" {
				test.value = value(nil)
			}
			w.put("bitbucket/ci", test.value)
			if test.breaks != nil {
				test.breaks(w)
			}
			h, out := w.start()
			_, err := h.Handle(t.Context(), event(t, "rotated"))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if len(out.lines(t, "connections failed")) != 1 {
				t.Errorf("the log has no reason:\n%s", out)
			}
			if _, err := h.Handle(t.Context(), event(t, "rotated")); (err != nil) != test.lasts {
				t.Errorf("the next try: %v", err)
			}
			if n := w.infisical.ActiveTokens(); n != 0 {
				t.Errorf("%d logins are left", n)
			}
			if got := w.stored("ci"); !test.lasts && got != oldToken {
				t.Errorf("Infisical has the token %q", got)
			}
		})
	}
}

// TestWritersThatRace: deliveries overlap, and an answer is lost. Nobody fails, and
// there is one connection with the current token.
func TestWritersThatRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	w.infisical.Faults().Add(fault.Match{Method: http.MethodPost, Path: regexp.MustCompile("bitbucket$")}, fault.Nth(2), fault.ResetAfter())
	var racers sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		racers.Go(func() {
			h, _ := w.start() // a process of its own
			_, errs[i] = h.Handle(t.Context(), event(t, "rotated"))
		})
	}
	racers.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if rows := w.infisical.Snapshot().Connections; len(rows) != 1 || rows[0].APIToken != oldToken {
		t.Errorf("connections: %+v", rows)
	}
}

// TestTheSlowerOfTwoWritersDoesNotLeaveTheOlderToken: it was rotated again between
// the read and the write.
func TestTheSlowerOfTwoWritersDoesNotLeaveTheOlderToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	var once sync.Once
	w.meanwhile = func(r *http.Request) {
		if r.Method == http.MethodGet {
			once.Do(func() { w.rotate("bitbucket/ci", value(map[string]string{"token": newToken})) })
		}
	}
	h, _ := w.start()
	if _, err := h.Handle(t.Context(), event(t, "rotated")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Concat([]string{callLogin, callList, callCreate, callWrite, callList, callWrite, callWrite}, callSyncs, []string{callRevoke}), w.calls("infisical")); diff != "" {
		t.Errorf("calls to Infisical (-want +got):\n%s", diff)
	}
	if got := w.stored("ci"); got != newToken {
		t.Errorf("Infisical has the token %q", got)
	}
}

// TestATokenThatNeverStandsStill ends the rounds.
func TestATokenThatNeverStandsStill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	tokens, lists := []string{newToken, oldToken}, 0
	w.meanwhile = func(r *http.Request) {
		if r.Method == http.MethodGet {
			w.rotate("bitbucket/ci", value(map[string]string{"token": tokens[lists%2]}))
			lists++
		}
	}
	h, _ := w.start()
	_, err := h.Handle(t.Context(), event(t, "rotated"))
	if err == nil || !strings.Contains(err.Error(), "again and again") || lists != maxRounds {
		t.Errorf("%d rounds, %v", lists, err)
	}
}

// TestWorkStopsWhileThereIsTimeToSaySo: Lambda would end the process without a word.
func TestWorkStopsWhileThereIsTimeToSaySo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	ctx, cancel := context.WithTimeout(t.Context(), reserve/2)
	defer cancel()
	h, _ := w.start()
	if _, err := h.Handle(ctx, event(t, "scheduled")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if ctx.Err() != nil {
		t.Error("it took until the deadline")
	}
}

// TestAPanicIsAnError that Lambda repeats.
func TestAPanicIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	h, _ := w.start()
	h.now = func() time.Time { panic(oldToken) }
	if _, err := h.Handle(t.Context(), event(t, "rotated")); err == nil || strings.Contains(err.Error(), oldToken) {
		t.Errorf("got %v", err)
	}
}
