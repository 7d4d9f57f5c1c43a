package secretsmanager_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/fault"
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
		"tag value":                {[]types.Filter{filter("tag-value", "red")}, []string{"a/one", "a/two"}},
		"tag value by prefix":      {[]types.Filter{filter("tag-value", "install")}, []string{"a/one"}},
		"all filters must match":   {[]types.Filter{filter("tag-value", "red"), filter("name", "a/o")}, []string{"a/one"}},
		"negated":                  {[]types.Filter{filter("name", "!a/")}, []string{"b/one", "B/one"}},
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

func TestPagesHoldStillWhileSecretsComeAndGo(t *testing.T) {
	t.Parallel()
	for order, want := range map[types.SortOrderType][]string{
		"asc":  {"s0", "s1", "s2", "s4", "s5"},
		"desc": {"s4", "s3", "s1", "s0"},
	} {
		t.Run(string(order), func(t *testing.T) {
			t.Parallel()
			w := start(t)
			for i := range 5 {
				w.create(t, fmt.Sprintf("s%d", i), "one", "v")
			}
			in := &sdk.ListSecretsInput{SortOrder: order, MaxResults: aws.Int32(2)}
			first, err := w.ListSecrets(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			got := names(first.SecretList)
			// One secret of the page that was read goes away, so does one that is ahead;
			// and a new one comes.
			ahead := map[types.SortOrderType]string{"asc": "s3", "desc": "s2"}[order]
			for _, gone := range []string{got[1], ahead} {
				if _, err := w.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: &gone, ForceDeleteWithoutRecovery: aws.Bool(true)}); err != nil {
					t.Fatal(err)
				}
			}
			w.create(t, "s5", "one", "v")
			for in.NextToken = first.NextToken; in.NextToken != nil; {
				page, err := w.ListSecrets(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, names(page.SecretList)...)
				in.NextToken = page.NextToken
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
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
		"of another order":  {NextToken: page.NextToken, SortOrder: "desc"},
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
		"an unknown order":    {sdk.ListSecretsInput{SortOrder: "up"}, "ValidationException"},
		"an unknown key":      {sdk.ListSecretsInput{Filters: []types.Filter{{Key: "nam", Values: []string{"a"}}}}, "ValidationException"},
		"a key not simulated": {sdk.ListSecretsInput{Filters: []types.Filter{{Key: "all", Values: []string{"a"}}}}, "NotSimulated"},
		"no values":           {sdk.ListSecretsInput{Filters: []types.Filter{{Key: "name"}}}, "InvalidParameterException"},
		"11 filters":          {sdk.ListSecretsInput{Filters: make([]types.Filter, 11)}, "ValidationException"},
	} {
		_, err := w.ListSecrets(t.Context(), &test.in)
		wantCode(t, what, err, test.want)
	}
}

func TestBatchGet(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, "a", "one", "value of a")
	w.create(t, "b", "one", "value of b")
	w.create(t, "gone", "one", "v")
	if _, err := w.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: aws.String("gone")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("empty")}); err != nil {
		t.Fatal(err)
	}
	out, err := w.BatchGetSecretValue(t.Context(), &sdk.BatchGetSecretValueInput{SecretIdList: []string{"b", "gone", "a", "none", "empty"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, value := range out.SecretValues {
		got = append(got, *value.Name+": "+*value.SecretString)
	}
	for _, refusal := range out.Errors {
		got = append(got, *refusal.SecretId+": "+*refusal.ErrorCode)
	}
	want := []string{
		"b: value of b", "a: value of a",
		"gone: InvalidRequestException", "none: ResourceNotFoundException", "empty: ResourceNotFoundException",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("batch (-want +got):\n%s", diff)
	}
}

func TestBatchGetLimits(t *testing.T) {
	t.Parallel()
	w := start(t)
	ids := make([]string, 21)
	for i := range ids {
		ids[i] = fmt.Sprintf("s%d", i)
	}
	byName := []types.Filter{{Key: "name", Values: []string{"s"}}}
	for what, test := range map[string]struct {
		in   sdk.BatchGetSecretValueInput
		want string
	}{
		"20":                     {sdk.BatchGetSecretValueInput{SecretIdList: ids[:20]}, ""},
		"21":                     {sdk.BatchGetSecretValueInput{SecretIdList: ids}, "ValidationException"},
		"neither":                {sdk.BatchGetSecretValueInput{}, "InvalidParameterException"},
		"both":                   {sdk.BatchGetSecretValueInput{SecretIdList: ids[:1], Filters: byName}, "InvalidParameterException"},
		"a page size for a list": {sdk.BatchGetSecretValueInput{SecretIdList: ids[:1], MaxResults: aws.Int32(5)}, "InvalidParameterException"},
		"a page of 21":           {sdk.BatchGetSecretValueInput{Filters: byName, MaxResults: aws.Int32(21)}, "ValidationException"},
	} {
		_, err := w.BatchGetSecretValue(t.Context(), &test.in)
		wantCode(t, what, err, test.want)
	}
}

// TestTenThousandSecretsAreListedInSixHundredCalls is the enumeration that the
// product does: 100 pages of 100, then 500 batches of 20.
func TestTenThousandSecretsAreListedInSixHundredCalls(t *testing.T) {
	t.Parallel()
	w := start(t)
	const total = 10_000
	for i := range total {
		if err := w.cloud.Secrets.Add(fmt.Sprintf("app/%05d", i), "v", map[string]string{"app": "red"}); err != nil {
			t.Fatal(err)
		}
	}
	byName := []types.Filter{{Key: "name", Values: []string{"app/"}}}
	list := sdk.NewListSecretsPaginator(w, &sdk.ListSecretsInput{Filters: byName})
	listed := 0
	for list.HasMorePages() {
		page, err := list.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		listed += len(page.SecretList)
	}
	batch := sdk.NewBatchGetSecretValuePaginator(w, &sdk.BatchGetSecretValueInput{Filters: byName})
	read := 0
	for batch.HasMorePages() {
		page, err := batch.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read += len(page.SecretValues)
	}
	got := []int{listed, read, w.cloud.Faults.Count(fault.Target("ListSecrets")), w.cloud.Faults.Count(fault.Target("BatchGetSecretValue"))}
	if diff := cmp.Diff([]int{total, total, 100, 500}, got); diff != "" {
		t.Errorf("listed, read, calls (-want +got):\n%s", diff)
	}
}
