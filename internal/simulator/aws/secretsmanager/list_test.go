package secretsmanager_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
)

func tags(pairs ...string) []types.Tag {
	var tags []types.Tag
	for i := 0; i < len(pairs); i += 2 {
		tags = append(tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return tags
}

func names(list []types.SecretListEntry) []string {
	names := []string{}
	for _, entry := range list {
		names = append(names, *entry.Name)
	}
	return names
}

func TestFilters(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, "a/one", "one", "v", tags("app", "red", "state", "installed")...)
	w.create(t, "a/two", "one", "v", tags("app", "red", "state", "uninstalled")...)
	w.create(t, "b/one", "one", "v", tags("app", "blue")...)
	w.create(t, "B/one", "one", "v")
	filter := func(key types.FilterNameStringType, values ...string) types.Filter {
		return types.Filter{Key: key, Values: values}
	}
	for what, test := range map[string]struct {
		filters []types.Filter
		want    []string
	}{
		"none":                     {nil, []string{"a/one", "a/two", "b/one", "B/one"}},
		"name by prefix":           {[]types.Filter{filter("name", "a/")}, []string{"a/one", "a/two"}},
		"name minds the case":      {[]types.Filter{filter("name", "B")}, []string{"B/one"}},
		"name by one of two":       {[]types.Filter{filter("name", "a/t", "b")}, []string{"a/two", "b/one"}},
		"tag key":                  {[]types.Filter{filter("tag-key", "state")}, []string{"a/one", "a/two"}},
		"all filters must match":   {[]types.Filter{filter("tag-key", "app"), filter("name", "a/o")}, []string{"a/one"}},
		"nothing":                  {[]types.Filter{filter("name", "c")}, []string{}},
		"not the middle of a name": {[]types.Filter{filter("name", "one")}, []string{}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			out, err := w.ListSecrets(t.Context(), &sdk.ListSecretsInput{Filters: test.filters})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, names(out.SecretList)); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListTellsLabelsAndTags(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "one", "v", tags("app", "red")...)
	out, err := w.ListSecrets(t.Context(), &sdk.ListSecretsInput{})
	if err != nil {
		t.Fatal(err)
	}
	entry := out.SecretList[0]
	if diff := cmp.Diff(map[string][]string{*token("one"): {current}}, entry.SecretVersionsToStages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	if len(entry.Tags) != 1 || *entry.Tags[0].Key != "app" || *entry.Tags[0].Value != "red" || !entry.CreatedDate.Equal(w.now) {
		t.Errorf("entry = %+v", entry)
	}
}

// TestPagesHoldStillWhileSecretsComeAndGo: a secret of the page that was read goes away,
// so does one that is ahead, and a new one comes.
func TestPagesHoldStillWhileSecretsComeAndGo(t *testing.T) {
	t.Parallel()
	w := start(t)
	for i := range 5 {
		w.create(t, fmt.Sprintf("s%d", i), "one", "v")
	}
	in := &sdk.ListSecretsInput{MaxResults: aws.Int32(2)}
	var got []string
	for got == nil || in.NextToken != nil {
		page, err := w.ListSecrets(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if got == nil {
			for _, gone := range []string{"s1", "s3"} {
				if _, err := w.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: &gone, ForceDeleteWithoutRecovery: aws.Bool(true)}); err != nil {
					t.Fatal(err)
				}
			}
			w.create(t, "s5", "one", "v")
		}
		got, in.NextToken = append(got, names(page.SecretList)...), page.NextToken
	}
	if diff := cmp.Diff([]string{"s0", "s1", "s2", "s4", "s5"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestATokenBelongsToItsQuery(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, "a", "one", "v")
	w.create(t, "b", "one", "v")
	page, err := w.ListSecrets(t.Context(), &sdk.ListSecretsInput{MaxResults: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	for what, in := range map[string]*sdk.ListSecretsInput{
		"of another filter": {NextToken: page.NextToken, Filters: []types.Filter{{Key: "name", Values: []string{"a"}}}},
		"made up":           {NextToken: aws.String("1")},
	} {
		_, err := w.ListSecrets(t.Context(), in)
		wantCode(t, what, err, "InvalidNextTokenException")
	}
}

func TestInvalidQueriesAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	for what, test := range map[string]struct {
		in   sdk.ListSecretsInput
		want string
	}{
		"a page of 101":       {sdk.ListSecretsInput{MaxResults: aws.Int32(101)}, "ValidationException"},
		"a page of 0":         {sdk.ListSecretsInput{MaxResults: aws.Int32(0)}, "ValidationException"},
		"an unknown key":      {sdk.ListSecretsInput{Filters: []types.Filter{{Key: "nam", Values: []string{"a"}}}}, "ValidationException"},
		"a key not simulated": {sdk.ListSecretsInput{Filters: []types.Filter{{Key: "all", Values: []string{"a"}}}}, "NotSimulated"},
		"a negated filter":    {sdk.ListSecretsInput{Filters: []types.Filter{{Key: "name", Values: []string{"!a"}}}}, "NotSimulated"},
		"an order":            {sdk.ListSecretsInput{SortOrder: "desc"}, "NotSimulated"},
		"no values":           {sdk.ListSecretsInput{Filters: []types.Filter{{Key: "name"}}}, "InvalidParameterException"},
		"11 filters":          {sdk.ListSecretsInput{Filters: make([]types.Filter, 11)}, "ValidationException"},
	} {
		_, err := w.ListSecrets(t.Context(), &test.in)
		wantCode(t, what, err, test.want)
	}
}

func TestInvalidBatchesAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	byName := []types.Filter{{Key: "name", Values: []string{"s"}}}
	for want, in := range map[string]*sdk.BatchGetSecretValueInput{"InvalidParameterException": {}, "NotSimulated": {Filters: byName}} {
		_, err := w.BatchGetSecretValue(t.Context(), in)
		wantCode(t, "batch", err, want)
	}
}
