package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
)

func (w *world) log(t *testing.T, text string) {
	t.Helper()
	if _, err := w.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("log"), Item: item(t, text)}); err != nil {
		t.Fatal(err)
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, at := range []string{"10", "9", "-1", "2.5"} {
		w.log(t, fmt.Sprintf(`{"run":"a","nr":%s,"big":%v,"word":"x"}`, at, at == "10"))
	}
	w.log(t, `{"run":"b","nr":1}`)
	query := func(condition, values string) sdk.QueryInput {
		return sdk.QueryInput{KeyConditionExpression: &condition, ExpressionAttributeValues: item(t, values)}
	}
	backwards := query("run = :r", `{":r":"a"}`)
	backwards.ScanIndexForward = aws.Bool(false)
	filtered := query("run = :r", `{":r":"a",":yes":true}`)
	filtered.FilterExpression = aws.String("big = :yes")
	for what, test := range map[string]struct {
		in   sdk.QueryInput
		want string
	}{
		"in order of numbers": {query("run = :r", `{":r":"a"}`), "-1 2.5 9 10"},
		"backwards":           {backwards, "10 9 2.5 -1"},
		"filtered":            {filtered, "10"},
		"from":                {query("run = :r AND nr >= :n", `{":r":"a",":n":9}`), "9 10"},
		"the sort key first":  {query("nr < :n AND run = :r", `{":r":"a",":n":9}`), "-1 2.5"},
		"one":                 {query("run = :r AND nr = :n", `{":r":"a",":n":9}`), "9"},
		"another partition":   {query("run = :r", `{":r":"b"}`), "1"},
		"no partition":        {query("run = :r", `{":r":"c"}`), ""},
	} {
		for _, limit := range []int32{0, 1, 2, 4} {
			in := test.in
			in.TableName = aws.String("log")
			if limit > 0 {
				in.Limit = &limit
			}
			var got []string
			pages := sdk.NewQueryPaginator(w, &in)
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if limit > 0 && page.ScannedCount > limit || int(page.Count) != len(page.Items) {
					t.Errorf("%s: %d items, count %d, scanned %d of %d", what, len(page.Items), page.Count, page.ScannedCount, limit)
				}
				for _, found := range page.Items {
					got = append(got, fmt.Sprint(fromMap(found)["nr"]))
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("%s, %d a page: %v, want %s", what, limit, got, test.want)
			}
		}
	}
}

func TestAPageEndsByItsSize(t *testing.T) {
	t.Parallel()
	w := start(t)
	for i := range 4 {
		w.log(t, fmt.Sprintf(`{"run":"a","nr":%d,"x":"%s"}`, i, strings.Repeat("x", 390<<10)))
	}
	out, err := w.Query(t.Context(), &sdk.QueryInput{
		TableName: aws.String("log"), KeyConditionExpression: aws.String("run = :r"), ExpressionAttributeValues: item(t, `{":r":"a"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{3, `{"nr":2,"run":"a"}`}, []any{len(out.Items), short(out.LastEvaluatedKey)}); diff != "" {
		t.Errorf("items and last key (-want +got):\n%s", diff)
	}
}

func TestInvalidQueriesAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	const values = `{":r":"a",":n":1}`
	for condition, want := range map[string]string{
		"nr = :n":                           "invalid: Invalid KeyConditionExpression: Query condition missed key schema element: run",
		"run = :r OR nr = :n":               "invalid: Invalid KeyConditionExpression: Query key condition not supported",
		"run > :r AND nr = :n":              "invalid: Invalid KeyConditionExpression: Query key condition not supported",
		"run = :r AND nr <> :n":             "invalid: Invalid KeyConditionExpression: Query key condition not supported",
		"run = :r AND extra = :n":           "invalid: Invalid KeyConditionExpression: Query key condition not supported",
		"run = :r AND nr = :n AND nr > :n":  "invalid: Invalid KeyConditionExpression: Query key condition not supported",
		"run = :n AND nr = :r":              "invalid: One or more parameter values were invalid: Condition parameter type does not match schema type",
		"run = :r AND nr BETWEEN :n AND :n": "NotSimulated",
	} {
		_, err := w.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("log"), KeyConditionExpression: &condition, ExpressionAttributeValues: item(t, values)})
		wantCode(t, condition, err, want)
	}
	_, err := w.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("log")})
	wantCode(t, "no condition", err, "invalid: Either the KeyConditions or KeyConditionExpression parameter must be specified")
	for what, test := range map[string]struct{ filter, projection, want string }{
		"a filter that is not":     {"nr = ", "nr", "invalid: Invalid FilterExpression: Syntax error"},
		"a projection that is not": {"nr = :r", "nr,", "invalid: Invalid ProjectionExpression: Syntax error"},
	} {
		_, err := w.Query(t.Context(), &sdk.QueryInput{
			TableName: aws.String("log"), KeyConditionExpression: aws.String("run = :r"), ExpressionAttributeValues: item(t, `{":r":"a"}`),
			FilterExpression: &test.filter, ProjectionExpression: &test.projection,
		})
		wantCode(t, what, err, test.want)
	}
	_, err = w.Query(t.Context(), &sdk.QueryInput{
		TableName: aws.String("log"), KeyConditionExpression: aws.String("run = :r"), ExpressionAttributeValues: item(t, `{":r":"a"}`),
		ExclusiveStartKey: item(t, `{"run":"a"}`),
	})
	wantCode(t, "half a start key", err, "invalid: The provided starting key is invalid")
}
