package setup_test

import (
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/infisical"
)

// TestInfisicalWithAnAuthorityOfItsOwn: without the file the error names the option, with
// it the server is reached. The command, the action and the pipe have the same option.
func TestInfisicalWithAnAuthorityOfItsOwn(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		http.NotFound(w, nil)
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	list := func(inputs map[string]string) error {
		inputs["infisical_url"], inputs["infisical_client_id"] = server.URL, "33333333-4444-4555-8666-777777777777"
		options := setup.Defaults()
		if err := options.ReadInputs(func(name string) string { return inputs[name] }); err != nil {
			t.Fatal(err)
		}
		s := setup.New(options, variables{setup.ClientSecretVariable: "client-secret"}.get, "test")
		return s.WithInfisical(t.Context(), nil, slog.New(slog.DiscardHandler), func(client *infisical.Client) error {
			_, err := client.Connections(t.Context(), "")
			return err
		})
	}
	err := list(map[string]string{})
	for _, name := range []string{"infisical_ca_file", "--infisical-ca-file", "LINKERSYNC_INFISICAL_CA_FILE"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error doesn't name %s: %v", name, err)
		}
	}
	if calls.Load() != 0 {
		t.Error("the server was reached although nobody trusts it")
	}
	if err := list(map[string]string{"infisical_ca_file": ca}); err == nil || strings.Contains(err.Error(), "x509") || calls.Load() == 0 {
		t.Errorf("with the authority: %d calls, %v", calls.Load(), err)
	}
}
