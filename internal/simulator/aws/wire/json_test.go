package wire_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

type greeting struct {
	Name string
}

func newGreeter() *wire.JSON {
	return &wire.JSON{
		Signing: "greeter", Prefix: "Greeter", Version: "1.0", Namespace: "com.example",
		QueryErrors: map[string]string{"Unfriendly": "Greeter.Unfriendly"},
		Operations: map[string]wire.Operation{
			"Greet": wire.Operate(func(_ context.Context, in greeting) (map[string]string, error) {
				switch in.Name {
				case "enemy":
					return nil, &wire.Error{Status: http.StatusForbidden, Code: "Unfriendly", Message: "no"}
				case "bug":
					return nil, errors.New("a bug")
				}
				return map[string]string{"Text": "hello " + in.Name}, nil
			}),
			"Nothing": wire.Operate(func(context.Context, greeting) (any, error) { return nil, nil }),
		},
	}
}

// ask lets the service answer as the server does.
func ask(service wire.Service, r *http.Request, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	if err := service.Handle(w, r, []byte(body)); err != nil {
		service.Refuse(w, r, wire.AsError(err))
	}
	return w
}

func post(url, target, contentType string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, url, nil)
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", contentType)
	return r
}

func TestJSONProtocol(t *testing.T) {
	t.Parallel()
	const contentType = "application/x-amz-json-1.0"
	type answer struct {
		Status            int
		Type, Query, Body string
	}
	get := post("/", "Greeter.Greet", contentType)
	get.Method = http.MethodGet
	for what, test := range map[string]struct {
		request *http.Request
		body    string
		want    answer
	}{
		"an answer":    {post("/", "Greeter.Greet", contentType), `{"Name":"you"}`, answer{Status: 200, Body: `{"Text":"hello you"}`}},
		"with charset": {post("/", "Greeter.Greet", contentType+"; charset=utf-8"), `{"Name":"you"}`, answer{Status: 200, Body: `{"Text":"hello you"}`}},
		"no output":    {post("/", "Greeter.Nothing", contentType), `{}`, answer{Status: 200}},
		"a refusal": {
			post("/", "Greeter.Greet", contentType), `{"Name":"enemy"}`,
			answer{403, "Unfriendly", "Greeter.Unfriendly;Sender", `{"__type":"com.example#Unfriendly","message":"no"}`},
		},
		"a bug": {
			post("/", "Greeter.Greet", contentType), `{"Name":"bug"}`,
			answer{500, "InternalFailure", "", `{"__type":"com.example#InternalFailure","message":"a bug"}`},
		},
		"no such operation": {
			post("/", "Greeter.Part", contentType), `{}`,
			answer{501, "NotSimulated", "", `{"__type":"com.example#NotSimulated","message":"the simulator knows no operation \"Greeter.Part\"; if AWS does, add it there"}`},
		},
		"another protocol": {
			post("/", "Greeter.Greet", "application/json"), `{}`,
			answer{400, "SerializationException", "", `{"__type":"com.example#SerializationException","message":"content type is \"application/json\", want application/x-amz-json-1.0"}`},
		},
		"another path": {
			post("/x", "Greeter.Greet", contentType), `{}`,
			answer{400, "UnknownOperationException", "", `{"__type":"com.example#UnknownOperationException","message":"the JSON protocols take POST / only, not POST /x"}`},
		},
		"a query": {
			post("/?a=b", "Greeter.Greet", contentType), `{}`,
			answer{400, "UnknownOperationException", "", `{"__type":"com.example#UnknownOperationException","message":"the JSON protocols take POST / only, not POST /?a=b"}`},
		},
		"another method": {
			get, `{}`,
			answer{400, "UnknownOperationException", "", `{"__type":"com.example#UnknownOperationException","message":"the JSON protocols take POST / only, not GET /"}`},
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := ask(newGreeter(), test.request, test.body)
			got := answer{w.Code, w.Header().Get("X-Amzn-Errortype"), w.Header().Get("X-Amzn-Query-Error"), w.Body.String()}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if w.Header().Get("Content-Type") != contentType || len(w.Header().Get("X-Amzn-Requestid")) != 36 {
				t.Errorf("header = %v", w.Header())
			}
		})
	}
}

func TestBaseURLIsThatOfTheRequest(t *testing.T) {
	t.Parallel()
	r := wire.WithBaseURL(httptest.NewRequest(http.MethodGet, "http://aws.example:4566/x?y", nil))
	if got := wire.BaseURL(r.Context()); got != "http://aws.example:4566" {
		t.Errorf("BaseURL = %s", got)
	}
}
