package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
)

// signedInstall is an install of one, signed, with the body that change makes.
func signedInstall(change func(object) object) func(*world) message {
	return func(w *world) message {
		return message{path: "/installed", body: change(payload("installed", one, secretNew)).json()}.
			signed(w.token(one, "/installed", secretOne))
	}
}

// body is an install with a body of any kind, signed: the token is not what it is
// refused for.
func withBody(text string) func(*world) message {
	return func(w *world) message {
		return message{path: "/installed", body: []byte(text)}.signed(w.token(one, "/installed", secretOne))
	}
}

func rotatedOne(name string) map[string]stored {
	return map[string]stored{one: {State: "installed", Secret: secretNew, Previous: secretOne, Name: name}}
}

func TestBody(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) func(*world) message {
		return signedInstall(func(o object) object { return o.with(name, value) })
	}
	text := string(payload("installed", one, secretNew).json())
	situations := []situation{
		{name: "L22 not JSON", message: withBody("sharedSecret=x"), status: 400, calls: readOnly},
		{name: "L22 empty", message: withBody(""), status: 400, calls: readOnly},
		{name: "L22 a list", message: withBody("[" + text + "]"), status: 400, calls: readOnly},
		{name: "L22 two documents", message: withBody(text + text), status: 400, calls: readOnly},
		{name: "L22 deeply nested", message: withBody(strings.Repeat("[", 100_000)), status: 400, calls: readOnly},
		{name: "L22 no clientKey", message: set("clientKey", nil), status: 400, calls: readOnly},
		{name: "L22 clientKey is a number", message: set("clientKey", 7), status: 400, calls: readOnly},
		{name: "L22 clientKey is a list", message: set("clientKey", []string{one}), status: 400, calls: readOnly},
		{name: "L22 clientKey twice", message: withBody(`{"clientKey":"` + two + `",` + text[1:]), status: 400, calls: readOnly},
		{name: "L22 sharedSecret is an object", message: set("sharedSecret", object{"a": 1}), status: 400, calls: readOnly},
		{name: "L22 no key", message: set("key", nil), status: 400, calls: readOnly},
		{name: "L22 key of another app", message: set("key", "other-app"), status: 400, calls: readOnly},
		{name: "L22 no principal", message: set("principal", nil), status: 400, calls: readOnly},
		{name: "L22 the principal's uuid is a path", message: set("principal", object{"uuid": "../hook_events?"}), status: 400, calls: readOnly},
		{name: "L25 no username", message: set("principal", object{"uuid": workspaceOne, "type": "team"}), status: 204, stored: rotatedOne(""), calls: rotated},
		{name: "L31 unsigned uninstall on the route of installs", message: func(*world) message {
			m := uninstalled(one)
			m.path = "/installed"
			return m
		}, status: 400},
		{name: "L31 unsigned install on the route of uninstalls", message: func(*world) message {
			m := installed(one, secretNew)
			m.path = "/uninstalled"
			return m
		}, status: 400},
		{name: "L31 signed uninstall on the route of installs", message: set("eventType", "uninstalled"), status: 400, calls: readOnly},
		{name: "L31 no eventType", message: set("eventType", nil), status: 400, calls: readOnly},
		{name: "L34 nothing but what is required", message: signedInstall(func(o object) object {
			return o.with("principal", object{"uuid": workspaceOne})
		}), status: 204, stored: rotatedOne(""), calls: rotated},
		{name: "L34 members of the wrong type that nobody needs", message: signedInstall(func(o object) object {
			return o.with("publicKey", 7).with("links", nil).with("baseUrl", []int{1}).with("user", "x")
		}), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{
			name: "L34 a first install with nothing but what is required", given: bitbucketAccepts(secretNew),
			message: func(*world) message {
				return message{path: "/installed", body: payload("installed", stranger, secretNew).with("principal", object{"uuid": workspaceNew}).json()}
			}, status: 204,
			stored: map[string]stored{stranger: {State: "installed", Secret: secretNew}}, calls: proven,
		},
		{name: "L30 in an envelope", message: func(w *world) message {
			return message{path: "/installed", body: object{"event": "installed", "data": payload("installed", one, secretNew)}.json()}.
				signed(w.token(one, "/installed", secretOne))
		}, status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{name: "L30 bare", message: signedInstall(func(o object) object { return o }), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{name: "L30 in an envelope of another event", message: func(w *world) message {
			return message{path: "/installed", body: object{"event": "uninstalled", "data": payload("installed", one, secretNew)}.json()}.
				signed(w.token(one, "/installed", secretOne))
		}, status: 400, calls: readOnly},
		{name: "L30 an uninstall in the envelope of an install", message: func(w *world) message {
			return message{path: "/installed", body: object{"event": "installed", "data": payload("uninstalled", one, "")}.json()}.
				signed(w.token(one, "/installed", secretOne))
		}, status: 400, calls: readOnly},
		{name: "L22 unsigned and not JSON", message: func(*world) message {
			return message{path: "/installed", body: []byte("sharedSecret=x")}
		}, status: 400},
		{name: "L22 forged and not JSON", message: func(w *world) message {
			return message{path: "/installed", body: []byte("sharedSecret=x")}.signed(w.token(one, "/installed", secretForeign))
		}, status: 401, calls: readOnly},
	}
	play(t, situations)
}

// noSecret is the answer to a personal account's install.
const noSecret = "the payload has no sharedSecret, as for a personal account; install the app in a workspace\n"

func TestPersonalAccount(t *testing.T) {
	t.Parallel()
	unsigned := newWorld(t, deployment{})
	registered := newWorld(t, deployment{registered: true})
	personal := installed(stranger, "")
	if status, answer := unsigned.send(t, personal); status != 400 || answer != noSecret {
		t.Errorf("L22 unsigned, without a secret: %d %q", status, answer)
	}
	if status, answer := unsigned.send(t, installed(one, "").signed(unsigned.token(one, "/installed", secretOne))); status != 400 || answer != noSecret {
		t.Errorf("L22 signed, without a secret: %d %q", status, answer)
	}
	if status, _ := unsigned.send(t, installed(one, "").signed(unsigned.token(one, "/installed", secretForeign))); status != 401 {
		t.Errorf("L22 forged, without a secret: %d, want 401", status)
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
		body := payload("installed", clientKey, secret).with("baseApiUrl", evil.URL).with("baseUrl", evil.URL)
		principal := body["principal"].(object)
		principal["links"] = object{"self": object{"href": evil.URL}}
		return message{path: "/installed", body: body.json()}
	}
	play(t, []situation{
		{
			name:    "L27 a secret that only evil.example accepts",
			message: func(*world) message { return hostile(stranger, secretForeign) }, status: 401, calls: asked,
		},
		{
			name: "L27 a real install is proven where it is configured", given: bitbucketAccepts(secretNew),
			message: func(*world) message { return hostile(stranger, secretNew) }, status: 204, stored: newcomer, calls: proven,
		},
		{
			name: "L27 Bitbucket redirects the proof", fault: bitbucketFails(redirect(evil.URL)),
			message: func(*world) message { return hostile(stranger, secretNew) }, status: 503, calls: asked,
		},
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
			m := signedInstall(func(o object) object { return o })(w)
			m.contentType, m.encoding = contentType, encoding
			return m
		}
	}
	padded := func(size int) func(*world) message {
		return func(w *world) message {
			m := signedInstall(func(o object) object { return o })(w)
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
		{name: "L28 with a charset", message: as("application/json; charset=utf-8", ""), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{name: "L28 text", message: as("text/plain", ""), status: 415},
		{name: "L28 form", message: as("application/x-www-form-urlencoded", ""), status: 415},
		{name: "L28 a broken content type", message: as("application/json; charset", ""), status: 415},
		{name: "L28 two content types", message: as("application/json, text/plain", ""), status: 415},
		{name: "L28 said to be compressed", message: as("application/json", "gzip"), status: 415},
		{name: "L28 compressed", message: func(w *world) message {
			m := as("application/json", "gzip")(w)
			m.body = zipped.Bytes()
			return m
		}, status: 415},
		{name: "L28 compressed, and not said so", message: func(w *world) message {
			m := as("application/json", "")(w)
			m.body = zipped.Bytes()
			return m
		}, status: 400, calls: readOnly},
		{name: "L28 more than a megabyte", message: padded(1<<20 + 1), status: 413},
		{name: "L28 one byte too many", message: padded(connect.MaxPayload + 1), status: 413},
		{name: "L28 the largest", message: padded(connect.MaxPayload), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{name: "L28 base64", given: binary, message: as("", ""), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
		{name: "L28 base64, one byte too many", given: binary, message: padded(connect.MaxPayload + 1), status: 413},
		{name: "L28 base64, the largest", given: binary, message: padded(connect.MaxPayload), status: 204, stored: rotatedOne("example-workspace"), calls: rotated},
	})
}

func TestPath(t *testing.T) {
	t.Parallel()
	staged := deployment{stage: "prod"}
	play(t, []situation{
		{
			name: "L29 stage prefix", deployment: staged, send: click(workspaceOne, secretNew), status: 204,
			stored: rotatedOne("example-workspace"), calls: rotated,
		},
		{name: "L29 stage prefix, hashed with the prefix", deployment: staged, message: func(w *world) message {
			return installed(one, secretNew).signed(w.token(one, "/prod/installed", secretOne))
		}, status: 401, calls: readOnly},
		{name: "L29 hashed as it is on the wire, which API Gateway decodes", message: func(w *world) message {
			m := uninstalled(one).signed(w.token(one, "/%75ninstalled", secretOne))
			m.path = "/%75ninstalled"
			return m
		}, status: 401, calls: readOnly},
		{name: "L29 trailing slash", message: func(w *world) message {
			m := uninstalled(one).signed(w.token(one, "/uninstalled", secretOne))
			m.path += "/"
			return m
		}, status: 404},
		{name: "L29 upper case", message: func(w *world) message {
			m := uninstalled(one).signed(w.token(one, "/uninstalled", secretOne))
			m.path = "/UNINSTALLED"
			return m
		}, status: 404},
		{name: "no such path", message: func(*world) message { return message{path: "/webhook"} }, status: 404},
		{name: "GET of a callback", message: func(*world) message { return message{method: http.MethodGet, path: "/installed"} }, status: 405},
		{name: "POST of the descriptor", message: func(*world) message { return message{path: "/atlassian-connect.json"} }, status: 405},
	})
}
