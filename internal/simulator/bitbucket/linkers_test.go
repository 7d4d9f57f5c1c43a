package bitbucket_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
)

func TestLinkersAreThoseOfTheDescriptor(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	var got struct{ Values []struct{ Key, Regex string } }
	r.get("/2.0/addon/linkers").decode(t, &got)
	want := []struct{ Key, Regex string }{{"issues", `((?K)\-\d+)`}, {"docs", `((?K)\-\d+)`}}
	if diff := cmp.Diff(want, got.Values); diff != "" {
		t.Error(diff)
	}
	var one struct{ Key string }
	r.get("/2.0/addon/linkers/docs").decode(t, &one)
	if one.Key != "docs" {
		t.Errorf("got linker %q", one.Key)
	}
}

func TestUnknownThingsAreNotFound(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	for _, test := range []struct{ method, path, body, message string }{
		{"GET", "/2.0/addon/linkers/nope", "", "The linker does not exist."},
		{"GET", "/2.0/addon/linkers/nope/values", "", "The linker does not exist."},
		{"POST", "/2.0/addon/linkers/nope/values", `{"value":"BB"}`, "The linker does not exist."},
		{"PUT", "/2.0/addon/linkers/nope/values", `["BB"]`, "The linker does not exist."},
		{"DELETE", "/2.0/addon/linkers/nope/values", "", "The linker does not exist."},
		{"GET", "/2.0/addon/linkers/nope/values/1", "", "The linker does not exist."},
		{"GET", valuesURL + "/1", "", "The linker value does not exist."},
		{"DELETE", valuesURL + "/1", "", "The linker value does not exist."},
		{"GET", valuesURL + "/BB", "", "Resource not found"},
		{"GET", valuesURL + "/-1", "", "Resource not found"},
		{"GET", valuesURL + "/99999999999999999999", "", "Resource not found"},
		{"GET", valuesURL + "/", "", "Resource not found"},
		{"GET", "/2.0/addon/linkers/issues/other", "", "Resource not found"},
		{"GET", "/2.0/addon/other", "", "Resource not found"},
		{"GET", "/2.0/addon/linkers/issues/values/1/2", "", "Resource not found"},
		{"GET", "/1.0/addon/linkers", "", "Resource not found"},
		{"GET", "/2.0/repositories", "", "Resource not found"},
	} {
		var got envelope
		r.want(http.StatusNotFound, request{method: test.method, path: test.path, body: test.body}).decode(t, &got)
		if got.Error.Message != test.message {
			t.Errorf("%s %s: message %q, want %q", test.method, test.path, got.Error.Message, test.message)
		}
	}
}

func TestUnsupportedMethodsAreNamed(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	for _, test := range []struct{ method, path, allow string }{
		{"PUT", valuesURL + "/1", "GET, DELETE"},
		{"POST", "/2.0/addon/linkers", "GET"},
		{"PATCH", valuesURL, "GET, POST, PUT, DELETE"},
		{"GET", "/2.0/addon", "PUT, DELETE"},
		{"POST", "/2.0/user", "GET"},
		{"GET", "/site/oauth2/access_token", "POST"},
	} {
		got := r.want(http.StatusMethodNotAllowed, request{method: test.method, path: test.path})
		if got.header.Get("Allow") != test.allow {
			t.Errorf("%s %s: Allow %q, want %q", test.method, test.path, got.header.Get("Allow"), test.allow)
		}
	}
}

func TestValueLivesFromPostToDelete(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	var made, read item
	r.post(valuesURL, `{"value":"BB"}`).decode(t, &made)
	if made.Value != "BB" || made.ID <= 0 {
		t.Fatalf("created %+v", made)
	}
	one := fmt.Sprintf("%s/%d", valuesURL, made.ID)
	r.get(one).decode(t, &read)
	if diff := cmp.Diff(made, read); diff != "" {
		t.Error(diff)
	}
	var got envelope
	conflict := r.want(http.StatusConflict, request{method: "POST", path: valuesURL, body: `{"value":"BB"}`})
	conflict.decode(t, &got)
	if strings.Contains(conflict.body, "detail") {
		t.Errorf("body %s has a detail that was not given", conflict.body)
	}
	if want := "The linker already has the value being added."; got.Error.Message != want {
		t.Errorf("message %q, want %q", got.Error.Message, want)
	}
	if deleted := r.want(http.StatusNoContent, request{method: "DELETE", path: one}); deleted.body != "" {
		t.Errorf("204 with the body %q", deleted.body)
	}
	r.want(http.StatusNotFound, request{method: "DELETE", path: one})

	var again item
	r.post(valuesURL, `{"value":"BB"}`).decode(t, &again)
	if again.ID == made.ID {
		t.Errorf("the id %d of a deleted value was used again", made.ID)
	}
}

func TestIDsAreUniqueAcrossLinkersAndInstallations(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	var first, second item
	r.post(valuesURL, `{"value":"BB"}`).decode(t, &first)
	r.post("/2.0/addon/linkers/docs/values", `{"value":"BB"}`).decode(t, &second)
	if first.ID == second.ID {
		t.Errorf("both linkers have the id %d", first.ID)
	}
	r.want(http.StatusNotFound, request{method: "DELETE", path: fmt.Sprintf("%s/%d", valuesURL, second.ID)})
}

func TestValuesMustMatchThePattern(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	r.put(valuesURL, `["KEPT"]`)
	for _, value := range []string{"", " ", "A B", "A.B", "A/B", "Ä", "A\\n", "A\\u0000"} {
		r.want(http.StatusBadRequest, request{method: "POST", path: valuesURL, body: `{"value":"` + value + `"}`})
		r.want(http.StatusBadRequest, request{method: "PUT", path: valuesURL, body: `["OK","` + value + `"]`})
	}
	r.post(valuesURL, `{"value":"-azAZ09_"}`)
	if diff := cmp.Diff([]string{"KEPT", "-azAZ09_"}, r.values()); diff != "" {
		t.Error(diff)
	}
}

func TestBulkPutReplaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	r.put(valuesURL, `["A","B","C"]`)
	var before, after list
	r.get(valuesURL).decode(t, &before)
	r.put(valuesURL, `["D","C"]`)
	r.get(valuesURL).decode(t, &after)
	want := []item{before.Values[2], {ID: before.Values[2].ID + 1, Value: "D"}}
	if diff := cmp.Diff(want, after.Values); diff != "" {
		t.Error(diff)
	}
	r.put(valuesURL, `[]`)
	if got := r.values(); len(got) != 0 {
		t.Errorf("values are %v after an empty PUT", got)
	}
}

func TestBulkPutMergesBySwitch(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{Put: bitbucket.PutMerge})
	r.put(valuesURL, `["A","B"]`)
	r.put(valuesURL, `["C","B"]`)
	if diff := cmp.Diff([]string{"A", "B", "C"}, r.values()); diff != "" {
		t.Error(diff)
	}
	r.sim.Configure(func(s *bitbucket.Switches) { s.Put = bitbucket.PutReplace })
	r.put(valuesURL, `["C"]`)
	if diff := cmp.Diff([]string{"C"}, r.values()); diff != "" {
		t.Error(diff)
	}
}

func TestBulkPutIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []bitbucket.PutMode{bitbucket.PutReplace, bitbucket.PutMerge} {
		r := newRig(t, bitbucket.Switches{Put: mode})
		r.put(valuesURL, `["A"]`)
		r.want(http.StatusBadRequest, request{method: "PUT", path: valuesURL, body: `["B","B"]`})
		r.want(http.StatusBadRequest, request{method: "PUT", path: valuesURL, body: `["B","!"]`})
		if diff := cmp.Diff([]string{"A"}, r.values()); diff != "" {
			t.Errorf("mode %d: %s", mode, diff)
		}
	}
}

func TestDeleteValuesEmptiesOneLinker(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	r.put(valuesURL, `["A"]`)
	r.put("/2.0/addon/linkers/docs/values", `["A"]`)
	var before, after list
	r.get(valuesURL).decode(t, &before)
	r.want(http.StatusNoContent, request{method: "DELETE", path: valuesURL})
	in, _ := r.sim.Installation(clientKey)
	if len(in.Values["issues"]) != 0 || len(in.Values["docs"]) != 1 {
		t.Errorf("values are %v, want those of docs only", in.Values)
	}
	r.put(valuesURL, `["A"]`)
	if r.get(valuesURL).decode(t, &after); after.Values[0].ID == before.Values[0].ID {
		t.Errorf("the id %d of a deleted value was used again", before.Values[0].ID)
	}
}

func TestBodiesMustBeJSON(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	for name, q := range map[string]request{
		"no body":              {contentType: "application/json"},
		"not JSON":             {body: `{"value":`},
		"two documents":        {body: `{"value":"A"}{"value":"B"}`},
		"wrong type":           {body: `{"value":"A"}`, contentType: "text/plain"},
		"no type":              {body: `{"value":"A"}`, header: http.Header{"Content-Type": nil}},
		"a form":               {body: `value=A`, contentType: "application/x-www-form-urlencoded"},
		"value is a number":    {body: `{"value":7}`},
		"value is null":        {body: `{"value":null}`},
		"value is missing":     {body: `{}`},
		"an unknown field too": {body: `{"value":"A","key":"A"}`},
		"the field twice":      {body: `{"value":"A","value":"B"}`},
		"the field in capital": {body: `{"Value":"A"}`},
		"a list":               {body: `["A"]`},
	} {
		q.method, q.path = "POST", valuesURL
		if got := r.do(q); got.status != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", name, got.status)
		}
	}
	huge := `{"value":"` + strings.Repeat("A", 1<<20) + `"}`
	r.want(http.StatusRequestEntityTooLarge, request{method: "POST", path: valuesURL, body: huge})
	if got := r.values(); len(got) != 0 {
		t.Errorf("a refused body left the values %v", got)
	}
}
