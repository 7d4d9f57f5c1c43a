package installation_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
)

// TestContract is what the store relies on in Secrets Manager, as AWS documents
// it. It runs against the simulator in `make test` and against moto in `make
// test-aws`; so the simulator is not its own judge. Where moto is known to do
// otherwise, the row says so and AWS's behaviour counts.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html
func TestContract(t *testing.T) {
	t.Parallel()
	rows := slices.Concat(createContract(), versionContract(), deletionContract(), listContract(), limitContract())
	for _, row := range rows {
		t.Run(row.behaviour, func(t *testing.T) {
			t.Parallel()
			if os.Getenv(endpointVariable) != "" && row.moto != "" {
				t.Skip("moto differs from AWS: " + row.moto)
			}
			row.check(t, vault{newCloud(t).client(&line{}), "contract/" + rand.Text()})
		})
	}
}

type contractRow struct {
	behaviour string
	// moto says what moto does instead, when it is known to differ.
	moto  string
	check func(t *testing.T, v vault)
}

// vault speaks to one secret that no other test knows.
type vault struct {
	api  *secretsmanager.Client
	name string
}

// id is a version id of legal length.
func id(n int) string { return fmt.Sprintf("%032d", n) }

func (v vault) create(n int, value string) string {
	_, err := v.api.CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{
		Name: aws.String(v.name), ClientRequestToken: aws.String(id(n)), SecretString: aws.String(value),
		Tags: []types.Tag{{Key: aws.String("linkersync:state"), Value: aws.String("installed")}},
	})
	return errorCode(err)
}

func (v vault) put(n int, value string, stages ...string) string {
	_, err := v.api.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(v.name), ClientRequestToken: aws.String(id(n)), SecretString: aws.String(value), VersionStages: stages,
	})
	return errorCode(err)
}

func (v vault) swap(from, to int) string {
	_, err := v.api.UpdateSecretVersionStage(context.Background(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(v.name), VersionStage: aws.String("AWSCURRENT"),
		RemoveFromVersionId: aws.String(id(from)), MoveToVersionId: aws.String(id(to)),
	})
	return errorCode(err)
}

// get returns the value under a label, or the code that was refused with.
func (v vault) get(stage string) string {
	out, err := v.api.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(v.name), VersionStage: aws.String(stage)})
	if err != nil {
		return errorCode(err)
	}
	return aws.ToString(out.SecretString)
}

func (v vault) remove(days int64) string {
	_, err := v.api.DeleteSecret(context.Background(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(v.name), RecoveryWindowInDays: aws.Int64(days)})
	return errorCode(err)
}

func (v vault) restore() string {
	_, err := v.api.RestoreSecret(context.Background(), &secretsmanager.RestoreSecretInput{SecretId: aws.String(v.name)})
	return errorCode(err)
}

// want compares the outcomes of steps: "" is success, else a code or a value.
func want(t *testing.T, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

const (
	exists     = "ResourceExistsException"
	notFound   = "ResourceNotFoundException"
	badRequest = "InvalidRequestException"
	badInput   = "InvalidParameterException"
	pending    = "LINKERSYNC_PENDING"
)

func createContract() []contractRow {
	return []contractRow{
		{"create again with the same token and value is a no-op", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.create(1, "a"), v.get("AWSCURRENT")}, []string{"", "", "a"})
		}},
		{"create again with the same token and another value is refused", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.create(1, "b"), v.get("AWSCURRENT")}, []string{"", exists, "a"})
		}},
		{"create again with another token is refused", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.create(2, "a"), v.get("AWSCURRENT")}, []string{"", exists, "a"})
		}},
		{"create again is refused after the first version was replaced", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b"), v.create(3, "c"), v.get("AWSCURRENT")}, []string{"", "", exists, "b"})
		}},
		{"what was never created is not found", "", func(t *testing.T, v vault) {
			want(t, []string{v.get("AWSCURRENT"), v.put(1, "a"), v.swap(1, 2), v.remove(7), v.restore()},
				[]string{notFound, notFound, notFound, notFound, notFound})
		}},
	}
}

func versionContract() []contractRow {
	return []contractRow{
		{"a put with a pending stage leaves the current version in force", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending), v.get("AWSCURRENT"), v.get(pending), v.get("AWSPREVIOUS")},
				[]string{"", "", "a", "b", notFound})
		}},
		{"a put again with the same token and value is a no-op", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending), v.put(2, "b", pending), v.get("AWSCURRENT"), v.get(pending)},
				[]string{"", "", "", "a", "b"})
		}},
		{"a put again with the same token and another value is refused", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending), v.put(2, "c", pending), v.get(pending)}, []string{"", "", exists, "b"})
		}},
		{"a put with the pending stage takes it off an abandoned version", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending), v.put(3, "c", pending), v.get(pending), v.get("AWSCURRENT")},
				[]string{"", "", "", "c", "a"})
		}},
		{"moving AWSCURRENT takes AWSPREVIOUS along", "", func(t *testing.T, v vault) {
			want(t, []string{
				v.create(1, "a"), v.put(2, "b", pending), v.swap(1, 2), v.get("AWSCURRENT"), v.get("AWSPREVIOUS"),
				v.put(3, "c", pending), v.swap(2, 3), v.get("AWSCURRENT"), v.get("AWSPREVIOUS"),
			}, []string{"", "", "", "b", "a", "", "", "c", "b"})
		}},
		{"moving AWSCURRENT from a version that doesn't have it is refused", "", func(t *testing.T, v vault) {
			want(t, []string{
				v.create(1, "a"), v.put(2, "b", pending), v.put(3, "c", pending), v.swap(1, 3),
				v.swap(1, 2), v.get("AWSCURRENT"), v.get("AWSPREVIOUS"),
			}, []string{"", "", "", "", badInput, "c", "a"})
		}},
		{"moving AWSCURRENT without naming where from is refused", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending)}, []string{"", ""})
			_, err := v.api.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: aws.String(v.name), VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: aws.String(id(2)),
			})
			want(t, []string{errorCode(err), v.get("AWSCURRENT")}, []string{badInput, "a"})
		}},
		{"moving AWSCURRENT a second time is refused, as a repeated call of the SDK is", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending), v.swap(1, 2), v.swap(1, 2), v.get("AWSCURRENT"), v.get("AWSPREVIOUS")},
				[]string{"", "", "", badInput, "b", "a"})
		}},
		{"AWSCURRENT moves to a version that lost its pending stage", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending), v.put(3, "c", pending), v.swap(1, 2), v.get("AWSCURRENT")},
				[]string{"", "", "", "", "b"})
		}},
		{"moving AWSCURRENT to a version that isn't there is refused", "takes the label off first and leaves the secret without AWSCURRENT", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.swap(1, 2), v.get("AWSCURRENT")}, []string{"", badInput, "a"})
		}},
		{"a version is read by its id without any label", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending), v.put(3, "c", pending)}, []string{"", "", ""})
			out, err := v.api.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(v.name), VersionId: aws.String(id(2))})
			if err != nil || aws.ToString(out.SecretString) != "b" {
				t.Errorf("version 2 = %v, %v; want b", out, err)
			}
		}},
	}
}

func deletionContract() []contractRow {
	return []contractRow{
		{"a secret that is scheduled for deletion can't be read", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.remove(7), v.get("AWSCURRENT")}, []string{"", "", badRequest})
		}},
		{"a secret that is scheduled for deletion can't be created", "answers ResourceExists", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.remove(7), v.create(2, "b")}, []string{"", "", badRequest})
		}},
		{"a secret that is scheduled for deletion can't be written", "writes it", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending), v.remove(7), v.put(3, "c", pending), v.swap(1, 2)},
				[]string{"", "", "", badRequest, badRequest})
		}},
		{"a restored secret is as it was", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b"), v.remove(7), v.restore(), v.get("AWSCURRENT"), v.get("AWSPREVIOUS")},
				[]string{"", "", "", "", "b", "a"})
		}},
		{"a secret that is scheduled for deletion can be described", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.remove(30)}, []string{"", ""})
			out, err := v.api.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(v.name)})
			if err != nil || out.DeletedDate == nil || !slices.Contains(out.VersionIdsToStages[id(1)], "AWSCURRENT") {
				t.Errorf("described = %+v, %v", out, err)
			}
		}},
		{"the recovery window is 7 to 30 days", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.remove(6), v.remove(31), v.remove(7)}, []string{"", badInput, badInput, ""})
		}},
	}
}

func listContract() []contractRow {
	list := func(t *testing.T, v vault, prefix string) map[string]types.SecretListEntry {
		t.Helper()
		out, err := v.api.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{
			Filters: []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{prefix}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]types.SecretListEntry{}
		for _, entry := range out.SecretList {
			found[strings.TrimPrefix(aws.ToString(entry.Name), prefix)] = entry
		}
		return found
	}
	return []contractRow{
		{"a list by prefix has name, tags and labels, and leaves out what is scheduled for deletion", "", func(t *testing.T, v vault) {
			one, two, other := vault{v.api, v.name + "/one"}, vault{v.api, v.name + "/two"}, vault{v.api, v.name + "-other"}
			want(t, []string{one.create(1, "a"), two.create(2, "b"), other.create(3, "c"), two.remove(7)}, []string{"", "", "", ""})
			found := list(t, v, v.name+"/")
			entry, listed := found["one"]
			if len(found) != 1 || !listed {
				t.Fatalf("listed %v, want one", found)
			}
			if len(entry.Tags) != 1 || aws.ToString(entry.Tags[0].Value) != "installed" || !slices.Contains(entry.SecretVersionsToStages[id(1)], "AWSCURRENT") {
				t.Errorf("entry = %+v", entry)
			}
		}},
		{"a prefix matches its case only", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a")}, []string{""})
			if found := list(t, v, strings.ToUpper(v.name)); len(found) != 0 {
				t.Errorf("listed %v, want nothing", found)
			}
		}},
		{"a long list comes in pages that don't repeat", "", func(t *testing.T, v vault) {
			for i := range 7 {
				want(t, []string{vault{v.api, fmt.Sprintf("%s/%d", v.name, i)}.create(i, "a")}, []string{""})
			}
			in := &secretsmanager.ListSecretsInput{Filters: []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{v.name}}}, MaxResults: aws.Int32(3)}
			names, pages := map[string]bool{}, 0
			for pages == 0 || in.NextToken != nil {
				out, err := v.api.ListSecrets(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				for _, entry := range out.SecretList {
					names[*entry.Name] = true
				}
				in.NextToken, pages = out.NextToken, pages+1
			}
			if len(names) != 7 || pages != 3 {
				t.Errorf("%d names in %d pages, want 7 in 3", len(names), pages)
			}
		}},
		{"a batch has the current values, and an error for each it can't read", "", func(t *testing.T, v vault) {
			one, gone := vault{v.api, v.name + "/one"}, vault{v.api, v.name + "/gone"}
			want(t, []string{one.create(1, "a"), one.put(2, "b"), gone.create(3, "c"), gone.remove(7)}, []string{"", "", "", ""})
			out, err := v.api.BatchGetSecretValue(t.Context(), &secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{one.name, gone.name, v.name + "/never"}})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, value := range out.SecretValues {
				got[*value.Name] = aws.ToString(value.SecretString) + " " + aws.ToString(value.VersionId)
			}
			for _, refused := range out.Errors {
				got[*refused.SecretId] = *refused.ErrorCode
			}
			expected := map[string]string{one.name: "b " + id(2), gone.name: badRequest, v.name + "/never": notFound}
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Errorf("batch (-want +got):\n%s", diff)
			}
		}},
		{"a batch has the version that AWSCURRENT was moved to", "answers the version that was current before the move, with its label AWSPREVIOUS", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a"), v.put(2, "b", pending), v.swap(1, 2)}, []string{"", "", ""})
			out, err := v.api.BatchGetSecretValue(t.Context(), &secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{v.name}})
			if err != nil || len(out.SecretValues) != 1 || aws.ToString(out.SecretValues[0].SecretString) != "b" || !slices.Contains(out.SecretValues[0].VersionStages, "AWSCURRENT") {
				t.Errorf("batch = %+v, %v; want b, which is AWSCURRENT", out, err)
			}
		}},
		{"tagging replaces the tags it names and keeps the others", "", func(t *testing.T, v vault) {
			want(t, []string{v.create(1, "a")}, []string{""})
			tag := func(key, value string) {
				t.Helper()
				_, err := v.api.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: aws.String(v.name), Tags: []types.Tag{{Key: aws.String(key), Value: aws.String(value)}}})
				if err != nil {
					t.Fatal(err)
				}
			}
			tag("linkersync:app", "example")
			tag("linkersync:state", "uninstalled")
			out, err := v.api.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(v.name)})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, tag := range out.Tags {
				got[*tag.Key] = *tag.Value
			}
			if diff := cmp.Diff(map[string]string{"linkersync:app": "example", "linkersync:state": "uninstalled"}, got); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		}},
	}
}

func limitContract() []contractRow {
	refused := func(t *testing.T, what, code string) {
		t.Helper()
		if code != badInput && code != "ValidationException" {
			t.Errorf("%s: %q, want a refusal of the input", what, code)
		}
	}
	return []contractRow{
		{"a value of 64 KiB is kept", "", func(t *testing.T, v vault) {
			value := strings.Repeat("x", 65536)
			want(t, []string{v.create(1, value), v.get("AWSCURRENT")}, []string{"", value})
		}},
		{"a longer value is refused", "keeps it", func(t *testing.T, v vault) {
			refused(t, "create", v.create(1, strings.Repeat("x", 65537)))
			want(t, []string{v.create(1, "a")}, []string{""})
			refused(t, "put", v.put(2, strings.Repeat("x", 65537), pending))
		}},
		{"a token shorter than 32 characters is refused", "", func(t *testing.T, v vault) {
			_, err := v.api.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(v.name), ClientRequestToken: aws.String("short"), SecretString: aws.String("a")})
			refused(t, "create", errorCode(err))
		}},
		{"a name outside the alphabet is refused", "keeps it", func(t *testing.T, v vault) {
			refused(t, "create", vault{v.api, v.name + "/{uuid}"}.create(1, "a"))
		}},
		{"a name of 512 characters is kept, a longer one refused", "keeps the longer one too", func(t *testing.T, v vault) {
			long := v.name + strings.Repeat("x", 512-len(v.name))
			want(t, []string{vault{v.api, long}.create(1, "a")}, []string{""})
			refused(t, "create", vault{v.api, long + "x"}.create(1, "a"))
		}},
		{"a batch of more than 20 is refused", "answers it", func(t *testing.T, v vault) {
			_, err := v.api.BatchGetSecretValue(t.Context(), &secretsmanager.BatchGetSecretValueInput{SecretIdList: slices.Repeat([]string{v.name}, 21)})
			refused(t, "batch", errorCode(err))
		}},
	}
}
