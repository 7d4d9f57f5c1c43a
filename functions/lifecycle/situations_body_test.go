package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
)

// rotation is an install of one that rotates its secret; unsigned.
func rotation() message { return installed(one, secretNew) }

// withBody is an install with a body of any kind, signed: the token is not what it is
// refused for.
func withBody(text string) func(*world) message {
	return by(secretOne, message{clientKey: one, path: "/installed", body: []byte(text)})
}

func rotatedOne(name string) map[string]stored {
	return map[string]stored{one: {State: "installed", Secret: secretNew, Previous: secretOne, Name: name}}
}

func TestBody(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) func(*world) message {
		return by(secretOne, rotation().with(name, value))
	}
	text := string(payload("installed", one, secretNew).json())
	situations := []situation{
		{name: "not JSON", message: withBody("sharedSecret=x"), status: 400, calls: readOnly},
		{name: "empty", message: withBody(""), status: 400, calls: readOnly},
		{name: "a list", message: withBody("[" + text + "]"), status: 400, calls: readOnly},
		{name: "two documents", message: withBody(text + text), status: 400, calls: readOnly},
		{name: "deeply nested", message: withBody(strings.Repeat("[", 100_000)), status: 400, calls: readOnly},
		{name: "no clientKey", message: set("clientKey", nil), status: 400, calls: readOnly},
		{name: "clientKey is a number", message: set("clientKey", 7), status: 400, calls: readOnly},
		{name: "clientKey is a list", message: set("clientKey", []string{one}), status: 400, calls: readOnly},
		{name: "clientKey twice", message: withBody(`{"clientKey":"` + two + `",` + text[1:]), status: 400, calls: readOnly},
		{name: "sharedSecret is an object", message: set("sharedSecret", object{"a": 1}), status: 400, calls: readOnly},
		{name: "no key", message: set("key", nil), status: 400, calls: readOnly},
		{name: "key of another app", message: set("key", "other-app"), status: 400, calls: readOnly},
		{name: "no principal", message: set("principal", nil), status: 400, calls: readOnly},
		{name: "the principal's uuid is a path", message: set("principal", object{"uuid": "../hook_events?"}), status: 400, calls: readOnly},
		{name: "no username", message: set("principal", object{"uuid": workspaceOne, "type": "team"}), status: 204, stored: rotatedOne(""), calls: rotated},
		{name: "unsigned uninstall on the route of installs", message: plain(uninstalled(one).at("/installed")), status: 400},
		{name: "unsigned install on the route of uninstalls", message: plain(rotation().at("/uninstalled")), status: 400},
		{name: "signed uninstall on the route of installs", message: set("eventType", "uninstalled"), status: 400, calls: readOnly},
		{name: "no eventType", message: set("eventType", nil), status: 400, calls: readOnly},
		{
			name: "nothing but what is required", message: by(secretOne, rotation().with("principal", object{"uuid": workspaceOne})),
			status: 204, stored: rotatedOne(""), calls: rotated,
		},
		{
			name:    "members of the wrong type that the app doesn't read",
			message: by(secretOne, rotation().with("publicKey", 7).with("links", nil).with("baseUrl", []int{1}).with("user", "x")),
			status:  204, stored: rotatedOne("example-workspace"), calls: rotated,
		},
		{
			name: "a first install with nothing but what is required", given: bitbucketAccepts(secretNew),
			message: plain(installed(stranger, secretNew).with("principal", object{"uuid": workspaceNew})), status: 204,
			stored: map[string]stored{stranger: {State: "installed", Secret: secretNew}}, calls: proven,
		},
		{name: "in an envelope", message: envelope("installed", rotation()), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{name: "in an envelope of another event", message: envelope("uninstalled", rotation()), status: 400, calls: readOnly},
		{name: "an uninstall in the envelope of an install", message: envelope("installed", uninstalled(one).at("/installed")), status: 400, calls: readOnly},
		{name: "unsigned and not JSON", message: plain(message{path: "/installed", body: []byte("sharedSecret=x")}), status: 400},
		{
			name:    "forged and not JSON",
			message: by(secretForeign, message{clientKey: one, path: "/installed", body: []byte("sharedSecret=x")}), status: 401, calls: readOnly,
		},
	}
	play(t, situations)
}

// envelope is the event as a webhook has it, signed.
func envelope(event string, m message) func(*world) message {
	m.body = object{"event": event, "data": json.RawMessage(m.body)}.json()
	return by(secretOne, m)
}

// noSecret is the answer to a personal account's install.
const noSecret = "the payload has no sharedSecret, as for a personal account; install the app in a workspace\n"

func TestPersonalAccount(t *testing.T) {
	t.Parallel()
	unsigned := newWorld(t, deployment{})
	registered := newWorld(t, deployment{registered: true})
	personal := installed(stranger, "")
	if status, answer := unsigned.send(t, personal); status != 400 || answer != noSecret {
		t.Errorf("unsigned, without a secret: %d %q", status, answer)
	}
	if status, answer := unsigned.send(t, installed(one, "").signed(unsigned.token(one, "/installed", secretOne))); status != 400 || answer != noSecret {
		t.Errorf("signed, without a secret: %d %q", status, answer)
	}
	if status, _ := unsigned.send(t, installed(one, "").signed(unsigned.token(one, "/installed", secretForeign))); status != 401 {
		t.Errorf("forged, without a secret: %d, want 401", status)
	}
	// The app's own secret stands in, for the first install and for the second.
	for i := range 2 {
		registered.clock.advance(1e9)
		if status, answer := registered.send(t, personal.signed(registered.token(stranger, "/installed", appSecret))); status != 204 {
			t.Errorf("install %d of a registered app in a personal account: %d %q", i+1, status, answer)
		}
	}
	if in := registered.read(t, stranger); in.Secret != appSecret || in.State != "installed" {
		t.Errorf("stored %+v", in)
	}
}

func TestPayloadNamesNoHost(t *testing.T) {
	t.Parallel()
	var called atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	t.Cleanup(evil.Close)
	hostile := func(clientKey, secret string) message {
		principal := payload("installed", clientKey, secret)["principal"].(object).with("links", object{"self": object{"href": evil.URL}})
		return installed(clientKey, secret).with("baseApiUrl", evil.URL).with("baseUrl", evil.URL).with("principal", principal)
	}
	play(t, []situation{
		{name: "a secret that only evil.example accepts", message: plain(hostile(stranger, secretForeign)), status: 401, calls: asked},
		{
			name: "a real install is proven where it is configured", given: bitbucketAccepts(secretNew),
			message: plain(hostile(stranger, secretNew)), status: 204, stored: newcomer, calls: proven,
		},
		{name: "Bitbucket redirects the proof", fault: bitbucketFails(redirect(evil.URL)), message: plain(hostile(stranger, secretNew)), status: 503, calls: asked},
	})
	t.Cleanup(func() {
		if called.Load() > 0 {
			t.Errorf("%d calls to a host from the payload", called.Load())
		}
	})
}

func TestBodyForm(t *testing.T) {
	t.Parallel()
	as := func(contentType, encoding string) func(*world) message {
		return func(w *world) message {
			m := w.signed(rotation(), secretOne)
			m.contentType, m.encoding = contentType, encoding
			return m
		}
	}
	padded := func(size int) func(*world) message {
		return func(w *world) message {
			m := w.signed(rotation(), secretOne)
			m.body = append(m.body, bytes.Repeat([]byte(" "), size-len(m.body))...)
			return m
		}
	}
	binary := func(_ *testing.T, w *world) { w.binary = true }
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, _ = zip.Write(payload("installed", one, secretNew).json())
	_ = zip.Close()
	play(t, []situation{
		{name: "with a charset", message: as("application/json; charset=utf-8", ""), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{name: "text", message: as("text/plain", ""), status: 415},
		{name: "form", message: as("application/x-www-form-urlencoded", ""), status: 415},
		{name: "a broken content type", message: as("application/json; charset", ""), status: 415},
		{name: "two content types", message: as("application/json, text/plain", ""), status: 415},
		{name: "said to be compressed", message: as("application/json", "gzip"), status: 415},
		{name: "compressed, and not said so", message: withBody(zipped.String()), status: 400, calls: readOnly},
		{name: "more than a megabyte", message: padded(1<<20 + 1), status: 413},
		{name: "base64, one byte too many", given: binary, message: padded(connect.MaxPayload + 1), status: 413},
		{name: "one byte too many", message: padded(connect.MaxPayload + 1), status: 413},
		{name: "the largest", message: padded(connect.MaxPayload), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{name: "base64", given: binary, message: as("", ""), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{name: "base64, the largest", given: binary, message: padded(connect.MaxPayload), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
	})
}

func TestPath(t *testing.T) {
	t.Parallel()
	staged := deployment{stage: "prod"}
	play(t, []situation{
		{name: "stage prefix", deployment: staged, send: click(workspaceOne, secretNew), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{
			name: "stage prefix, hashed with the prefix", deployment: staged,
			message: func(w *world) message { return rotation().signed(w.token(one, "/prod/installed", secretOne)) }, status: 401, calls: readOnly,
		},
		{
			name:    "hashed as it is on the wire, which API Gateway decodes",
			message: by(secretOne, uninstalled(one).at("/%75ninstalled")), status: 401, calls: readOnly,
		},
		{name: "trailing slash", message: by(secretOne, uninstalled(one).at("/uninstalled/")), status: 404},
		{name: "upper case", message: by(secretOne, uninstalled(one).at("/UNINSTALLED")), status: 404},
		{name: "no such path", message: plain(message{path: "/webhook"}), status: 404},
		{name: "GET of a callback", message: plain(message{method: http.MethodGet, path: "/installed"}), status: 405},
		{name: "POST of the descriptor", message: plain(message{path: "/atlassian-connect.json"}), status: 405},
	})
}
