package bitbucket_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/bitbucket"
)

// oneShape is a Bitbucket that takes bodies of one shape and answers any other
// with 400. It notes every body it gets.
type oneShape struct {
	item, create, bulk string
	status             int // of a create that is understood
	mu                 sync.Mutex
	bodies             []string
}

func (s *oneShape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, `{"values":[`+s.item+`]}`)
		return
	}
	s.bodies = append(s.bodies, string(body))
	switch {
	case r.Method == http.MethodPost && string(body) == s.create:
		w.WriteHeader(s.status)
	case r.Method == http.MethodPut && string(body) == s.bulk:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, message(fmt.Sprintf("Invalid body %d.", len(s.bodies))))
	}
}

func (s *oneShape) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	bodies := s.bodies
	s.bodies = nil
	return bodies
}

func (s *oneShape) client(t *testing.T, codec *bitbucket.Codec) *bitbucket.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return &bitbucket.Client{BaseURL: server.URL, HTTP: server.Client(), Sign: sign, Codec: codec}
}

func TestCodecFindsTheShapeAndRemembersIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		item         string // what reading shows first; nothing when empty
		create, bulk string
		// tries is how many writes it takes to find out, for each body.
		createTries, bulkTries int
	}{
		"likeliest, nothing read":         {"", `{"value":"BB"}`, `["BB"]`, 1, 1},
		"objects all over":                {`{"id":1,"value":"X"}`, `{"value":"BB"}`, `[{"value":"BB"}]`, 1, 2},
		"strings in an envelope":          {"", `{"value":"BB"}`, `{"values":["BB"]}`, 1, 3},
		"objects in an envelope":          {"", `{"value":"BB"}`, `{"values":[{"value":"BB"}]}`, 1, 4},
		"key, nothing read":               {"", `{"key":"BB"}`, `[{"key":"BB"}]`, 2, 5},
		"key, learned from reading":       {`{"id":1,"key":"X"}`, `{"key":"BB"}`, `[{"key":"BB"}]`, 1, 2},
		"name, learned from reading":      {`{"id":1,"name":"X"}`, `{"name":"BB"}`, `{"values":[{"name":"BB"}]}`, 1, 4},
		"name, in the last shape":         {"", `{"name":"BB"}`, `{"values":[{"name":"BB"}]}`, 3, 8},
		"a name that was not foreseen":    {`{"id":1,"type":"linker_value","token":"X"}`, `{"token":"BB"}`, `[{"token":"BB"}]`, 1, 2},
		"strings, nothing read":           {"", `"BB"`, `["BB"]`, 4, 1},
		"strings, learned":                {`"X"`, `"BB"`, `["BB"]`, 1, 1},
		"the field seen last counts":      {`"X",{"id":1,"value":"Y"}`, `{"value":"BB"}`, `[{"value":"BB"}]`, 1, 2},
		"seen, but written otherwise":     {`{"id":1,"key":"X"}`, `{"name":"BB"}`, `{"values":[{"name":"BB"}]}`, 3, 8},
		"read as one, written as another": {`"X"`, `{"key":"BB"}`, `["BB"]`, 3, 1},
	}
	for name, test := range tests {
		for _, status := range []int{http.StatusCreated, http.StatusConflict} {
			t.Run(name+" "+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				api := &oneShape{item: test.item, create: test.create, bulk: test.bulk, status: status}
				client := api.client(t, nil)
				if test.item != "" {
					values, err := collect(client.LinkerValues(t.Context(), "jira"))
					if err != nil || values[0].Value != "X" {
						t.Fatalf("LinkerValues = %v, %v", values, err)
					}
				}
				create := func() error {
					_, err := client.CreateLinkerValue(t.Context(), "jira", "BB")
					if status == http.StatusConflict {
						wantError(t, err, bitbucket.ErrExists)
						return nil // which accepts the body
					}
					return err
				}
				update := func() error { return client.UpdateLinkerValues(t.Context(), "jira", []string{"BB"}) }
				for what, write := range map[string]struct {
					do    func() error
					tries int
				}{"create": {create, test.createTries}, "bulk": {update, test.bulkTries}} {
					for _, want := range []int{write.tries, 1} { // the second time it knows
						if err := write.do(); err != nil {
							t.Fatalf("%s: %v", what, err)
						}
						if bodies := api.received(); len(bodies) != want {
							t.Errorf("%s took %d writes, want %d: %q", what, len(bodies), want, bodies)
						}
					}
				}
			})
		}
	}
}

func TestCodecGivesUpWhenNothingIsAccepted(t *testing.T) {
	t.Parallel()
	api := &oneShape{create: "-", bulk: "-"}
	client := api.client(t, nil)

	_, err := client.CreateLinkerValue(t.Context(), "jira", "BB")
	wantError(t, err, bitbucket.ErrInvalid)
	if !strings.Contains(err.Error(), "none of 4 shapes") || !strings.Contains(err.Error(), "Invalid body 1.") {
		t.Errorf("error = %v, want the answer to the likeliest of 4 shapes", err)
	}
	if diff := cmp.Diff([]string{`{"value":"BB"}`, `{"key":"BB"}`, `{"name":"BB"}`, `"BB"`}, api.received()); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	wantError(t, client.UpdateLinkerValues(t.Context(), "jira", nil), bitbucket.ErrInvalid)
	bodies := api.received()
	if len(bodies) != 8 || len(slices.Compact(slices.Sorted(slices.Values(bodies)))) != 2 {
		// Without values all of them are [] or {"values":[]}, and none is null.
		t.Errorf("bodies %q", bodies)
	}
}

// Once a shape was accepted, a 400 is about the values: trying other shapes would
// only cost calls.
func TestCodecBlamesTheValuesOnceItIsCertain(t *testing.T) {
	t.Parallel()
	api := &oneShape{create: `{"value":"BB"}`, bulk: `["BB"]`, status: http.StatusCreated}
	codec := &bitbucket.Codec{}
	if _, err := api.client(t, codec).CreateLinkerValue(t.Context(), "jira", "BB"); err != nil {
		t.Fatal(err)
	}
	api.received()
	// Another client, that is another installation, with the same codec.
	_, err := api.client(t, codec).CreateLinkerValue(t.Context(), "jira", "b b")
	wantError(t, err, bitbucket.ErrInvalid)
	if bodies := api.received(); len(bodies) != 1 || strings.Contains(err.Error(), "shapes") {
		t.Errorf("bodies %q, error %v; want one, and its answer", bodies, err)
	}
}

func TestCodecDoesNotTryOnAfterOtherErrors(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{401: bitbucket.ErrUnauthorized, 404: bitbucket.ErrNotFound, 410: bitbucket.ErrEndpointRemoved, 429: bitbucket.ErrRateLimited} {
		s := newServer(t, step{request: "PUT /2.0/addon/linkers/jira/values", body: `["BB"]`, status: status, answer: message("The linker")})
		err := newClient(t, s).UpdateLinkerValues(t.Context(), "jira", []string{"BB"})
		if !errors.Is(err, want) {
			t.Errorf("%d: error = %v, want %v", status, err, want)
		}
	}
}

func TestCodecThatIsPinnedNeitherLearnsNorTries(t *testing.T) {
	t.Parallel()
	codec, err := bitbucket.Pinned(`{"linker_value": "x"}`, `{"linker_values": [{"linker_value": "x"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	api := &oneShape{
		item:   `{"id":3,"name":"the workspace's","linker_value":"BB"}`,
		create: `{"linker_value":"BB"}`, bulk: `{"linker_values":[{"linker_value":"BB"}]}`, status: http.StatusCreated,
	}
	client := api.client(t, codec)
	values, err := collect(client.LinkerValues(t.Context(), "jira"))
	if diff := cmp.Diff([]bitbucket.LinkerValue{{ID: 3, Value: "BB"}}, values); diff != "" || err != nil {
		t.Errorf("values (-want +got):\n%s%v", diff, err)
	}
	if _, err := client.CreateLinkerValue(t.Context(), "jira", "BB"); err != nil {
		t.Error(err)
	}
	if err := client.UpdateLinkerValues(t.Context(), "jira", []string{"BB"}); err != nil {
		t.Error(err)
	}
	api.received()
	_, err = client.CreateLinkerValue(t.Context(), "jira", "OPS")
	wantError(t, err, bitbucket.ErrInvalid)
	if diff := cmp.Diff([]string{`{"linker_value":"OPS"}`}, api.received()); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
}

func TestPinned(t *testing.T) {
	t.Parallel()
	tests := []struct {
		create, bulk string
		want         *bitbucket.Shape
	}{
		{`"BB"`, `["BB","OPS"]`, &bitbucket.Shape{}},
		{`{"value":"BB"}`, `["BB"]`, &bitbucket.Shape{Create: bitbucket.Body{Field: "value"}}},
		{`{"value":"BB"}`, `[{"value":"BB"},{"value":"OPS"}]`, &bitbucket.Shape{Create: bitbucket.Body{Field: "value"}, Bulk: bitbucket.Body{Field: "value"}}},
		{`{"values":["BB"]}`, `{"values":["BB"]}`, &bitbucket.Shape{Create: bitbucket.Body{Envelope: "values"}, Bulk: bitbucket.Body{Envelope: "values"}}},
		{`"BB"`, `{"tokens":[{"token":"BB"}]}`, &bitbucket.Shape{Bulk: bitbucket.Body{Envelope: "tokens", Field: "token"}}},
		{``, `["BB"]`, nil},
		{`"BB"`, ``, nil},
		{`{`, `["BB"]`, nil},
		{`null`, `["BB"]`, nil},
		{`["BB"]`, `["BB"]`, nil},
		{`[]`, `["BB"]`, nil},
		{`{}`, `["BB"]`, nil},
		{`{"a":"x","b":"y"}`, `["BB"]`, nil},
		{`{"a":1}`, `["BB"]`, nil},
		{`{"":"x"}`, `["BB"]`, nil},
		{`"BB"`, `"BB"`, nil},
		{`"BB"`, `{"value":"BB"}`, nil},
		{`"BB"`, `[]`, nil},
		{`"BB"`, `{"values":[]}`, nil},
		{`"BB"`, `{"values":["BB"],"replace":true}`, nil},
		{`"BB"`, `[["BB"]]`, nil},
		{`"BB"`, `[1]`, nil},
	}
	for _, test := range tests {
		codec, err := bitbucket.Pinned(test.create, test.bulk)
		var got *bitbucket.Shape
		if codec != nil {
			got = codec.Shape
		}
		if diff := cmp.Diff(test.want, got); diff != "" || (err == nil) != (test.want != nil) {
			t.Errorf("Pinned(%s, %s): %v (-want +got):\n%s", test.create, test.bulk, err, diff)
		}
	}
	if codec, err := bitbucket.Pinned("", ""); err != nil || codec.Shape != nil {
		t.Errorf("without examples: %v, %v; want a codec that finds out", codec, err)
	}
}

// While a writer waits for the answer to its first try, another may find out.
func TestCodecTakesOverWhatAnotherWriterFoundOut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		value  string
		bodies []string
		want   []error
	}{
		"and is right":                      {"KEY", []string{`{"value":"KEY"}`, `{"key":"KEY"}`}, nil},
		"and stops, when its value is bad":  {"BAD", []string{`{"value":"BAD"}`, `{"key":"BAD"}`}, []error{bitbucket.ErrInvalid}},
		"and stops, when it tried the same": {"VALUE", []string{`{"value":"VALUE"}`}, []error{bitbucket.ErrInvalid}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			codec := &bitbucket.Codec{}
			fields := map[string]string{"KEY": `{"key":"BB"}`, "BAD": `{"key":"BB"}`, "VALUE": `{"value":"BB"}`}
			other := (&oneShape{create: fields[test.value], status: http.StatusCreated}).client(t, codec)
			var bodies []string
			client := &bitbucket.Client{Sign: sign, Codec: codec, HTTP: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				if len(bodies) == 0 {
					if _, err := other.CreateLinkerValue(t.Context(), "jira", "BB"); err != nil {
						t.Error(err)
					}
				}
				body, _ := io.ReadAll(req.Body)
				bodies = append(bodies, string(body))
				recorder := httptest.NewRecorder()
				if string(body) != `{"key":"KEY"}` {
					recorder.WriteHeader(http.StatusBadRequest)
				}
				return recorder.Result(), nil
			})}}
			_, err := client.CreateLinkerValue(t.Context(), "jira", test.value)
			wantError(t, err, test.want...)
			if diff := cmp.Diff(test.bodies, bodies); diff != "" {
				t.Errorf("bodies (-want +got):\n%s", diff)
			}
		})
	}
}

// Many workers share a codec while it is still finding out.
func TestCodecIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	api := &oneShape{item: `{"id":1,"key":"X"}`, create: `{"key":"BB"}`, bulk: `{"values":[{"key":"BB"}]}`, status: http.StatusCreated}
	client := api.client(t, &bitbucket.Codec{})
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			if _, err := collect(client.LinkerValues(t.Context(), "jira")); err != nil {
				t.Error(err)
			}
			if _, err := client.CreateLinkerValue(t.Context(), "jira", "BB"); err != nil {
				t.Error(err)
			}
			if err := client.UpdateLinkerValues(t.Context(), "jira", []string{"BB"}); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
}
