package connect

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEachMember(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data string
		want [][2]string // nil: refused
	}{
		"empty object":             {" { } ", [][2]string{}},
		"one":                      {`{"a":1}`, [][2]string{{"a", "1"}}},
		"every kind of value":      {`{"a":"x","b":-1.5e3,"c":true,"d":null,"e":{"a":1},"f":[{"a":2},"]"]}`, [][2]string{{"a", `"x"`}, {"b", "-1.5e3"}, {"c", "true"}, {"d", "null"}, {"e", `{"a":1}`}, {"f", `[{"a":2},"]"]`}}},
		"space everywhere":         {"\n{ \"a\"\t:\r1 , \"b\" : [ 1 , 2 ] }\n", [][2]string{{"a", "1"}, {"b", "[ 1 , 2 ]"}}},
		"quotes in strings":        {`{"a\"":"}\\\"{","b":"\\"}`, [][2]string{{`a"`, `"}\\\"{"`}, {"b", `"\\"`}}},
		"empty name":               {`{"":1}`, [][2]string{{"", "1"}}},
		"empty":                    {``, nil},
		"space":                    {` `, nil},
		"array":                    {`[]`, nil},
		"brace only":               {`{`, nil},
		"two objects":              {`{}{}`, nil},
		"data behind members":      {`{"a":1}x`, nil},
		"comma first":              {`{,"a":1}`, nil},
		"comma last":               {`{"a":1,}`, nil},
		"no comma":                 {`{"a":1 "b":2}`, nil},
		"no colon":                 {`{"a" 1}`, nil},
		"no value":                 {`{"a":}`, nil},
		"no name":                  {`{:1}`, nil},
		"name not a string":        {`{1:1}`, nil},
		"name with a wrong escape": {`{"\x":1}`, nil},
		"name without an end":      {`{"a`, nil},
		"string without an end":    {`{"a":"b`, nil},
		"escape without an end":    {`{"a":"\`, nil},
		"object without an end":    {`{"a":{"b":1}`, nil},
		"value without an end":     {`{"a":1`, nil},
		"twice":                    {`{"a":1,"a":1}`, nil},
		"twice, escaped":           {`{"a":1,"\u0061":1}`, nil},
		"not UTF-8":                {"{\"a\":\"\xc3\"}", nil},
		"two that UTF-8 lacks":     {`{"\ud800":1,"\udfff":2}`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := [][2]string{}
			err := eachMember([]byte(test.data), func(name string, value json.RawMessage) error {
				got = append(got, [2]string{name, string(value)})
				return nil
			})
			if test.want == nil {
				if !errors.Is(err, errNotStrict) {
					t.Errorf("error is %v, want %v", err, errNotStrict)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid([]byte(test.data)) {
				t.Error("accepted what is not JSON")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEachMemberStopsAtAnError(t *testing.T) {
	t.Parallel()
	stop, calls := errors.New("stop"), 0
	err := eachMember([]byte(`{"a":1,"b":2}`), func(string, json.RawMessage) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%d calls and error %v, want one call and %v", calls, err, stop)
	}
}

// Looking for duplicates costs the square of the members, so their number is bounded.
func TestEachMemberIsBounded(t *testing.T) {
	t.Parallel()
	object := func(members int) []byte {
		names := make([]string, members)
		for i := range names {
			names[i] = `"` + strings.Repeat("x", i) + `":1`
		}
		return []byte("{" + strings.Join(names, ",") + "}")
	}
	nothing := func(string, json.RawMessage) error { return nil }
	if err := eachMember(object(maxMembers), nothing); err != nil {
		t.Errorf("%d members are refused: %v", maxMembers, err)
	}
	if err := eachMember(object(maxMembers+1), nothing); err == nil {
		t.Errorf("%d members are accepted", maxMembers+1)
	}
}
