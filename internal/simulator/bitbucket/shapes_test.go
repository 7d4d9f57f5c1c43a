package bitbucket_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
)

func TestItemShapeDecidesAnswersAndBodies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shape      bitbucket.ItemShape
		body, want string
		refused    []string
	}{
		"value":  {bitbucket.ItemValue, `{"value":"A"}`, `{"id":1000001,"value":"A"}`, []string{`{"key":"B"}`, `{"name":"B"}`, `"B"`}},
		"key":    {bitbucket.ItemKey, `{"key":"A"}`, `{"id":1000001,"key":"A"}`, []string{`{"value":"B"}`, `"B"`}},
		"name":   {bitbucket.ItemName, `{"name":"A"}`, `{"id":1000001,"name":"A"}`, []string{`{"value":"B"}`}},
		"string": {bitbucket.ItemString, `"A"`, `"A"`, []string{`{"value":"B"}`, `null`, `["B"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bitbucket.Switches{Item: test.shape})
			if got := r.post(valuesURL, test.body); got.body != test.want {
				t.Errorf("created %s, want %s", got.body, test.want)
			}
			var got struct{ Values []json.RawMessage }
			r.get(valuesURL).decode(t, &got)
			if len(got.Values) != 1 || string(got.Values[0]) != test.want {
				t.Errorf("listed %s, want %s", got.Values, test.want)
			}
			if got := r.get(valuesURL + "/1000001"); got.body != test.want {
				t.Errorf("read %s, want %s", got.body, test.want)
			}
			for _, body := range test.refused {
				r.want(http.StatusBadRequest, request{method: "POST", path: valuesURL, body: body})
			}
		})
	}
}

func TestBulkShapeIsTheOnlyBodyAccepted(t *testing.T) {
	t.Parallel()
	bodies := map[bitbucket.BulkShape]string{
		bitbucket.BulkStrings:        `["A","B"]`,
		bitbucket.BulkObjects:        `[{"value":"A"},{"value":"B"}]`,
		bitbucket.BulkWrappedStrings: `{"values":["A","B"]}`,
		bitbucket.BulkWrappedObjects: `{"values":[{"value":"A"},{"value":"B"}]}`,
	}
	for shape := range bodies {
		t.Run(fmt.Sprint(shape), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bitbucket.Switches{Bulk: shape})
			for other, body := range bodies {
				if other != shape {
					r.want(http.StatusBadRequest, request{method: "PUT", path: valuesURL, body: body})
				}
			}
			for _, body := range []string{`null`, `{}`, `{"values":null}`, `"A"`, `[null]`, `[["A"]]`} {
				r.want(http.StatusBadRequest, request{method: "PUT", path: valuesURL, body: body})
			}
			if got := r.values(); len(got) != 0 {
				t.Errorf("refused bodies left the values %v", got)
			}
			r.put(valuesURL, bodies[shape])
			if diff := cmp.Diff([]string{"A", "B"}, r.values()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// fill gives the linker "issues" n values V0, V1, …
func fill(r *rig, n int) []string {
	r.t.Helper()
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("V%d", i)
	}
	body, err := json.Marshal(values)
	if err != nil {
		r.t.Fatal(err)
	}
	r.put(valuesURL, string(body))
	return values
}

func TestListIsPaged(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	want := fill(r, 25)
	var got []string
	path, pages := valuesURL, 0
	for path != "" {
		var page list
		r.get(path).decode(t, &page)
		pages++
		if *page.Size != 25 || *page.Page != pages || *page.PageLen != 10 {
			t.Errorf("page %d says size %d, page %d, pagelen %d", pages, *page.Size, *page.Page, *page.PageLen)
		}
		if hasPrevious := page.Previous != ""; hasPrevious != (pages > 1) {
			t.Errorf("page %d has the previous link %q", pages, page.Previous)
		}
		for _, item := range page.Values {
			got = append(got, item.Value)
		}
		if page.Next != "" && !strings.HasPrefix(page.Next, r.url+valuesURL+"?") {
			t.Fatalf("next link %q is not absolute", page.Next)
		}
		path = strings.TrimPrefix(page.Next, r.url)
	}
	if pages != 3 {
		t.Errorf("%d pages, want 3", pages)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNextLinkKeepsTheEscapedPath(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	r.seed(bitbucket.State{
		Apps: []bitbucket.App{{Key: appKey, Descriptor: bitbucket.Descriptor(appKey, baseURL, "a/b")}},
		Installations: []bitbucket.Installation{{
			AppKey: appKey, SharedSecret: secret, Principal: bitbucket.Principal{UUID: uuid},
			Values: map[string][]string{"a/b": {"A", "B"}},
		}},
	})
	var page list
	r.get("/2.0/addon/linkers/a%2Fb/values?pagelen=1").decode(t, &page)
	if want := r.url + "/2.0/addon/linkers/a%2Fb/values?page=2&pagelen=1"; page.Next != want {
		t.Fatalf("next link %q, want %q", page.Next, want)
	}
	r.get(strings.TrimPrefix(page.Next, r.url))
}

func TestNextLinkMustBeSignedAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	fill(r, 11)
	var page list
	r.get(valuesURL).decode(t, &page)
	next, err := url.Parse(page.Next)
	if err != nil {
		t.Fatal(err)
	}
	old := "JWT " + r.token(request{method: "GET", path: valuesURL})
	r.want(http.StatusUnauthorized, request{method: "GET", path: next.RequestURI(), authorization: old})
	r.get(next.RequestURI())
}

func TestPageParametersHaveLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	fill(r, 101)
	for query, want := range map[string]int{"pagelen=100": 100, "pagelen=100&page=2": 1, "page=9": 10, "page=99": 0, "page=": 10} {
		var page list
		r.get(valuesURL+"?"+query).decode(t, &page)
		if page.Values == nil || len(page.Values) != want {
			t.Errorf("%s: %d values, want %d", query, len(page.Values), want)
		}
	}
	for _, query := range []string{"pagelen=101", "pagelen=0", "pagelen=x", "page=0", "page=-1", "page=x", "page=9999999"} {
		r.want(http.StatusBadRequest, request{method: "GET", path: valuesURL + "?" + query})
	}
}

func TestMinimalListHasOnlyWhatIsGuaranteed(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{List: bitbucket.ListMinimal})
	fill(r, 11)
	for path, want := range map[string][]string{valuesURL: {"next", "values"}, valuesURL + "?page=2": {"values"}} {
		var got map[string]json.RawMessage
		r.get(path).decode(t, &got)
		for _, field := range want {
			if got[field] == nil {
				t.Errorf("%s: field %q is missing", path, field)
			}
			delete(got, field)
		}
		if len(got) > 0 {
			t.Errorf("%s: fields %v are too many", path, got)
		}
	}
}

func TestBareListHasEverythingAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{List: bitbucket.ListBare})
	want := fill(r, 150)
	var items []item
	r.get(valuesURL).decode(t, &items)
	var got []string
	for _, item := range items {
		got = append(got, item.Value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var linkers []struct{ Key string }
	r.get("/2.0/addon/linkers").decode(t, &linkers)
	if len(linkers) != 2 {
		t.Errorf("%d linkers, want 2", len(linkers))
	}
}
