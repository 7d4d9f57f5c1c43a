package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// object is a JSON object that tests vary.
type object map[string]any

// with returns a copy that has the member; nil takes it out.
func (o object) with(name string, value any) object {
	changed := maps.Clone(o)
	changed[name] = value
	if value == nil {
		delete(changed, name)
	}
	return changed
}

func (o object) json() []byte {
	encoded, err := json.Marshal(o)
	if err != nil {
		panic(err) // tests write what encodes
	}
	return encoded
}

// payload is a callback's body with no more than is required.
func payload(eventType, clientKey, secret string) object {
	body := object{
		"eventType": eventType, "key": appKey, "clientKey": clientKey,
		"principal": object{"uuid": workspaceOf(clientKey), "type": "team", "display_name": "example-workspace"},
	}
	if secret != "" {
		body["sharedSecret"] = secret
	}
	return body
}

// message is one HTTP request to the app. Its zero value is an unsigned POST.
type message struct {
	// clientKey is whom a token is made for.
	clientKey           string
	method, path, query string
	body                []byte
	contentType         string
	encoding            string
	authorization       string
}

func (w *world) send(t testing.TB, m message) (status int, answer string) {
	t.Helper()
	response := w.do(t, m)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func (w *world) do(t testing.TB, m message) *http.Response {
	t.Helper()
	target := w.url + m.path
	if m.query != "" {
		target += "?" + m.query
	}
	if m.method == "" {
		m.method = http.MethodPost
	}
	request := newRequest(t, m.method, target, m.body)
	request.Header.Set("Content-Type", "application/json")
	if m.contentType != "" {
		request.Header.Set("Content-Type", m.contentType)
	}
	if m.encoding != "" {
		request.Header.Set("Content-Encoding", m.encoding)
	}
	if m.authorization != "" {
		request.Header.Set("Authorization", m.authorization)
	}
	response, err := w.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// installed is an install of clientKey that offers secret; unsigned.
func installed(clientKey, secret string) message {
	return message{clientKey: clientKey, path: "/installed", body: payload("installed", clientKey, secret).json()}
}

// uninstalled is an uninstall of clientKey; unsigned.
func uninstalled(clientKey string) message {
	return message{clientKey: clientKey, path: "/uninstalled", body: payload("uninstalled", clientKey, "").json()}
}

// enabled is an event that changes nothing; unsigned.
func enabled(clientKey string) message {
	return message{clientKey: clientKey, path: "/enabled", body: payload("enabled", clientKey, "").json()}
}

// with returns the message with another member in its body; nil takes one out.
func (m message) with(name string, value any) message {
	var body object
	if err := json.Unmarshal(m.body, &body); err != nil {
		panic(err) // the helpers above wrote it
	}
	m.body = body.with(name, value).json()
	return m
}

// as returns the message for a token of another installation.
func (m message) as(clientKey string) message {
	m.clientKey = clientKey
	return m
}

// at returns the message on another path.
func (m message) at(path string) message {
	m.path = path
	return m
}

// by makes the message signed with secret.
func by(secret string, m message) func(*world) message {
	return func(w *world) message { return w.signed(m, secret) }
}

// plain makes the message as it is.
func plain(m message) func(*world) message { return func(*world) message { return m } }

// signed returns the message with the token that Bitbucket would make with secret.
func (w *world) signed(m message, secret string) message {
	return m.signed(w.token(m.clientKey, m.path, secret))
}

// signed returns the message with a token.
func (m message) signed(token string) message {
	m.authorization = "JWT " + token
	return m
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

// claims are those of a token that Bitbucket makes for a POST to path now.
func (w *world) claims(clientKey, path string) object {
	now := w.clock.Now().Unix()
	return object{
		"iss": clientKey, "aud": clientKey, "iat": now, "exp": now + 3600,
		"qsh": hashOf("POST&" + path + "&"),
	}
}

// token is what Bitbucket would sign m with.
func (w *world) token(clientKey, path, secret string) string {
	return sign(hs256, w.claims(clientKey, path), secret)
}

// sign signs by hand, so that no token depends on the code under test.
func sign(header string, claims object, secret string) string {
	return signText(header, string(claims.json()), secret)
}

func signText(header, claims, secret string) string {
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	return text + "." + signature(text, secret)
}

func signature(text, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return encode(mac.Sum(nil))
}

func signedWith(token, secret string) bool {
	dot := strings.LastIndex(token, ".")
	return dot > 0 && token[dot+1:] == signature(token[:dot], secret)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func hashOf(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return hex.EncodeToString(sum[:])
}

// at returns the claims of a token made d after now.
func (o object) at(d time.Duration) object {
	iat, exp := o["iat"].(int64), o["exp"].(int64)
	return o.with("iat", iat+int64(d.Seconds())).with("exp", exp+int64(d.Seconds()))
}
