package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// privateServer moves the world's Infisical behind a certificate that no system
// trusts, and returns the folder of a zip with its authority in ca.pem.
func (w *world) privateServer() string {
	w.t.Helper()
	server := httptest.NewUnstartedServer(w.infisical)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that fail
	server.StartTLS()
	w.t.Cleanup(server.Close)
	w.env["LINKERSYNC_INFISICAL_URL"] = server.URL
	zip := w.t.TempDir()
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	w.must(os.WriteFile(filepath.Join(zip, "ca.pem"), encoded, 0o600))
	return zip
}

func TestAnAuthorityFromTheZipIsTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["LAMBDA_TASK_ROOT"] = w.privateServer()
	w.env["LINKERSYNC_INFISICAL_CA_FILE"] = "ca.pem"
	w.put("bitbucket/ci", value(nil))
	h, _ := w.start()
	if _, err := h.Handle(t.Context(), event(t, "rotated")); err != nil {
		t.Fatal(err)
	}
	if rows := w.infisical.Snapshot().Connections; len(rows) != 1 {
		t.Errorf("connections: %+v", rows)
	}
}

// An unknown authority is an error that says what to set, and nothing is written.
func TestAnUnknownAuthorityNamesTheParameter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.privateServer()
	w.put("bitbucket/ci", value(nil))
	h, _ := w.start()
	_, err := h.Handle(t.Context(), event(t, "rotated"))
	if err == nil {
		t.Fatal("an unknown authority was trusted")
	}
	for _, want := range []string{"unknown authority", "InfisicalCaFile", "LINKERSYNC_INFISICAL_CA_FILE"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	if rows := w.infisical.Snapshot().Connections; len(rows) != 0 {
		t.Errorf("connections: %+v", rows)
	}
}
