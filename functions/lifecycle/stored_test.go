package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/shared/installation"
)

// stored is an installation as its secret has it.
type stored struct {
	State, Secret, Previous, Name string
	// Missing is for a secret that is not there.
	Missing bool
	// EventAt is when Bitbucket made the last event.
	EventAt time.Time
}

// put writes a secret past the handler's code.
func (w *world) put(t testing.TB, clientKey string, in stored) {
	t.Helper()
	name := nameOf(t, clientKey)
	document, _ := json.Marshal(map[string]any{
		"event_at": in.EventAt,
		"version":  1, "app_key": appKey, "client_key": clientKey, "shared_secret": in.Secret, "previous_secret": in.Previous,
		"state": in.State, "principal": map[string]string{"uuid": workspaceOf(clientKey), "type": "team", "display_name": in.Name},
		"installed_at": w.clock.Now().Add(-time.Hour), "updated_at": w.clock.Now().Add(-time.Hour),
	})
	if err := w.aws.Secrets.Add(name, string(document), nil); err != nil {
		t.Fatal(err)
	}
}

// remove deletes a secret past the handler's code; without days it is gone at once.
func (w *world) remove(t testing.TB, clientKey string, days int64) {
	t.Helper()
	in := &secretsmanager.DeleteSecretInput{SecretId: aws.String(nameOf(t, clientKey)), RecoveryWindowInDays: &days}
	if days == 0 {
		in.RecoveryWindowInDays, in.ForceDeleteWithoutRecovery = nil, aws.Bool(true)
	}
	if _, err := secretsmanager.NewFromConfig(w.aws.Config()).DeleteSecret(context.Background(), in); err != nil {
		t.Fatal(err)
	}
}

// read returns what is stored, read past the handler's code and uncounted.
func (w *world) read(t testing.TB, clientKey string) stored {
	t.Helper()
	name := nameOf(t, clientKey)
	out, err := secretsmanager.NewFromConfig(w.aws.Config()).GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(name)})
	if err != nil {
		if strings.Contains(err.Error(), "ResourceNotFoundException") {
			return stored{Missing: true}
		}
		t.Fatal(err)
	}
	var document struct {
		State    string                        `json:"state"`
		Secret   string                        `json:"shared_secret"`
		Previous string                        `json:"previous_secret"`
		At       time.Time                     `json:"event_at"`
		Who      struct{ Display_name string } `json:"principal"` //nolint:revive // encoding/json's own matching
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.SecretString)), &document); err != nil {
		t.Fatal(err)
	}
	return stored{State: document.State, Secret: document.Secret, Previous: document.Previous, Name: document.Who.Display_name, EventAt: document.At}
}

// snapshot is everything that Secrets Manager holds.
func (w *world) snapshot(t testing.TB) map[string]stored {
	t.Helper()
	all := map[string]stored{}
	for _, name := range w.aws.Secrets.Names() {
		if clientKey, err := installation.DecodeName(appKey, name); err == nil {
			all[clientKey] = w.read(t, clientKey)
		}
	}
	return all
}
