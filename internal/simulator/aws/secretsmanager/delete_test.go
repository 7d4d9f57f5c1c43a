package secretsmanager_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

func (w *world) remove(t *testing.T, days int64) {
	t.Helper()
	out, err := w.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: aws.String(name), RecoveryWindowInDays: &days})
	if err != nil {
		t.Fatal(err)
	}
	if want := w.now.Add(time.Duration(days) * 24 * time.Hour); !out.DeletionDate.Equal(want) {
		t.Errorf("deletion date %v, want %v", out.DeletionDate, want)
	}
}

func TestWhatADeletedSecretRefuses(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "one", "v")
	w.remove(t, 7)
	_, err := w.TagResource(t.Context(), &sdk.TagResourceInput{SecretId: aws.String(name), Tags: tags("a", "b")})
	wantCode(t, "tag", err, "InvalidRequestException")
	_, err = w.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: aws.String(name)})
	wantCode(t, "delete", err, "InvalidRequestException")
}

func TestADeletedSecretIsListedOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "one", "v")
	w.create(t, "other", "one", "v")
	w.remove(t, 30)
	for include, want := range map[bool][]string{false: {"other"}, true: {name, "other"}} {
		out, err := w.ListSecrets(t.Context(), &sdk.ListSecretsInput{IncludePlannedDeletion: &include})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, names(out.SecretList)); diff != "" {
			t.Errorf("planned deletions included: %v (-want +got):\n%s", include, diff)
		}
		if include && !aws.ToTime(out.SecretList[0].DeletedDate).Equal(w.now) {
			t.Errorf("deleted date %v, want %v", out.SecretList[0].DeletedDate, w.now)
		}
	}
}

func TestTheRecoveryWindow(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "one", "v")
	w.create(t, "later", "one", "v")
	before, err := w.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	w.remove(t, 7)
	if _, err := w.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: aws.String("later"), RecoveryWindowInDays: aws.Int64(8)}); err != nil {
		t.Fatal(err)
	}
	get := func() string {
		_, err := w.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String(name)})
		return code(err)
	}
	w.now = w.now.Add(7*24*time.Hour - time.Second)
	if got := get(); got != "InvalidRequestException" {
		t.Errorf("a second before the end: %q", got)
	}
	if _, err := w.RestoreSecret(t.Context(), &sdk.RestoreSecretInput{SecretId: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	if got := get(); got != "" {
		t.Errorf("restored: %q", got)
	}
	w.remove(t, 7)
	w.now = w.now.Add(24*time.Hour + time.Second) // the other window ends first
	if diff := cmp.Diff([]string{name}, w.cloud.Secrets.Names()); diff != "" {
		t.Errorf("names after eight days (-want +got):\n%s", diff)
	}
	w.now = w.now.Add(6*24*time.Hour - time.Second)
	if got := get(); got != "ResourceNotFoundException" {
		t.Errorf("at the end: %q", got)
	}
	_, err = w.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: before.ARN})
	wantCode(t, "by its ARN", err, "ResourceNotFoundException")
	if got := w.cloud.Secrets.Names(); len(got) != 0 {
		t.Errorf("left over: %v", got)
	}
	w.create(t, name, "two", "a new secret of that name")
}

func TestForcedDeletion(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "one", "v")
	before, err := w.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"a secret", "a secret that is gone"} {
		_, err := w.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: aws.String(name), ForceDeleteWithoutRecovery: aws.Bool(true)})
		wantCode(t, what, err, "")
	}
	w.create(t, name, "one", "v")
	after, err := w.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil || *after.ARN == *before.ARN {
		t.Errorf("error %v, ARN %s; want another than before", err, *after.ARN)
	}
	_, err = w.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: aws.String("none")})
	wantCode(t, "with a recovery window", err, "ResourceNotFoundException")
	_, err = w.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{
		SecretId: aws.String(name), RecoveryWindowInDays: aws.Int64(7), ForceDeleteWithoutRecovery: aws.Bool(true),
	})
	wantCode(t, "force and days", err, "InvalidParameterException")
}
