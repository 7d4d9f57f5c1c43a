package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// TestAppSecret: read when it is needed, kept for five minutes, noticed when it
// was rotated, and kept on when it can't be read.
func TestAppSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{registered: true})
	enabled := func(secret string) int {
		status, _ := w.send(t, w.signed(enabled(stranger), secret))
		return status
	}
	appReads := func() int {
		n := 0
		for _, call := range w.aws.Faults.Calls() {
			if call.Target == "secretsmanager.GetSecretValue" {
				n++
			}
		}
		return n
	}
	if status := enabled(appSecret); status != 204 {
		t.Fatalf("first request: %d; log:\n%s", status, w.logs)
	}
	w.forget()
	for range 5 {
		enabled(appSecret)
	}
	if n := appReads(); n != 0 {
		t.Errorf("%d reads while the secret is fresh", n)
	}
	const next = "not-a-real-rotated-app-secret"
	client := secretsmanager.NewFromConfig(w.aws.Config())
	if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String("linkersync/app"), SecretString: aws.String(`{"app_secret":"` + next + `"}`),
	}); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(appSecretLife)
	rule := w.aws.Faults.Add(fault.Target("GetSecretValue"), fault.Once(), fault.Throttle())
	if status := enabled(appSecret); status != 204 || rule.Fired() != 1 {
		t.Errorf("while the secret can't be read: %d", status)
	}
	w.clock.advance(appSecretLife)
	if status := enabled(next); status != 204 {
		t.Errorf("signed with the rotated secret: %d", status)
	}
	if status := enabled(appSecret); status != 401 {
		t.Errorf("signed with the replaced secret: %d, want 401", status)
	}
}

// TestEmptyAppSecret: a reference that leads to nothing must not turn a registered
// app into one that takes unsigned installs.
func TestEmptyAppSecret(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"empty": `{"app_secret":""}`, "blank": `{"app_secret":" "}`, "missing": `{}`} {
		w := newWorld(t, deployment{env: map[string]string{"LINKERSYNC_APP_SECRET": "aws-secret:linkersync/app#app_secret"}})
		if err := w.aws.Secrets.Add("linkersync/app", value, nil); err != nil {
			t.Fatal(err)
		}
		if status, _ := click(workspaceNew, secretNew)(t, w); status != http.StatusServiceUnavailable || !w.read(t, stranger).Missing {
			t.Errorf("%s: unsigned install answered %d, stored %+v", name, status, w.read(t, stranger))
		}
	}
}

// TestKey: new installations are encrypted with the deployment's key.
func TestKey(t *testing.T) {
	t.Parallel()
	const key = "alias/linkersync"
	w := newWorld(t, deployment{env: map[string]string{"LINKERSYNC_KMS_KEY_ID": key}})
	if status, _ := click(workspaceNew, secretNew)(t, w); status != 204 {
		t.Fatalf("install: %d", status)
	}
	out, err := secretsmanager.NewFromConfig(w.aws.Config()).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(nameOf(t, stranger))})
	if err != nil || aws.ToString(out.KmsKeyId) != key {
		t.Errorf("encrypted with %q, %v; want %q", aws.ToString(out.KmsKeyId), err, key)
	}
}

// TestPurged: what an operator purged stays so until its recovery window ends.
func TestPurged(t *testing.T) {
	t.Parallel()
	plain, registered := newWorld(t, deployment{}), newWorld(t, deployment{registered: true})
	plain.remove(t, gone, 7)
	registered.remove(t, gone, 7)
	if status, _ := plain.send(t, installed(gone, secretNew)); status != 401 {
		t.Errorf("unsigned install: %d, want 401", status)
	}
	if status, _ := click(workspaceGone, secretNew)(t, plain); status != 401 {
		t.Errorf("install signed with the purged secret: %d, want 401", status)
	}
	if status, _ := registered.send(t, installed(gone, appSecret).signed(registered.token(gone, "/installed", appSecret))); status != 409 {
		t.Errorf("install signed by the app: %d, want 409", status)
	}
	if status, _ := registered.send(t, uninstalled(gone).signed(registered.token(gone, "/uninstalled", appSecret))); status != 204 {
		t.Errorf("uninstall signed by the app: %d, want 204", status)
	}
	registered.clock.advance(8 * 24 * time.Hour)
	if status, _ := registered.send(t, installed(gone, appSecret).signed(registered.token(gone, "/installed", appSecret))); status != 204 {
		t.Errorf("install after the recovery window: %d, want 204; log:\n%s", status, registered.logs)
	}
}

// TestDeletedByHand: what a process remembers may be gone from Secrets Manager. The
// event is then one of a stranger.
func TestDeletedByHand(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]func(*world) message{
		"install":   by(secretOne, installed(one, secretNew)),
		"uninstall": by(secretOne, uninstalled(one)),
	} {
		w := newWorld(t, deployment{})
		w.knows(t, one)
		w.remove(t, one, 0)
		if status, _ := w.send(t, event(w)); status != 401 || !w.read(t, one).Missing {
			t.Errorf("%s: %d, want 401; stored %+v", name, status, w.read(t, one))
		}
	}
}

// TestCreatedAndNotReadable: right after an install elsewhere, Secrets Manager may
// refuse to create the secret again, and not have it yet.
func TestCreatedAndNotReadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	w.aws.Faults.Add(fault.Target("CreateSecret"), fault.Always(), fault.AWSError(400, "ResourceExistsException", "there"))
	if status, answer := click(workspaceNew, secretNew)(t, w); status != 503 || answer != "busy, try again\n" {
		t.Errorf("answered %d %q, want 503", status, answer)
	}
}
