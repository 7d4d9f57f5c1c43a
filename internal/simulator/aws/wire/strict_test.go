package wire_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

type inner struct {
	Key string
}

type embedded struct {
	Shared string
}

type input struct {
	Name    string
	ID      string `json:"Identifier"`
	List    []inner
	Map     map[string]inner
	Pointer *inner
	Free    map[string]any
	embedded
}

func TestInputIsReadStrictly(t *testing.T) {
	t.Parallel()
	read := wire.Operate(func(_ context.Context, in input) (input, error) { return in, nil })
	for body, want := range map[string]string{
		`{}`:                        "",
		`{"Name":"x","Shared":"y"}`: "",
		`{"Name":null}`:             "",
		`{"Identifier":"x"}`:        "",
		`{"List":[{"Key":"a"}],"Map":{"any":{"Key":"b"}},"Pointer":{"Key":"c"}}`: "",
		`{"Free":{"any":{"thing":1}}}`:                                           "",

		`{"ID":"x"}`:                  `NotSimulated: the simulator knows no member "ID"; if AWS does, add it there`,
		`{"name":"x"}`:                `NotSimulated: the simulator knows no member "name"; if AWS does, add it there`,
		`{"embedded":{"Shared":"x"}}`: `NotSimulated: the simulator knows no member "embedded"; if AWS does, add it there`,
		`{"List":[{"key":"a"}]}`:      `NotSimulated: the simulator knows no member "List[].key"; if AWS does, add it there`,
		`{"Map":{"m":{"Other":1}}}`:   `NotSimulated: the simulator knows no member "Map.m.Other"; if AWS does, add it there`,
		`{"Pointer":{"Other":1}}`:     `NotSimulated: the simulator knows no member "Pointer.Other"; if AWS does, add it there`,
		`{"Name":1}`:                  "SerializationException: json: cannot unmarshal number into Go struct field input.Name of type string",
		`{"List":{}}`:                 "SerializationException: json: cannot unmarshal object into Go struct field input.List of type []wire_test.inner",
		``:                            "SerializationException: the body is no JSON: EOF",
		`[]`:                          "SerializationException: the body is no JSON object",
		`{} {}`:                       "SerializationException: something follows the JSON in the body",
		"{\"Name\":\"\xff\"}":         "SerializationException: the body is not UTF-8",
	} {
		_, err := read(t.Context(), []byte(body))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestTimesAreSeconds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 45_600_000, time.UTC)
	got, err := json.Marshal([]any{wire.Timestamp(at), wire.Timestamp(time.Time{})})
	if err != nil || string(got) != "[1772366400.045,null]" {
		t.Errorf("got %s, error %v", got, err)
	}
}
