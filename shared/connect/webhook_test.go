package connect_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/connect"
)

// With and without Connect's envelope.
func TestParseWebhook(t *testing.T) {
	t.Parallel()
	bare := `{"actor":{"uuid":"{1}"},"push":{"changes":[]}}`
	tests := map[string]struct{ eventKey, body, event, data string }{
		"envelope":                        {"repo:push", `{"event":"repo:push","data":` + bare + `}`, "repo:push", bare},
		"envelope without a header":       {"", `{"data": ` + bare + ` ,"event":"repo:push"}`, "repo:push", bare},
		"envelope with more":              {"", `{"event":"repo:push","data":{},"x":1}`, "repo:push", "{}"},
		"bare":                            {"repo:push", bare, "repo:push", bare},
		"bare, with a member named event": {"repo:push", `{"event":5}`, "repo:push", `{"event":5}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := connect.ParseWebhook(test.eventKey, []byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			want := connect.Webhook{Event: test.event, Data: json.RawMessage(test.data)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("webhook (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseWebhookRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ eventKey, body, want string }{
		"empty":                        {"repo:push", "", "body is not a JSON object with unique member names"},
		"not an object":                {"repo:push", "[]", "body is not a JSON object with unique member names"},
		"member twice":                 {"repo:push", `{"data":{},"data":{}}`, "body is not a JSON object with unique member names"},
		"too long":                     {"repo:push", `{"x":"` + strings.Repeat("x", connect.MaxPayload) + `"}`, "longer than 262144 bytes"},
		"bare, and nothing says what":  {"", "{}", "neither body nor header names the event"},
		"envelope without event":       {"repo:push", `{"data":{}}`, "event is missing"},
		"envelope with a number":       {"repo:push", `{"event":1,"data":{}}`, "event is not a string"},
		"envelope of another event":    {"repo:push", `{"event":"repo:fork","data":{}}`, "event is not the one of the header"},
		"envelope of data in a string": {"repo:push", `{"event":"repo:push","data":"{}"}`, "data is not a JSON object with unique member names"},
		"envelope of no data":          {"repo:push", `{"event":"repo:push","data":null}`, "data is not a JSON object with unique member names"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connect.ParseWebhook(test.eventKey, []byte(test.body))
			if !errors.Is(err, connect.ErrInvalidPayload) || err.Error() != "invalid payload: "+test.want {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}
