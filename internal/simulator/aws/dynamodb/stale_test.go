package dynamodb_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// TestReadsThatAreNotConsistentAreLate: whoever forgets ConsistentRead must notice.
func TestReadsThatAreNotConsistentAreLate(t *testing.T) {
	t.Parallel()
	w := start(t)
	want := func(when, eventual, consistent string) {
		t.Helper()
		out, err := w.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("runs"), Key: item(t, `{"id":"a"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got := short(out.Item); got != eventual {
			t.Errorf("%s an eventually consistent read finds %s, want %s", when, got, eventual)
		}
		w.wantItem(t, "a", consistent)
	}
	one, two := `{"id":"a","n":1}`, `{"id":"a","n":2}`
	w.put(t, one)
	want("after the first write", "", one)
	w.now = w.now.Add(time.Second)
	want("a second later", one, one)
	w.put(t, two)
	want("after the second write", one, two)
	w.now = w.now.Add(time.Second - 1)
	want("shortly before a second later", one, two)
	if _, err := w.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("runs"), Key: item(t, `{"id":"a"}`)}); err != nil {
		t.Fatal(err)
	}
	want("after the removal", two, "")
	w.now = w.now.Add(time.Second)
	want("in the end", "", "")
}
