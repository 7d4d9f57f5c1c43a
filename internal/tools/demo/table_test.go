package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableOfWhatChanged(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := table(&out, strings.NewReader(`{"installation":{"name":"acme"},"linkers":[
		{"linker":"issues","added":["A","B","C","D","E"],"removed":["OLD"],"kept":7}]}
		{"connections":[{"name":"ci","action":"create"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `WHERE      WHAT        NAME    ADDED             REMOVED  STAYS
acme       linker      issues  5: A, B, C, D, …  1: OLD   7
Infisical  connection  ci      create                     
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if err := table(&out, strings.NewReader(`{"linkers":`)); err == nil {
		t.Error("half a document was taken")
	}
}
