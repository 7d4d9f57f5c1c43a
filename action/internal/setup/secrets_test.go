package setup_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/action/internal/setup"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

// A manifest may come from a pull request, and a device would be read for ever.
func TestReferenceToADeviceIsRefused(t *testing.T) {
	t.Parallel()
	s := setup.New(setup.Options{}, func(string) string { return "" }, "test")
	_, err := s.Resolve(t.Context(), manifest.Reference{Scheme: manifest.SchemeFile, Target: os.DevNull})
	if err == nil || !strings.Contains(err.Error(), "device") {
		t.Errorf("error %v, want one that calls it a device", err)
	}
}

// The CI masks what it hears, and the variable's own text is only a reference.
func TestClientSecretFromAWSIsHeardBeforeItIsUsed(t *testing.T) {
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write([]byte(`{"Name":"infisical","SecretString":"the-client-secret"}`))
	}))
	defer aws.Close()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": aws.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	environment := map[string]string{setup.ClientSecretVariable: "aws-secret:infisical"}
	s := setup.New(setup.Options{Infisical: setup.InfisicalOptions{Method: "universal", ClientID: "client"}},
		func(name string) string { return environment[name] }, "test")
	var heard []string
	s.OnSecret(func(secret redact.Secret) { heard = append(heard, secret.Reveal()) })
	if _, err := s.Infisical(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 2 || heard[0] != "key" || heard[1] != "the-client-secret" {
		t.Errorf("heard %d secrets, want AWS's key and the client secret", len(heard))
	}
}

// What Infisical's login gives away is a secret of the run's own making.
func TestInfisicalsTokenIsHeardBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	server := siminfisical.New(siminfisical.Options{})
	url, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	err = server.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: "org", Slug: "acme"}},
		Identities: []siminfisical.Identity{{
			ID: "identity", OrgID: "org", TokenTTL: time.Hour, Permissions: siminfisical.Everything(),
			Universal: &siminfisical.UniversalAuth{ClientID: "client", Secrets: []siminfisical.ClientSecret{{Value: "the-client-secret"}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := setup.New(setup.Options{Infisical: setup.InfisicalOptions{URL: url, Method: "universal", ClientID: "client"}},
		variables{setup.ClientSecretVariable: "the-client-secret"}.get, "test")
	var heard []string
	calls := 0
	s.OnSecret(func(secret redact.Secret) { heard, calls = append(heard, secret.Reveal()), server.Faults().Total() })
	err = s.WithInfisical(t.Context(), nil, slog.New(slog.DiscardHandler), func(client *infisical.Client) error {
		_, err := client.Connections(t.Context(), "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(heard) != 1 || !strings.HasPrefix(heard[0], "ey") || calls != 1 || server.Faults().Total() != 3 {
		t.Errorf("heard %d secrets after call %d of %d, want one after the login and before the list and the logout", len(heard), calls, server.Faults().Total())
	}
}
