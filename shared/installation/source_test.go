package installation_test

import (
	"context"
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
			for verb, ask := range map[string]func(context.Context, string) (connect.Secrets, error){"Secrets": source.Secrets, "Reread": source.Reread} {
				got, err := ask(t.Context(), test.key)
				if !errors.Is(err, test.want) || errors.Is(err, connect.ErrUnknownTenant) != errors.Is(test.want, connect.ErrUnknownTenant) {
					t.Errorf("%s = %v, want %v", verb, err, test.want)
				}
				if secrets := [2]string{got.Current.Reveal(), got.Previous.Reveal()}; secrets != test.secrets {
					t.Errorf("%s = %v, want %v", verb, secrets, test.secrets)
				}
			}
		})
	}
}
