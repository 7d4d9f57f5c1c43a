package installation_test

import (
	"errors"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

func TestSecretSourceSpeaksConnectsErrors(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	in.SharedSecret, in.State = redact.New("s2"), installation.Uninstalled
	in = must(s.Update(t.Context(), in, "2"))(t)
	purged := sample("purged", "s")
	purged = must(s.Create(t.Context(), purged, "1"))(t)
	purged.State = installation.Uninstalled
	purged = must(s.Update(t.Context(), purged, "2"))(t)
	if err := s.Purge(t.Context(), purged, installation.MinRecovery); err != nil {
		t.Fatal(err)
	}
	down := s.open(&line{dead: true})
	for name, test := range map[string]struct {
		store   installation.Store
		key     string
		want    error
		secrets [2]string
	}{
		"a tombstone's secrets verify the next install": {s, clientKey, nil, [2]string{"s2", "s1"}},
		"unknown": {s, "never", connect.ErrUnknownTenant, [2]string{}},
		"purged":  {s, "purged", connect.ErrUnknownTenant, [2]string{}},
		"down":    {down, clientKey, installation.ErrUnavailable, [2]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			source := installation.SecretSource{Store: test.store}
			var tried []connect.Secrets
			err := source.Try(t.Context(), test.key, func(secrets connect.Secrets) bool {
				tried = append(tried, secrets)
				return false
			})
			if !errors.Is(err, test.want) || errors.Is(err, connect.ErrUnknownTenant) != errors.Is(test.want, connect.ErrUnknownTenant) {
				t.Errorf("Try = %v, want %v", err, test.want)
			}
			want := 1
			if test.want != nil && !errors.Is(test.want, connect.ErrUnknownTenant) {
				want = 0 // of what could not be read, nothing is known
			}
			if len(tried) != want {
				t.Fatalf("tried %d times, want %d", len(tried), want)
			}
			for _, got := range tried {
				if secrets := [2]string{got.Current.Reveal(), got.Previous.Reveal()}; secrets != test.secrets {
					t.Errorf("tried %v, want %v", secrets, test.secrets)
				}
			}
		})
	}
}
