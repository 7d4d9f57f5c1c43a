package infisical_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// parrots are answers that send back what they were asked, each in other places.
func parrots() map[string]func(http.ResponseWriter, call) {
	say := func(status int, envelope any) func(http.ResponseWriter, call) {
		return func(w http.ResponseWriter, _ call) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(envelope)
		}
	}
	return map[string]func(http.ResponseWriter, call){
		"as a message": func(w http.ResponseWriter, c call) {
			say(400, map[string]any{"error": "BadRequest", "reqId": "r", "message": c.everything()})(w, c)
		},
		"only in an address": func(w http.ResponseWriter, c call) {
			say(400, map[string]any{"error": "BadRequest", "message": "no route /" + url.PathEscape(c.values())})(w, c)
		},
		"only in a query": func(w http.ResponseWriter, c call) {
			say(400, map[string]any{"error": "BadRequest", "message": "no route /?q=" + url.QueryEscape(c.values())})(w, c)
		},
		"only quoted": func(w http.ResponseWriter, c call) {
			say(400, map[string]any{"error": "BadRequest", "message": fmt.Sprintf("%q", c.values())})(w, c)
		},
		"only as JSON": func(w http.ResponseWriter, c call) {
			quoted, _ := json.Marshal(c.values())
			say(400, map[string]any{"error": "BadRequest", "message": string(quoted)})(w, c)
		},
		"as the header for Bitbucket": func(w http.ResponseWriter, c call) {
			say(400, map[string]any{"error": "BadRequest", "message": "Failed to validate credentials: " + c.basic()})(w, c)
		},
		"as a taken name's message": func(w http.ResponseWriter, c call) {
			say(400, map[string]any{"error": "BadRequest", "message": "An App Connection with the name already exists " + c.everything()})(w, c)
		},
		"as code and request ID": func(w http.ResponseWriter, c call) {
			say(403, map[string]any{"error": c.everything(), "reqId": c.everything(), "message": "no"})(w, c)
		},
		"as issues": func(w http.ResponseWriter, c call) {
			issue := map[string]any{"path": []any{c.everything(), 1}, "message": c.everything()}
			union := map[string]any{"unionErrors": []any{map[string]any{"issues": []any{issue}}}}
			say(422, map[string]any{"error": "ValidationFailure", "message": []any{issue, union}})(w, c)
		},
		"as a dead token's message": func(w http.ResponseWriter, c call) {
			say(403, map[string]any{"error": "TokenError", "message": c.everything()})(w, c)
		},
		"as a rate limit": func(w http.ResponseWriter, c call) {
			w.Header().Set("Retry-After", "1")
			say(429, map[string]any{"error": "RateLimitExceeded", "message": c.everything()})(w, c)
		},
		"as a page": func(w http.ResponseWriter, c call) {
			http.Error(w, c.everything(), http.StatusBadGateway)
		},
		"as a page of success": func(w http.ResponseWriter, c call) { fmt.Fprint(w, c.everything()) },
		"as a redirect": func(w http.ResponseWriter, c call) {
			w.Header().Set("Location", "/"+url.PathEscape(c.everything()))
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"as a body that is cut off": func(w http.ResponseWriter, c call) {
			w.Header().Set("Content-Length", "100000")
			fmt.Fprint(w, c.everything())
		},
		"as something that isn't HTTP": hijacked("%s\r\n\r\n"),
		"as a malformed header":        hijacked("HTTP/1.1 200 OK\r\n%s\r\n\r\n"),
		"as the credentials of a connection": func(w http.ResponseWriter, c call) {
			connection := map[string]any{"id": connectionID, "credentials": map[string]any{"apiToken": c.everything(), "email": "a@b.co"}}
			say(200, map[string]any{"appConnection": connection, "appConnections": []any{connection}, "accessToken": accessToken, "expiresIn": 60})(w, c)
		},
	}
}

// values are the request's secrets.
func (c call) values() string {
	var body struct {
		Credentials               struct{ Email, APIToken string }
		ClientSecret, AccessToken string
	}
	_ = json.Unmarshal([]byte(c.Body), &body)
	return body.Credentials.APIToken + body.ClientSecret + body.AccessToken
}

// everything is what a receiver could repeat: all of the request, in several ways.
func (c call) everything() string {
	// The values first: some texts are cut after a hundred characters.
	values := c.values()
	return fmt.Sprint(values, c.Header, c.Route, c.Query, c.Body, url.QueryEscape(values), c.basic())
}

// basic is what Infisical makes of the credentials for Bitbucket.
func (c call) basic() string {
	var body struct {
		Credentials struct{ Email, APIToken string }
	}
	_ = json.Unmarshal([]byte(c.Body), &body)
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(body.Credentials.Email+":"+body.Credentials.APIToken))
}

// hijacked answers with raw text.
func hijacked(format string) func(http.ResponseWriter, call) {
	return func(w http.ResponseWriter, c call) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(conn, format, strings.ReplaceAll(c.everything(), ":", " "))
		_ = conn.Close()
	}
}

// parrot is a server that answers route with one of the parrots and everything
// else properly. It keeps the requests and the bytes that came over the network.
type parrot struct {
	*recorder
	route  string
	parody func(http.ResponseWriter, call)
	wire   lockedBuffer
}

func newParrot(t *testing.T, route string, parody func(http.ResponseWriter, call)) *parrot {
	t.Helper()
	p := &parrot{recorder: &recorder{t: t, now: start()}, route: route, parody: parody}
	p.replies = map[string][]reply{
		loginPath: {granted(accessToken, "60")}, listPath: {many()}, listAllPath: {many()},
		createPath: {one(connectionJSON)}, updatePath: {one(connectionJSON)},
		strings.Replace(updatePath, "PATCH", "GET", 1): {one(connectionJSON)},
	}
	server := httptest.NewUnstartedServer(p)
	server.Listener = tee{server.Listener, &p.wire}
	server.Start()
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *parrot) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method+" "+req.URL.EscapedPath() != p.route {
		p.recorder.ServeHTTP(w, req)
		return
	}
	body := new(bytes.Buffer)
	_, _ = body.ReadFrom(req.Body)
	made := call{Route: p.route, Query: req.URL.Query(), Header: req.Header, Body: body.String()}
	p.mu.Lock()
	p.calls = append(p.calls, made)
	p.mu.Unlock()
	p.parody(w, made)
}

// tee copies what a listener's connections read.
type tee struct {
	net.Listener
	to *lockedBuffer
}

func (l tee) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return teeConn{conn, l.to}, err
}

type teeConn struct {
	net.Conn
	to *lockedBuffer
}

func (c teeConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.to.write(p[:n])
	return n, err
}

type lockedBuffer struct {
	mu   sync.Mutex
	data []byte
}

func (b *lockedBuffer) write(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = append(b.data, p...)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.data)
}
