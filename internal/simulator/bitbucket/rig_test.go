package bitbucket_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/clock"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

const (
	appKey    = "example-app"
	uuid      = "{11111111-2222-4333-8444-555555555555}"
	clientKey = "ari:cloud:bitbucket::app/" + uuid + "/" + appKey
	secret    = "not-a-real-shared-secret"
	baseURL   = "https://app.example.com/live"
	valuesURL = "/2.0/addon/linkers/issues/values"
)

// rig is a started server with one app, two linkers and one installation.
type rig struct {
	t     *testing.T
	sim   *bitbucket.Server
	url   string
	clock *clock.Manual
}

func newRig(t *testing.T, switches bitbucket.Switches) *rig {
	t.Helper()
	manual := clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	sim := bitbucket.New(bitbucket.Options{Now: manual.Now, Switches: switches})
	url, err := sim.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	r := &rig{t: t, sim: sim, url: url, clock: manual}
	r.seed(bitbucket.State{
		Apps: []bitbucket.App{{Key: appKey, Descriptor: bitbucket.Descriptor(appKey, baseURL, "issues", "docs")}},
		Installations: []bitbucket.Installation{{
			AppKey: appKey, SharedSecret: secret,
			Principal: bitbucket.Principal{UUID: uuid, Username: "example-workspace"},
		}},
	})
	return r
}

func (r *rig) seed(state bitbucket.State) {
	r.t.Helper()
	if err := r.sim.Seed(state); err != nil {
		r.t.Fatal(err)
	}
}

// request is one call; the zero values make it a correct one.
type request struct {
	method, path, body string
	contentType        string
	// authorization is the header's value instead of a token made from the rest.
	authorization string
	header        http.Header
	// secret, signing, claims and tokenHeader say what is different about the token.
	secret      string
	signing     jwt.SigningMethod
	claims      func(jwt.MapClaims)
	tokenHeader func(map[string]any)
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
}

func (r *rig) token(q request) string {
	r.t.Helper()
	path, query, _ := strings.Cut(q.path, "?")
	now := r.clock.Now().Unix()
	claims := jwt.MapClaims{
		"iss": appKey, "sub": clientKey, "iat": now, "exp": now + 180,
		"qsh": bitbucket.QueryStringHash(q.method, path, query, ""),
	}
	if q.claims != nil {
		q.claims(claims)
	}
	var signing jwt.SigningMethod = jwt.SigningMethodHS256
	if q.signing != nil {
		signing = q.signing
	}
	token := jwt.NewWithClaims(signing, claims)
	if q.tokenHeader != nil {
		q.tokenHeader(token.Header)
	}
	var key any = []byte(secret)
	if q.secret != "" {
		key = []byte(q.secret)
	}
	if signing == jwt.SigningMethodNone {
		key = jwt.UnsafeAllowNoneSignatureType
	}
	signed, err := token.SignedString(key)
	if err != nil {
		r.t.Fatal(err)
	}
	return signed
}

func (r *rig) do(q request) answer {
	r.t.Helper()
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	httpRequest, err := http.NewRequestWithContext(r.t.Context(), q.method, r.url+q.path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if q.body != "" {
		httpRequest.Header.Set("Content-Type", "application/json")
	}
	if q.contentType != "" {
		httpRequest.Header.Set("Content-Type", q.contentType)
	}
	httpRequest.Header.Set("Authorization", q.authorization)
	if q.authorization == "" {
		httpRequest.Header.Set("Authorization", "JWT "+r.token(q))
	}
	for name, values := range q.header {
		httpRequest.Header[name] = values
	}
	response, err := loopback.Client().Do(httpRequest)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(content)}
}

// want fails the test unless the call is answered with the status, and returns the answer.
func (r *rig) want(status int, q request) answer {
	r.t.Helper()
	got := r.do(q)
	if got.status != status {
		r.t.Fatalf("%s %s: status %d, want %d: %s", q.method, q.path, got.status, status, got.body)
	}
	return got
}

func (r *rig) get(path string) answer {
	r.t.Helper()
	return r.want(200, request{method: "GET", path: path})
}

func (r *rig) put(path, body string) answer {
	r.t.Helper()
	return r.want(204, request{method: "PUT", path: path, body: body})
}

func (r *rig) post(path, body string) answer {
	r.t.Helper()
	return r.want(201, request{method: "POST", path: path, body: body})
}

// values are what the server has for the linker "issues".
func (r *rig) values() []string {
	r.t.Helper()
	in, ok := r.sim.Installation(clientKey)
	if !ok {
		r.t.Fatal("the installation is gone")
	}
	return in.Values["issues"]
}

// item is a linker value in its usual shape.
type item struct {
	ID    int64  `json:"id"`
	Value string `json:"value"`
}

type list struct {
	Size     *int   `json:"size"`
	Page     *int   `json:"page"`
	PageLen  *int   `json:"pagelen"`
	Next     string `json:"next"`
	Previous string `json:"previous"`
	Values   []item `json:"values"`
}

// envelope is the error envelope.
type envelope struct {
	Type  string `json:"type"`
	Error struct {
		Message string `json:"message"`
		Detail  any    `json:"detail"`
	} `json:"error"`
}
