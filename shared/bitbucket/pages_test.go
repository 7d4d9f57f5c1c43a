package bitbucket_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/transport"
)

const valuesPage = "GET /2.0/addon/linkers/jira/values?pagelen=100"

func TestListsAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		steps []step
		want  []bitbucket.LinkerValue
	}{
		"empty envelope": {[]step{{request: valuesPage, answer: `{"values":[]}`}}, nil},
		"empty list":     {[]step{{request: valuesPage, answer: ` [] `}}, nil},
		"bare list":      {[]step{{request: valuesPage, answer: "\n[\"BB\",\"OPS\"]"}}, []bitbucket.LinkerValue{{Value: "BB"}, {Value: "OPS"}}},
		"strings and objects mixed": {
			[]step{{request: valuesPage, answer: `{"values":["BB",{"id":2,"name":"OPS"}]}`}},
			[]bitbucket.LinkerValue{{Value: "BB"}, {ID: 2, Value: "OPS"}},
		},
		"pages with an opaque, escaped next": {[]step{
			{request: valuesPage, answer: `{"values":["A"],"next":"SERVER/2.0/addon/linkers/jira/values?ctx=a%2Fb%26c&pagelen=100"}`},
			{request: "GET /2.0/addon/linkers/jira/values?ctx=a%2Fb%26c&pagelen=100", answer: `{"values":["B"],"next":"/2.0/elsewhere/x%2Fy?page=3#fragment"}`},
			{request: "GET /2.0/elsewhere/x%2Fy?page=3", answer: `{"values":[],"next":"?page=4"}`},
			{request: "GET /2.0/elsewhere/x%2Fy?page=4", answer: `{"values":["C"]}`},
		}, []bitbucket.LinkerValue{{Value: "A"}, {Value: "B"}, {Value: "C"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, test.steps...)
			for i := range s.steps {
				s.steps[i].answer = strings.ReplaceAll(s.steps[i].answer, "SERVER", s.URL)
			}
			got, err := collect(newClient(t, s).LinkerValues(t.Context(), "jira"))
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%v, values (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAListThatEndsBeforeItsSizeIsNotTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	const second = "GET /2.0/addon/linkers/jira/values?page=2"
	tests := map[string]struct {
		steps []step
		want  error
	}{
		"one page, cut":              {[]step{{request: valuesPage, answer: `{"size":3,"values":["A","B"]}`}}, bitbucket.ErrIncomplete},
		"nothing of what is there":   {[]step{{request: valuesPage, answer: `{"size":3,"values":[]}`}}, bitbucket.ErrIncomplete},
		"a last page without a size": {[]step{{request: valuesPage, answer: `{"size":3,"values":["A","B"],"next":"?page=2"}`}, {request: second, answer: `{"values":[]}`}}, bitbucket.ErrIncomplete},
		"whole":                      {[]step{{request: valuesPage, answer: `{"size":2,"values":["A","B"]}`}}, nil},
		"more than it said":          {[]step{{request: valuesPage, answer: `{"size":1,"values":["A","B"]}`}}, nil},
		"a size that is no number":   {[]step{{request: valuesPage, answer: `{"size":"9","values":["A","B"]}`}}, nil},
		"no size":                    {[]step{{request: valuesPage, answer: `{"size":null,"values":["A","B"]}`}}, nil},
		"all pages count, not each":  {[]step{{request: valuesPage, answer: `{"size":3,"values":["A","B"],"next":"?page=2"}`}, {request: second, answer: `{"size":3,"values":["C"]}`}}, nil},
		// Somebody deleted a value meanwhile: what the list had at its end counts.
		"it shrank while it was read": {[]step{{request: valuesPage, answer: `{"size":4,"values":["A","B"],"next":"?page=2"}`}, {request: second, answer: `{"size":3,"values":["C"]}`}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := collect(newClient(t, newServer(t, test.steps...)).LinkerValues(t.Context(), "jira"))
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestNextIsNotFollowedToAnotherHost(t *testing.T) {
	t.Parallel()
	for _, next := range []string{
		"https://evil.example/2.0/x", "http://evil.example/2.0/x", "//evil.example/2.0/x", "https://SERVER/2.0/x", "http://user:pass@SERVER/2.0/x",
		"http://127.0.0.1.evil.example/2.0/x", "http://127.0.0.1:1/2.0/x", "javascript:alert(1)", "file:///etc/passwd",
	} {
		s := newServer(t)
		next = strings.ReplaceAll(next, "SERVER", strings.TrimPrefix(s.URL, "http://"))
		s.steps = []step{{request: valuesPage, answer: `{"values":["A"],"next":"` + next + `"}`}}
		got, err := collect(newClient(t, s).LinkerValues(t.Context(), "jira"))
		wantError(t, err, bitbucket.ErrForeignPage)
		// The error comes with its page, not after it: a caller that stops early never sees it.
		if len(got) != 0 || strings.Contains(err.Error(), "pass") {
			t.Errorf("%s: values %v, %v", next, got, err)
		}
	}
}

func TestListsWithoutAListAreNotTakenForEmptyOnes(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{
		`{}`: bitbucket.ErrUnknownShape, `{"values":null}`: bitbucket.ErrUnknownShape, `{"items":["BB"]}`: bitbucket.ErrUnknownShape,
		`{"values":{"BB":1}}`: bitbucket.ErrUnknownShape, `null`: bitbucket.ErrUnknownShape, `"BB"`: bitbucket.ErrUnknownShape,
		`{"values":[],"next":7}`: bitbucket.ErrUnknownShape, `{"values":[],"next":"http://[::1"}`: bitbucket.ErrUnknownShape,
		`{"values":[],"next":"?` + strings.Repeat("x", 8<<10) + `"}`: bitbucket.ErrUnknownShape,
		`{"values":[null]}`: bitbucket.ErrUnknownShape, `[{}]`: bitbucket.ErrUnknownShape,
		``: bitbucket.ErrNotJSON, `[`: bitbucket.ErrNotJSON, `<html></html>`: bitbucket.ErrNotJSON, `{"values":["BB"`: bitbucket.ErrNotJSON,
	} {
		s := newServer(t, step{request: valuesPage, answer: answer})
		got, err := collect(newClient(t, s).LinkerValues(t.Context(), "jira"))
		wantError(t, err, want)
		if len(got) != 0 || !strings.HasPrefix(err.Error(), "GET /2.0/addon/linkers/jira/values: ") {
			t.Errorf("%s: values %v, %v", answer, got, err)
		}
	}
}

// A body that ends too early, unnoticed by HTTP, must not pass for a shorter list:
// the missing values would be written again.
func TestABodyCutAnywhereIsNoShorterList(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"pagelen":100,"values":[{"id":1,"value":"A"},{"id":2,"value":"B"}],"next":"/2.0/p2"}`, `[{"id":1,"value":"A"},"B"]`,
	} {
		for cut := range len(body) {
			client := &bitbucket.Client{Sign: sign, HTTP: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body[:cut]))}, nil
			})}}
			got, err := collect(client.LinkerValues(t.Context(), "jira"))
			wantError(t, err, bitbucket.ErrNotJSON)
			if len(got) != 0 {
				t.Errorf("%s: values %v", body[:cut], got)
			}
		}
	}
}

func TestLinkersAreReadAsObjectsAndStrings(t *testing.T) {
	t.Parallel()
	const request = "GET /2.0/addon/linkers?pagelen=100"
	s := newServer(t, step{request: request, answer: `["a",{"key":"b"}]`})
	got, err := collect(newClient(t, s).Linkers(t.Context()))
	if diff := cmp.Diff([]bitbucket.Linker{{Key: "a"}, {Key: "b"}}, got); diff != "" || err != nil {
		t.Errorf("%v, linkers (-want +got):\n%s", err, diff)
	}
	for _, answer := range []string{`[{}]`, `[""]`, `[7]`, `[{"key":7}]`, `[null]`} {
		s := newServer(t, step{request: request, answer: answer})
		_, err := collect(newClient(t, s).Linkers(t.Context()))
		wantError(t, err, bitbucket.ErrUnknownShape)
	}
	s = newServer(t, step{request: "GET /2.0/addon/linkers/jira", answer: `{"regex":"x"}`})
	_, err = newClient(t, s).Linker(t.Context(), "jira")
	wantError(t, err, bitbucket.ErrUnknownShape)
	s = newServer(t, step{request: "GET /2.0/addon/linkers/jira", answer: `<html>`})
	_, err = newClient(t, s).Linker(t.Context(), "jira")
	wantError(t, err, bitbucket.ErrNotJSON)
}

func TestAnErrorOnALaterPageEndsTheList(t *testing.T) {
	t.Parallel()
	s := newServer(t,
		step{request: valuesPage, answer: `{"values":["A"],"next":"/2.0/p2","size":2}`},
		step{request: "GET /2.0/p2", status: 429, answer: "limit", header: http.Header{"Content-Type": {"text/plain"}}})
	got, err := collect(newClient(t, s).LinkerValues(t.Context(), "jira"))
	wantError(t, err, bitbucket.ErrRateLimited, bitbucket.ErrUnavailable, bitbucket.ErrNotJSON)
	if len(got) != 1 || errors.Is(err, bitbucket.ErrIncomplete) {
		t.Errorf("values %v, error %v; want those of the first page and the answer to the second", got, err)
	}
}

// A caller that stops must not cause more calls; newServer fails on any.
func TestPagesAreReadOnlyWhenTheyAreWanted(t *testing.T) {
	t.Parallel()
	s := newServer(t, step{request: valuesPage, answer: `{"values":["A","B"],"next":"/2.0/p2"}`})
	for value, err := range newClient(t, s).LinkerValues(t.Context(), "jira") {
		if err != nil || value.Value != "A" {
			t.Fatal(value, err)
		}
		break
	}
}

func TestAListCanBeReadAgain(t *testing.T) {
	t.Parallel()
	again := step{request: valuesPage, answer: `["A"]`}
	list := newClient(t, newServer(t, again, again)).LinkerValues(t.Context(), "jira")
	for range 2 {
		if got, err := collect(list); err != nil || len(got) != 1 {
			t.Errorf("values %v, %v", got, err)
		}
	}
}

func TestPagesThatNeverEndAreGivenUp(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		next  func(page int) string
		calls int
	}{
		"a page that leads to itself": {func(int) string { return "?page=1" }, 2},
		"a ring of three":             {func(page int) string { return "?page=" + strconv.Itoa(page%3) }, 4},
		"always another page":         {func(page int) string { return "?page=" + strconv.Itoa(page) }, 1200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls int
			client := &bitbucket.Client{Sign: sign, HTTP: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				calls++
				body := fmt.Sprintf(`{"values":["A"],"next":%q}`, test.next(calls))
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
			})}}
			_, err := collect(client.LinkerValues(t.Context(), "jira"))
			wantError(t, err, bitbucket.ErrUnknownShape)
			if calls != test.calls {
				t.Errorf("%d calls, want %d", calls, test.calls)
			}
		})
	}
}

func TestAPageIsBounded(t *testing.T) {
	t.Parallel()
	// A client that was made without package transport is bounded as well.
	body := &endless{}
	client := &bitbucket.Client{Sign: sign, HTTP: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body}, nil
	})}}
	_, err := collect(client.LinkerValues(t.Context(), "jira"))
	wantError(t, err, transport.ErrBodyTooLarge)
	if !body.closed {
		t.Error("the body was left open, and its connection with it")
	}
}

type endless struct{ closed bool }

func (*endless) Read(p []byte) (int, error) { return len(p), nil }

func (e *endless) Close() error { e.closed = true; return nil }

// TestALaterPageIsNoEvidenceOfARemoval: the endpoint has just answered.
func TestALaterPageIsNoEvidenceOfARemoval(t *testing.T) {
	t.Parallel()
	const noAPI = `{"type":"error","error":{"message":"Resource not found","detail":"There is no API hosted at this URL."}}`
	for name, test := range map[string]struct {
		next   string
		status int
	}{
		"& for ?":                  {"/2.0/addon/linkers/jira/values&page=2", 404},
		"another path":             {"/2.0/p2", 410},
		"a brownout in the middle": {"/2.0/addon/linkers/jira/values?page=2", 410},
	} {
		s := newServer(t, step{request: valuesPage, answer: `{"values":["A"],"next":"` + test.next + `"}`}, step{request: "GET " + test.next, status: test.status, answer: noAPI})
		_, err := collect(newClient(t, s).LinkerValues(t.Context(), "jira"))
		if !errors.Is(err, bitbucket.ErrIncomplete) || errors.Is(err, bitbucket.ErrEndpointRemoved) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
