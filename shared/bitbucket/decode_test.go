package bitbucket_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/bitbucket"
)

func TestCreatedValueIsWhatBitbucketSays(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bitbucket.LinkerValue{
		`{"id":7,"value":"BB"}`:          {ID: 7, Value: "BB"},
		`{"id":"7","value":"BB"}`:        {ID: 7, Value: "BB"},
		`{"id":7,"value":"bb"}`:          {ID: 7, Value: "bb"},
		`"BB"`:                           {Value: "BB"},
		``:                               {Value: "BB"},
		`<html>`:                         {Value: "BB"},
		`{"type":"linker_value","id":7}`: {Value: "BB"},
	} {
		s := newServer(t, step{request: "POST /2.0/addon/linkers/jira/values", body: `{"value":"BB"}`, status: 201, answer: answer})
		got, err := newClient(t, s).CreateLinkerValue(t.Context(), "jira", "BB")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", answer, err, diff)
		}
	}
}

func TestValueIsReadInEveryShape(t *testing.T) {
	t.Parallel()
	known := map[string]bitbucket.LinkerValue{
		`"BB"`:                                 {ID: 7, Value: "BB"}, // asked for by its number
		`{"value":"BB"}`:                       {ID: 7, Value: "BB"},
		`{"id":9,"value":"BB"}`:                {ID: 9, Value: "BB"},
		`{"id":9,"key":"jira","value":"BB"}`:   {ID: 9, Value: "BB"},
		`{"id":9,"key":"BB","links":{}}`:       {ID: 9, Value: "BB"},
		`{"id":9,"name":"BB","value":null}`:    {ID: 9, Value: "BB"},
		`{"id":"9","uuid":"{u}","token":"BB"}`: {ID: 9, Value: "BB"},
		`{"created_on":"2026","updated_on":"2026","links":"l","token":"BB"}`:                   {ID: 7, Value: "BB"},
		`{"id":9,"token":"BB","a":null,"b":null,"c":null,"d":null,"e":null,"f":null,"g":null}`: {ID: 9, Value: "BB"},
		`{"id":9,"token":"BB","alias":""}`:                                                     {ID: 9, Value: "BB"},
		`{"id":null,"value":"BB"}`:                                                             {ID: 7, Value: "BB"},
	}
	for answer, want := range known {
		s := newServer(t, step{request: "GET /2.0/addon/linkers/jira/values/7", answer: answer})
		got, err := newClient(t, s).LinkerValue(t.Context(), "jira", 7)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", answer, err, diff)
		}
	}
	for answer, want := range map[string]error{
		`null`: bitbucket.ErrUnknownShape, `7`: bitbucket.ErrUnknownShape, `""`: bitbucket.ErrUnknownShape, `["BB"]`: bitbucket.ErrUnknownShape,
		`{}`: bitbucket.ErrUnknownShape, `{"id":7}`: bitbucket.ErrUnknownShape, `{"id":7,"a":"x","b":"y"}`: bitbucket.ErrUnknownShape,
		`{"id":1.5,"value":"BB"}`: bitbucket.ErrUnknownShape, `{"id":0,"value":"BB"}`: bitbucket.ErrUnknownShape, `{"id":-1,"value":"BB"}`: bitbucket.ErrUnknownShape, `{"id":{},"value":"BB"}`: bitbucket.ErrUnknownShape,
		`{"id":99999999999999999999,"value":"BB"}`: bitbucket.ErrUnknownShape,
		``: bitbucket.ErrNotJSON, `<html>canary</html>`: bitbucket.ErrNotJSON,
	} {
		s := newServer(t, step{request: "GET /2.0/addon/linkers/jira/values/7", answer: answer})
		got, err := newClient(t, s).LinkerValue(t.Context(), "jira", 7)
		wantError(t, err, want)
		if got != (bitbucket.LinkerValue{}) {
			t.Errorf("%s: value %v with an error", answer, got)
		}
	}
}
