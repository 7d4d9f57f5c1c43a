package bitbucket_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/linkersync/linkersync/internal/parts"
	"github.com/linkersync/linkersync/shared/bitbucket"
)

// FuzzReading feeds hostile bodies to every reader: none may panic, and what is
// read must be usable.
func FuzzReading(f *testing.F) {
	for _, seed := range []string{
		`{"values":[{"id":1,"value":"BB"},"OPS",{"key":"X"}],"next":"/2.0/x?page=2"}`, `["BB"]`, `[null]`, `{"values":null}`, `{"values":{}}`,
		`{"next":7}`, `{"values":[],"next":"http://[::1"}`, `{"id":1,"value":"BB"}`, `{"error":{"message":1}}`, "\xff", `[[[[[[`,
	} {
		f.Add([]byte(seed), uint16(200), []byte{})
		f.Add([]byte(seed), uint16(404), []byte{})
	}
	for plan := range parts.Plans(5, 4) {
		f.Add([]byte(`{"values":["BB"]}`), uint16(200), plan)
	}
	f.Fuzz(func(t *testing.T, body []byte, status uint16, plan []byte) {
		if len(plan) > 0 {
			body = []byte(parts.Join(plan, "{", "}", "[", "]", ",", ":", `"`, string(body), `"values":`, `"next":`, `"id":1`, `"value":"BB"`,
				`"error":`, `"message":`, "null", "7", "-1", "1e999", `"/2.0/x?page=2"`, `"http://[::1"`, `"?"`, "\xff", `\u0000`))
		}
		client := &bitbucket.Client{Sign: sign, HTTP: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			recorder := httptest.NewRecorder()
			recorder.WriteHeader(200 + int(status)%400)
			_, _ = recorder.Write(body)
			return recorder.Result(), nil
		})}}
		values, _ := collect(client.LinkerValues(t.Context(), "jira"))
		for _, value := range values {
			if value.Value == "" || value.ID < 0 {
				t.Errorf("unusable value %+v from %q", value, body)
			}
		}
		linkers, _ := collect(client.Linkers(t.Context()))
		for _, linker := range linkers {
			if linker.Key == "" {
				t.Errorf("linker without key from %q", body)
			}
		}
		if value, err := client.CreateLinkerValue(t.Context(), "jira", "BB"); err == nil && value.Value == "" {
			t.Errorf("created value without text from %q", body)
		}
		_, _ = client.AccessToken(t.Context())
		_ = client.Workspace(t.Context(), "11111111-2222-4333-8444-555555555555")
	})
}

// BenchmarkLinkerValues reads 1,000 values in ten pages without a network.
func BenchmarkLinkerValues(b *testing.B) {
	type item struct {
		ID    int    `json:"id"`
		Value string `json:"value"`
	}
	items := make([]item, 100)
	for i := range items {
		items[i] = item{i + 1, "PROJECT-" + string(rune('A'+i%26))}
	}
	list, err := json.Marshal(items)
	if err != nil {
		b.Fatal(err)
	}
	client := &bitbucket.Client{Sign: sign, HTTP: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		next := `,"next":"` + req.URL.String() + `1"`
		if len(req.URL.RawQuery) == len("pagelen=100")+9 {
			next = ""
		}
		_, _ = recorder.WriteString(`{"values":` + string(list) + next + `}`)
		return recorder.Result(), nil
	})}}
	b.ReportAllocs()
	for b.Loop() {
		values, err := collect(client.LinkerValues(b.Context(), "jira"))
		if err != nil || len(values) != 1000 {
			b.Fatal(len(values), err)
		}
	}
}
