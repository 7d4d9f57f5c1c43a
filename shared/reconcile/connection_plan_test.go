package reconcile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	email = "ci@example.com"
	mark  = "managed by linkersync · fp "
)

func wanted(name string, change ...func(*reconcile.DesiredConnection)) reconcile.DesiredConnection {
	d := reconcile.DesiredConnection{
		Name: name, Email: email, Token: redact.New("token-1"), Position: manifest.Position{Line: 9, Column: 5},
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

func in(projectID string) func(*reconcile.DesiredConnection) {
	return func(d *reconcile.DesiredConnection) { d.ProjectID = projectID }
}

func says(description string) func(*reconcile.DesiredConnection) {
	return func(d *reconcile.DesiredConnection) { d.Description = description }
}

func token(value string) func(*reconcile.DesiredConnection) {
	return func(d *reconcile.DesiredConnection) { d.Token = redact.New(value) }
}

func adopting(d *reconcile.DesiredConnection)  { d.Adopt = true }
func rewriting(d *reconcile.DesiredConnection) { d.Rewrite = true }

func fingerprint(t *testing.T, d reconcile.DesiredConnection) string {
	t.Helper()
	got, err := reconcile.Fingerprint(d.ProjectID, d.Name, d.Email, d.Token)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPlanConnections(t *testing.T) {
	t.Parallel()
	fp := fingerprint(t, wanted("ci"))
	tests := map[string]struct {
		there   *infisical.Connection
		desired reconcile.DesiredConnection
		action  reconcile.Action
		fields  []string
		yes     bool
	}{
		"missing": {nil, wanted("ci"), reconcile.Create, nil, false},
		"as wanted": {
			&infisical.Connection{Description: mark + fp}, wanted("ci"), reconcile.None, nil, false,
		},
		"as wanted, with the manifest's text": {
			&infisical.Connection{Description: "Team A · " + mark + fp}, wanted("ci", says(" Team A ·")), reconcile.None, nil, false,
		},
		"another token": {
			&infisical.Connection{Description: mark + fp}, wanted("ci", token("token-2")), reconcile.Rotate, []string{"token"}, false,
		},
		"spaces around the token are none of it": {
			&infisical.Connection{Description: mark + fp}, wanted("ci", token(" token-1\n")), reconcile.None, nil, false,
		},
		"another email": {
			&infisical.Connection{Description: mark + fp, Email: "old@example.com"}, wanted("ci"), reconcile.Rotate, []string{"email"}, false,
		},
		"the email in another case": {
			&infisical.Connection{Description: mark + fp, Email: "CI@Example.com"}, wanted("ci"), reconcile.None, nil, false,
		},
		"another text": {
			&infisical.Connection{Description: "Team B · " + mark + fp}, wanted("ci", says("Team A")), reconcile.Update, []string{"description"}, false,
		},
		"another text and token": {
			&infisical.Connection{Description: "Team B · " + mark + fp}, wanted("ci", says("Team A"), token("token-2")),
			reconcile.Rotate,
			[]string{"description", "token"},
			false,
		},
		"a person's text, and none in the manifest": {
			&infisical.Connection{Description: "ask Ada!\nbefore you touch it · " + mark + fp + " (thanks)"}, wanted("ci"), reconcile.None, nil, false,
		},
		"the mark, retyped": {
			&infisical.Connection{Description: "managed by linkersync - fp " + fp + "."}, wanted("ci"), reconcile.None, nil, false,
		},
		"two marks, of which the last counts": {
			&infisical.Connection{Description: mark + "000000000000 " + mark + fp}, wanted("ci"), reconcile.None, nil, false,
		},
		"a rewrite is asked for": {
			&infisical.Connection{Description: mark + fp}, wanted("ci", rewriting), reconcile.Rotate, []string{"token"}, false,
		},
		"no token to compare": {
			&infisical.Connection{Description: mark + fp}, wanted("ci", token("")), reconcile.None, nil, false,
		},
		"somebody else's": {
			&infisical.Connection{Description: "by hand"}, wanted("ci"), reconcile.Adopt, []string{"token"}, true,
		},
		"somebody else's, to be adopted": {
			&infisical.Connection{Description: "by hand"}, wanted("ci", adopting, says("Team A")), reconcile.Adopt, []string{"description", "token"}, false,
		},
		"a mark that was cut is none": {
			&infisical.Connection{Description: mark + fp[:11]}, wanted("ci"), reconcile.Adopt, []string{"token"}, true,
		},
		"one of another project doesn't count": {
			&infisical.Connection{Description: mark + fp, ProjectID: "p2"}, wanted("ci"), reconcile.Create, nil, false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &fakeInfisical{t: t}
			want := reconcile.ConnectionPlan{
				Name: "ci", Action: test.action, Fields: test.fields, NeedsYes: test.yes,
				TokenUnknown: test.desired.Token.IsZero(), Position: manifest.Position{Line: 9, Column: 5},
			}
			if test.there != nil {
				row := *test.there
				row.Name = "ci"
				if row.Email == "" {
					row.Email = email
				}
				server.insert(row, "token-1")
				if test.action != reconcile.Create {
					want.ID = server.rows[0].ID
				}
			}
			got, err := reconcile.PlanConnections(t.Context(), server, []reconcile.DesiredConnection{test.desired})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]reconcile.ConnectionPlan{want}, got, cmpopts.IgnoreUnexported(want), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if got[0].Changed() != (test.action != reconcile.None) || got[0].Fields == nil {
				t.Errorf("Changed is %v, fields %#v", got[0].Changed(), got[0].Fields)
			}
			if diff := cmp.Diff([]string{"list "}, server.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAnEmailThatIsNotShownIsNotAnother: it would be written in every run.
func TestAnEmailThatIsNotShownIsNotAnother(t *testing.T) {
	t.Parallel()
	server := &fakeInfisical{t: t}
	server.insert(infisical.Connection{Name: "ci", Description: mark + fingerprint(t, wanted("ci"))}, "token-1")
	plans, err := reconcile.PlanConnections(t.Context(), server, []reconcile.DesiredConnection{wanted("ci")})
	if err != nil || plans[0].Changed() {
		t.Errorf("plans %+v, error %v; want nothing to do", plans, err)
	}
}

func TestPlanConnectionsReadsOneList(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		desired []reconcile.DesiredConnection
		denied  bool
		want    []string
	}{
		"nothing wanted":                  {nil, false, nil},
		"one project":                     {[]reconcile.DesiredConnection{wanted("a", in("p1")), wanted("b", in("p1"))}, true, []string{"list p1"}},
		"two projects":                    {[]reconcile.DesiredConnection{wanted("a", in("p1")), wanted("a", in("p2"))}, false, []string{"list "}},
		"two projects and no more rights": {[]reconcile.DesiredConnection{wanted("a", in("p1")), wanted("a", in("p2"))}, true, []string{"list ", "list p1", "list p2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &fakeInfisical{t: t, orgDenied: test.denied}
			for _, d := range test.desired {
				server.insert(infisical.Connection{Name: d.Name, ProjectID: d.ProjectID, Email: email, Description: mark + fingerprint(t, d)}, "token-1")
			}
			plans, err := reconcile.PlanConnections(t.Context(), server, test.desired)
			if err != nil {
				t.Fatal(err)
			}
			for i, plan := range plans {
				if plan.Action != reconcile.None || plan.ProjectID != test.desired[i].ProjectID {
					t.Errorf("plan %+v, want nothing to do", plan)
				}
			}
			slices.Sort(server.calls) // scopes are side by side
			if diff := cmp.Diff(test.want, server.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBadConnectionsAreRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	server := &fakeInfisical{t: t}
	_, err := reconcile.PlanConnections(t.Context(), server, []reconcile.DesiredConnection{
		wanted("Not_A_Slug"),
		wanted("long", says(strings.Repeat("😀", 107))),
		wanted("marked", in("p1"), says("x "+mark+"0123456789ab")),
		wanted("twice"), wanted("twice"), wanted("twice", in("p1")),
		wanted("token", token("a\nb")),
	})
	if !errors.Is(err, infisical.ErrInvalid) {
		t.Fatalf("got %v, want ErrInvalid", err)
	}
	lines := strings.Split(err.Error(), "\n")
	wants := []string{
		`connection "Not_A_Slug" of the organisation: invalid connection: name:`,
		`connection "long" of the organisation: invalid input: its description has 214 characters, and 204 are left`,
		`connection "marked" of project p1: invalid input: its description holds linkersync's mark`,
		`connection "twice" of the organisation: invalid input: it is there twice`,
		`connection "token" of the organisation: invalid connection: credentials.apiToken:`,
	}
	if len(lines) != len(wants) {
		t.Fatalf("got %d problems, want %d:\n%v", len(lines), len(wants), err)
	}
	for i, want := range wants {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("problem %d is %q, want it to start with %q", i, lines[i], want)
		}
	}
	if len(server.calls) > 0 {
		t.Errorf("calls were made: %v", server.calls)
	}
	longest := wanted("long", says(strings.Repeat("😀", 102)))
	plans, err := reconcile.PlanConnections(t.Context(), server, []reconcile.DesiredConnection{longest})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reconcile.ApplyConnections(t.Context(), server, plans, reconcile.ConnectionOptions{}); err != nil {
		t.Errorf("the longest description that fits: %v", err)
	}
}

func TestAdoptingNeedsRoomForTheMark(t *testing.T) {
	t.Parallel()
	server := &fakeInfisical{t: t}
	server.insert(infisical.Connection{Name: "ci", Email: email, Description: strings.Repeat("x", 250)}, "")
	if _, err := ensure(t, server, wanted("ci", adopting)); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v", err)
	}
	if _, err := ensure(t, server, wanted("ci", adopting, says("short"))); err != nil {
		t.Errorf("with a text of the manifest's: %v", err)
	}
}

func TestDesireTakesEverythingFromTheManifest(t *testing.T) {
	t.Parallel()
	got := reconcile.Desire(manifest.Connection{
		Name: "ci", ProjectID: "p1", Description: "text", Email: email, Adopt: true, Position: manifest.Position{Line: 2, Column: 3},
	}, redact.New("token-1"))
	want := reconcile.DesiredConnection{
		Name: "ci", ProjectID: "p1", Description: "text", Email: email, Adopt: true,
		Token: redact.New("token-1"), Position: manifest.Position{Line: 2, Column: 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("desired (-want +got):\n%s", diff)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	base := fingerprint(t, wanted("ci"))
	const golden = "006db69870e0" // by Python's hashlib.pbkdf2_hmac; a change rotates every connection there is
	if base != golden {
		t.Errorf("fingerprint is %s, want %s", base, golden)
	}
	same := map[string]reconcile.DesiredConnection{
		"spaces around the token": wanted("ci", token("\ttoken-1\r\n")),
		"the email's case":        wanted("ci", func(d *reconcile.DesiredConnection) { d.Email = strings.ToUpper(email) }),
		"the description":         wanted("ci", says("text")),
	}
	for name, d := range same {
		if got := fingerprint(t, d); got != base {
			t.Errorf("%s changes the fingerprint to %s", name, got)
		}
	}
	seen := map[string]string{base: "the base"}
	for name, d := range map[string]reconcile.DesiredConnection{
		"token":   wanted("ci", token("token-2")),
		"project": wanted("ci", in("p1")),
		"name":    wanted("ci-2"),
		"email":   wanted("ci", func(d *reconcile.DesiredConnection) { d.Email = "x@example.com" }),
		"seam":    wanted("i", in("c")),
	} {
		got := fingerprint(t, d)
		if other, taken := seen[got]; taken {
			t.Errorf("another %s has the fingerprint of %s", name, other)
		}
		seen[got] = name
	}
}
