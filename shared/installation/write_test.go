package installation_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

func TestCreateStoresWhatAnotherProcessReads(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	created := must(s.Create(t.Context(), sample(clientKey, "s1"), "install-1"))(t)
	got := must(s.open(nil).Get(t.Context(), clientKey))(t)
	want := installation.Installation{
		AppKey: s.appKey, ClientKey: clientKey, State: installation.Installed,
		Principal:   installation.Principal{UUID: workspace, Type: "team", DisplayName: "example-workspace"},
		InstalledAt: s.clock.Now(), UpdatedAt: s.clock.Now(), Version: created.Version,
	}
	if !got.SharedSecret.Equal(redact.New("s1")) || !got.PreviousSecret.IsZero() {
		t.Errorf("secrets %q, %q; want s1 and none", got.SharedSecret.Reveal(), got.PreviousSecret.Reveal())
	}
	got.SharedSecret = redact.Secret{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("installation (-want +got):\n%s", diff)
	}
	wantTags := map[string]string{
		"linkersync:app": s.appKey, "linkersync:state": "installed",
		"linkersync:client-key": "ari=3Acloud=3Abitbucket=3A=3Aapp/=7B11111111-2222-4333-8444-555555555555=7D/example-linker-app",
		"linkersync:workspace":  "11111111-2222-4333-8444-555555555555",
	}
	if diff := cmp.Diff(wantTags, s.inspect(t, clientKey).Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

// Secrets Manager refuses a secret for one tag that is too long.
func TestTagsThatCantBeAreLeftOut(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for name, test := range map[string]struct {
		clientKey string
		tagged    bool
	}{"the longest": {strings.Repeat("k", 256), true}, "one longer": {strings.Repeat("k", 257), false}} {
		in := sample(test.clientKey, "s1")
		in.Principal.UUID = ""
		in.PreviousSecret = redact.New("a caller's own idea of it")
		created, err := s.Create(t.Context(), in, "1")
		if err != nil || !created.PreviousSecret.IsZero() {
			t.Errorf("%s: created with the previous secret %q, %v", name, created.PreviousSecret.Reveal(), err)
			continue
		}
		tags := s.inspect(t, test.clientKey).Tags
		_, tagged := tags[installation.TagClientKey]
		if _, placed := tags[installation.TagWorkspace]; tagged != test.tagged || placed {
			t.Errorf("%s: tags %v", name, tags)
		}
	}
}

// The value is an interface: a runbook, a migration and the next release read it.
func TestDocumentHasItsDocumentedShape(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	first := must(s.Create(t.Context(), sample(clientKey, "s1"), "install-1"))(t)
	first.SharedSecret = redact.New("s2")
	must(s.Update(t.Context(), first, "install-2"))(t)
	var got map[string]any
	if err := json.Unmarshal([]byte(s.stageValue(t, clientKey, "AWSCURRENT")), &got); err != nil {
		t.Fatal(err)
	}
	events, _ := got["events"].([]any)
	delete(got, "events")
	want := map[string]any{
		"version": 1.0, "app_key": s.appKey, "client_key": clientKey, "shared_secret": "s2", "previous_secret": "s1",
		"principal": map[string]any{"uuid": workspace, "type": "team", "display_name": "example-workspace"},
		"state":     "installed", "installed_at": "2026-03-01T09:30:00Z", "updated_at": "2026-03-01T09:30:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	if len(events) != 2 {
		t.Errorf("events %v, want two digests", events)
	}
	if previous := s.stageValue(t, clientKey, "AWSPREVIOUS"); !strings.Contains(previous, `"shared_secret":"s1"`) {
		t.Errorf("AWSPREVIOUS doesn't hold the state before: %s", previous)
	}
}

func TestNewSecretsUseTheConfiguredKey(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const alias = "alias/linkersync"
	store := installation.NewSecretsManager(s.cloud.client(s.line), installation.Options{AppKey: s.appKey, KMSKeyID: alias})
	must(store.Create(t.Context(), sample(clientKey, "s1"), "install-1"))(t)
	out := must(s.cloud.client(s.line).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(s.name(t, clientKey))}))(t)
	if got := aws.ToString(out.KmsKeyId); got != alias {
		t.Errorf("key %q, want %q", got, alias)
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		state installation.State
		event string
		want  error
	}{
		"another event on an installation": {installation.Installed, "install-2", installation.ErrExists},
		"another event on a tombstone":     {installation.Uninstalled, "install-2", installation.ErrExists},
		"the same event again":             {installation.Installed, "install-1", nil},
		"the same event after others":      {installation.Uninstalled, "install-1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			in := must(s.Create(t.Context(), sample(clientKey, "s1"), "install-1"))(t)
			if test.state == installation.Uninstalled {
				in.State = installation.Uninstalled
				in = must(s.Update(t.Context(), in, "uninstall-1"))(t)
			}
			s.clock.advance(time.Minute) // a redelivery comes later, so its document differs
			again := s.open(nil)
			got, err := again.Create(t.Context(), sample(clientKey, "evil"), test.event)
			if !errors.Is(err, test.want) {
				t.Fatalf("Create again = %v, want %v", err, test.want)
			}
			again.line.took()
			must(again.Get(t.Context(), clientKey))(t)
			wantCalls(t, again.line) // what was met is known
			if err == nil && got.Version != in.Version {
				t.Errorf("the no-op returned version %s, want the one in force, %s", got.Version, in.Version)
			}
			if diff := cmp.Diff(seen(in), seen(must(s.open(nil).Get(t.Context(), clientKey))(t))); diff != "" {
				t.Errorf("the installation changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUpdateKeepsThePreviousSecret(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	steps := []struct {
		name   string
		change func(*installation.Installation)
		want   view
	}{
		{"a rotation makes the old secret the previous", func(in *installation.Installation) { in.SharedSecret = redact.New("s2") }, view{Shared: "s2", Previous: "s1"}},
		{"a new name keeps it", func(in *installation.Installation) { in.Principal.DisplayName = "renamed" }, view{Shared: "s2", Previous: "s1"}},
		{"an uninstall keeps it", func(in *installation.Installation) { in.State = installation.Uninstalled }, view{Shared: "s2", Previous: "s1"}},
		{"the next install moves on", func(in *installation.Installation) {
			in.State, in.SharedSecret = installation.Installed, redact.New("s3")
		}, view{Shared: "s3", Previous: "s2"}},
		{"a caller's own idea of it doesn't count", func(in *installation.Installation) { in.PreviousSecret = redact.New("evil") }, view{Shared: "s3", Previous: "s2"}},
	}
	for _, step := range steps {
		step.change(&in)
		in = must(s.Update(t.Context(), in, step.name))(t)
		for where, got := range map[string]installation.Installation{
			"returned": in, "cached": must(s.Get(t.Context(), clientKey))(t), "stored": must(s.open(nil).Get(t.Context(), clientKey))(t),
		} {
			if got.SharedSecret.Reveal() != step.want.Shared || got.PreviousSecret.Reveal() != step.want.Previous {
				t.Errorf("%s, %s: secret %s after %s, want %s after %s", step.name, where,
					got.SharedSecret.Reveal(), got.PreviousSecret.Reveal(), step.want.Shared, step.want.Previous)
			}
		}
	}
}

func TestInstalledAtIsTheLastInstall(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	start := s.clock.Now()
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	next := func(event string, state installation.State) {
		t.Helper()
		s.clock.advance(time.Hour)
		in.State = state
		in = must(s.Update(t.Context(), in, event))(t)
	}
	next("2", installation.Installed)
	if !in.InstalledAt.Equal(start) || !in.UpdatedAt.Equal(start.Add(time.Hour)) {
		t.Errorf("after a reinstall: installed %v, updated %v", in.InstalledAt, in.UpdatedAt)
	}
	next("3", installation.Uninstalled)
	next("still gone", installation.Uninstalled)
	if !in.InstalledAt.Equal(start) {
		t.Errorf("without an install: installed %v, want %v", in.InstalledAt, start)
	}
	next("4", installation.Installed)
	if want := start.Add(4 * time.Hour); !in.InstalledAt.Equal(want) || !in.UpdatedAt.Equal(want) {
		t.Errorf("after uninstall and install: installed %v, updated %v, want %v", in.InstalledAt, in.UpdatedAt, want)
	}
}

func TestImportKeepsItsInstallTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := sample(clientKey, "s1")
	in.InstalledAt = time.Date(2019, 5, 1, 0, 0, 0, 0, time.UTC)
	if got := must(s.Create(t.Context(), in, "import"))(t); !got.InstalledAt.Equal(in.InstalledAt) {
		t.Errorf("installed at %v, want %v", got.InstalledAt, in.InstalledAt)
	}
}

func TestTheStateTagFollowsTheState(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	for event, state := range []installation.State{installation.Uninstalled, installation.Installed, installation.Uninstalled} {
		in.State = state
		in = must(s.Update(t.Context(), in, string(rune('a'+event))))(t)
		if got := s.inspect(t, clientKey).Tags[installation.TagState]; got != string(state) {
			t.Errorf("tag %q, want %q", got, state)
		}
	}
}

func TestInvalidInputIsRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for name, test := range map[string]struct {
		change func(*installation.Installation)
		event  string
		want   string
	}{
		"no client key":         {func(in *installation.Installation) { in.ClientKey = "" }, "e", "empty app key or client key"},
		"a client key too long": {func(in *installation.Installation) { in.ClientKey = strings.Repeat("k", 600) }, "e", "600 bytes"},
		"no shared secret":      {func(in *installation.Installation) { in.SharedSecret = redact.Secret{} }, "e", "no shared secret"},
		"a secret not in UTF-8": {func(in *installation.Installation) { in.SharedSecret = redact.New("canary\xff") }, "e", "not UTF-8"},
		"a key not in UTF-8":    {func(in *installation.Installation) { in.ClientKey = "\xff" }, "e", "not UTF-8"},
		"no state":              {func(in *installation.Installation) { in.State = "" }, "e", "neither installed nor uninstalled"},
		"another app's":         {func(in *installation.Installation) { in.AppKey = "other" }, "e", "another app"},
		"no event":              {func(*installation.Installation) {}, "", "no event"},
		"an impossible time":    {func(in *installation.Installation) { in.InstalledAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "e", "no JSON form"},
		"more than 64 KiB":      {func(in *installation.Installation) { in.SharedSecret = redact.New(strings.Repeat("s", 65536)) }, "e", "65536"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fresh := s.open(nil)
			in := sample(clientKey, "canary")
			test.change(&in)
			_, created := fresh.Create(t.Context(), in, test.event)
			refusals := map[string]error{"Create": created}
			if test.want != "65536" && test.want != "no JSON form" { // those an update knows once it has read
				_, refusals["Update"] = fresh.Update(t.Context(), in, test.event)
			}
			for name, err := range refusals {
				if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary") {
					t.Errorf("%s = %v, want a refusal with %q", name, err, test.want)
				}
			}
			if calls := fresh.line.took(); len(calls) != 0 {
				t.Errorf("AWS was called: %v", calls)
			}
		})
	}
}

// The largest value that AWS takes is not refused.
func TestAValueMayHave64KiB(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	in.SharedSecret = redact.New("s2")
	in = must(s.Update(t.Context(), in, "2"))(t)
	// The third event is remembered as well, and replaces the two bytes of the secret.
	room := 65536 - len(s.stageValue(t, clientKey, "AWSCURRENT")) - len(`,"0123456789abcdef"`) + len("s2")
	tooLong := in
	tooLong.SharedSecret = redact.New(strings.Repeat("n", room+1))
	if _, err := s.Update(t.Context(), tooLong, "3"); !errors.Is(err, installation.ErrTooLarge) || errors.Is(err, installation.ErrUnavailable) {
		t.Errorf("Update with 65537 bytes = %v, want ErrTooLarge", err)
	}
	in.SharedSecret = redact.New(strings.Repeat("n", room))
	must(s.Update(t.Context(), in, "3"))(t)
	if got := len(s.stageValue(t, clientKey, "AWSCURRENT")); got != 65536 {
		t.Errorf("the value has %d bytes, the test wants 65536", got)
	}
}

func TestUpdateOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	must(s.cloud.client(&line{}).DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{
		SecretId: aws.String(s.name(t, clientKey)), ForceDeleteWithoutRecovery: aws.Bool(true),
	}))(t)
	if _, err := s.Update(t.Context(), in, "2"); !errors.Is(err, installation.ErrNotFound) {
		t.Errorf("Update = %v, want ErrNotFound", err)
	}
	if _, err := s.Get(t.Context(), clientKey); !errors.Is(err, installation.ErrNotFound) {
		t.Errorf("Get = %v, want what the update found out: ErrNotFound", err)
	}
}
