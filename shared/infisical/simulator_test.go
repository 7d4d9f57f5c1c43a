package infisical_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	simulator "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

func TestAConnectionsLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.client("robot")
	created := w.create(client, "bitbucket-main")
	if created.Email != account || created.ProjectID != projectID || created.App != "bitbucket" || created.CreatedAt.IsZero() {
		t.Errorf("created %+v", created)
	}
	byID, err := client.Connection(t.Context(), created.ID)
	if diff := cmp.Diff(created, byID); err != nil || diff != "" {
		t.Errorf("by ID: %v (-want +got):\n%s", err, diff)
	}
	byName, err := client.ConnectionByName(t.Context(), "bitbucket-main", projectID)
	if diff := cmp.Diff(created, byName); err != nil || diff != "" {
		t.Errorf("by name: %v (-want +got):\n%s", err, diff)
	}
	_, err = client.ConnectionByName(t.Context(), "bitbucket-main", "")
	checkKinds(t, err, "ErrNotFound") // it is the project's, not the organisation's

	for title, list := range map[string]func(context.Context, string) ([]infisical.Connection, error){"list": client.Connections, "available": client.Available} {
		listed, err := list(t.Context(), projectID)
		if err != nil || len(listed) != 1 || listed[0].ID != created.ID || listed[0].ProjectID != projectID {
			t.Errorf("%s = %+v, %v", title, listed, err)
		}
	}
	change := infisical.ConnectionChange{Credentials: &infisical.Credentials{Email: account, APIToken: redact.New("new-token")}}
	changed, err := client.Update(t.Context(), created.ID, change)
	if err != nil || changed.Description != "managed" || changed.CredentialsHash == created.CredentialsHash {
		t.Errorf("updated to %+v, %v", changed, err)
	}
	if stored := w.infisical.Snapshot().Connections[0].APIToken; stored != "new-token" {
		t.Errorf("stored token is %q", stored)
	}
	if err := client.Delete(t.Context(), created.ID); err != nil {
		t.Error(err)
	}
	checkKinds(t, client.Delete(t.Context(), created.ID), "ErrNotFound")
	options, err := client.Options(t.Context(), "")
	if err != nil || len(options) == 0 {
		t.Errorf("options = %v, %v", options, err)
	}
	if err := client.Revoke(t.Context()); err != nil || w.infisical.ActiveTokens() != 0 {
		t.Errorf("%d tokens are left (%v)", w.infisical.ActiveTokens(), err)
	}
	if n := w.infisical.Faults().Count(fault.Path(http.MethodPost, "/login$")); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

func TestWhatGoesWrongWithAConnectionIsTold(t *testing.T) {
	t.Parallel()
	create := func(connection infisical.NewConnection) func(context.Context, *infisical.Client) error {
		return func(ctx context.Context, c *infisical.Client) error { _, err := c.Create(ctx, connection); return err }
	}
	nowhere := wanted("x", "good-token")
	nowhere.ProjectID = "cccccccc-0000-4000-8000-000000000001"
	const github, used = "dddddddd-0000-4000-8000-000000000001", "dddddddd-0000-4000-8000-000000000002"
	tests := map[string]struct {
		clientID string
		do       func(context.Context, *infisical.Client) error
		kinds    []string
		says     []string
	}{
		"wrong token":         {"robot", create(wanted("x", "wrong-token")), []string{"ErrBadCredentials"}, []string{"still valid"}},
		"token without scope": {"robot", create(wanted("x", "narrow-token")), []string{"ErrBadCredentials"}, []string{"read:user:bitbucket"}},
		"unknown project":     {"robot", create(nowhere), []string{"ErrUnknownProject"}, nil},
		"another app's name":  {"robot", create(wanted("taken", "good-token")), []string{"ErrNameTaken"}, []string{"github", github}},
		"no permission":       {"reader", create(infisical.NewConnection{Name: "x", Credentials: wanted("", "good-token").Credentials}), []string{"ErrPermission"}, []string{"create on app-connections"}},
		"another app by name": {"robot", func(ctx context.Context, c *infisical.Client) error {
			_, err := c.ConnectionByName(ctx, "taken", projectID)
			return err
		}, []string{"ErrWrongApp"}, nil},
		"another app by ID": {"robot", func(ctx context.Context, c *infisical.Client) error { return c.Delete(ctx, github) }, []string{"ErrWrongApp"}, nil},
		"in use":            {"robot", func(ctx context.Context, c *infisical.Client) error { return c.Delete(ctx, used) }, []string{"ErrInUse"}, []string{"Remove all existing connections"}},
		"list of no project": {"robot", func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Connections(ctx, nowhere.ProjectID)
			return err
		}, []string{"ErrUnknownProject"}, nil},
		"update of nothing": {"robot", func(ctx context.Context, c *infisical.Client) error {
			d := "d"
			_, err := c.Update(ctx, connectionID, infisical.ConnectionChange{Description: &d})
			return err
		}, []string{"ErrNotFound"}, nil},
		"rename to a namesake": {"robot", func(ctx context.Context, c *infisical.Client) error {
			n := "taken"
			_, err := c.Update(ctx, used, infisical.ConnectionChange{Name: &n})
			return err
		}, []string{"ErrNameTaken"}, []string{"github", github}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.seed(simulator.State{Connections: []simulator.Connection{
				{ID: github, Name: "taken", App: "github", OrgID: "org", ProjectID: projectID},
				{ID: used, Name: "used", OrgID: "org", ProjectID: projectID, InUse: true},
			}})
			err := test.do(t.Context(), w.client(test.clientID))
			checkKinds(t, err, test.kinds...)
			mustContain(t, err, test.says...)
		})
	}
}

// Infisical answers 400 to a wrong token and to an outage of Bitbucket alike.
func TestAnOutageOfBitbucketIsNotAWrongToken(t *testing.T) {
	t.Parallel()
	faults := map[string]fault.Effect{
		"outage": fault.Respond(http.StatusServiceUnavailable, nil, ""), "limit": fault.Respond(http.StatusTooManyRequests, nil, ""), "reset": fault.Reset(),
	}
	for title, effect := range faults {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.bitbucket.Faults().Add(fault.Any(), fault.Always(), effect)
			_, err := w.client("robot").Create(t.Context(), wanted("x", "good-token"))
			checkKinds(t, err, "ErrBitbucketUnavailable")
		})
	}
}

func TestEachLoginIsTaken(t *testing.T) {
	t.Parallel()
	key := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey, SessionToken: "session"}
	other := aws.Credentials{AccessKeyID: "AKIDOTHER", SecretAccessKey: secretKey}
	stale := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey, SessionToken: "old"}
	viaAWS := func(credentials aws.Credentials) infisical.Login {
		return infisical.AWSAuth{IdentityID: robotID, Region: "eu-central-1", Credentials: provide(credentials, nil)}
	}
	const subject, audience = "repo:acme/app:ref", "https://github.com/acme"
	tests := map[string]struct {
		login        func(*world) infisical.Login
		organization string
		kinds        []string
	}{
		"OIDC":                 {func(w *world) infisical.Login { return w.ciToken(subject, audience, issuerKey) }, "", nil},
		"OIDC, wrong subject":  {func(w *world) infisical.Login { return w.ciToken("repo:evil/app:ref", audience, issuerKey) }, "", []string{"ErrLoginRefused", "ErrSubjectRefused"}},
		"OIDC, wrong audience": {func(w *world) infisical.Login { return w.ciToken(subject, "else", issuerKey) }, "", []string{"ErrLoginRefused", "ErrAudienceRefused"}},
		"OIDC, wrong signature": {func(w *world) infisical.Login {
			return w.ciToken(subject, audience, "another key of the same length..")
		}, "", []string{"ErrLoginRefused"}},
		"AWS":                    {func(*world) infisical.Login { return viaAWS(key) }, "", nil},
		"AWS, another account":   {func(*world) infisical.Login { return viaAWS(other) }, "", []string{"ErrLoginRefused"}},
		"AWS, stale credentials": {func(*world) infisical.Login { return viaAWS(stale) }, "", []string{"ErrServer"}},
		"a sub-organisation":     {func(w *world) infisical.Login { return w.client("robot").Login }, "team-a", nil},
		"an unknown one":         {func(w *world) infisical.Login { return w.client("robot").Login }, "team-b", []string{"ErrLoginRefused"}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			client := w.client("")
			client.Login, client.OrganizationSlug = test.login(w), test.organization
			_, err := client.Connections(t.Context(), "")
			checkKinds(t, err, test.kinds...)
			if (err == nil) != (len(test.kinds) == 0) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

// Many calls with one wrong secret would lock the client out for everybody.
func TestAWrongSecretNeverLocksTheClientOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := w.client("robot")
	wrong.Login = infisical.UniversalAuth{ClientID: "robot", ClientSecret: redact.New("wrong")}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if _, err := wrong.Connections(t.Context(), ""); !errors.Is(err, infisical.ErrLoginRefused) {
				t.Errorf("error = %v, want ErrLoginRefused", err)
			}
		})
	}
	all.Wait()
	if _, err := w.client("robot").Connections(t.Context(), ""); err != nil {
		t.Errorf("the right secret is refused: %v", err)
	}
}

func TestATokenIsReplacedBeforeAndAfterItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.client("robot")
	for _, later := range []time.Duration{0, 58 * time.Minute, 90 * time.Second, 3 * time.Hour} {
		w.advance(later)
		if _, err := client.Connections(t.Context(), ""); err != nil {
			t.Fatalf("after %v: %v", later, err)
		}
	}
	if n := w.infisical.Faults().Count(fault.Path(http.MethodPost, "/login$")); n != 3 {
		t.Errorf("%d logins, want 3", n)
	}
	if n := w.infisical.Faults().Count(fault.Path("", "/renew$")); n != 0 {
		t.Errorf("%d renewals, want none", n)
	}
}

func TestTheCloudsLimitIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.infisical.SetLimits(simulator.Limits{Write: 3})
	client := w.client("robot")
	for _, name := range []string{"a", "b", "c", "d"} {
		w.create(client, name)
	}
	if waited := w.clock().Sub(start()); waited != time.Minute {
		t.Errorf("waited %v, want a minute", waited)
	}
}

// Of several writers of one name exactly one wins, and the others learn who did.
func TestWritersThatRaceForAName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const writers = 8
	won, lost := make(chan infisical.Connection, writers), make(chan error, writers)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			client := w.client("robot")
			created, err := client.Create(t.Context(), wanted("contended", "good-token"))
			if err != nil {
				lost <- err
				return
			}
			won <- created
		})
	}
	all.Wait()
	if len(won) != 1 || len(lost) != writers-1 {
		t.Fatalf("%d won and %d lost", len(won), len(lost))
	}
	winner := <-won
	for range writers - 1 {
		var taken *infisical.NameTakenError
		if err := <-lost; !errors.As(err, &taken) || taken.HolderID != winner.ID || taken.HolderApp != "bitbucket" {
			t.Errorf("error = %v, want the holder %s", err, winner.ID)
		}
	}
}
