package lambda_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// invoker is a function of the test.
type invoker func(ctx context.Context, payload []byte) ([]byte, error)

func (f invoker) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return f(ctx, payload) }

// says returns a function that always answers the same.
func says(answer string) invoker {
	return func(context.Context, []byte) ([]byte, error) { return []byte(answer), nil }
}

func gateway(t *testing.T, options lambda.GatewayOptions) *httptest.Server {
	t.Helper()
	options.Now = func() time.Time { return time.Date(2026, 11, 21, 10, 20, 30, 456e6, time.UTC) }
	server := httptest.NewServer(lambda.NewHTTPGateway(options))
	t.Cleanup(server.Close)
	return server
}

// send makes a request and returns the answer with its body.
func send(t *testing.T, request *http.Request) (*http.Response, string) {
	t.Helper()
	connection := &http.Transport{} // of its own: a kept one may end at the server of an earlier test
	defer connection.CloseIdleConnections()
	response, err := (&http.Client{Transport: connection}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// received runs one request through a gateway and returns the event.
func received(t *testing.T, stage string, change func(*http.Request)) events.APIGatewayV2HTTPRequest {
	t.Helper()
	var event events.APIGatewayV2HTTPRequest
	server := gateway(t, lambda.GatewayOptions{Stage: stage, Function: invoker(func(_ context.Context, payload []byte) ([]byte, error) {
		return nil, json.Unmarshal(payload, &event)
	})})
	r := request(t, http.MethodPost, server.URL+"/", "")
	change(r)
	send(t, r)
	return event
}

func TestGatewayEvent(t *testing.T) {
	t.Parallel()
	event := received(t, "prod", func(r *http.Request) {
		r.URL.Path, r.URL.RawPath = "/prod/a b/installed", "/prod/a%20b/installed"
		r.URL.RawQuery = "jwt=a%2Fb&x=1&x=2+3"
		r.Host = "abc123.execute-api.eu-central-1.amazonaws.com:443"
		r.Body = io.NopCloser(strings.NewReader(`{"key": "ü"}`))
		r.Header = http.Header{
			"Content-Type": {"application/json; charset=utf-8"},
			"X-Two":        {"1", "2"},
			"User-Agent":   {"Bitbucket"},
			"Cookie":       {"a=1; b=2", "c=3"},
		}
	})
	trace := event.Headers["x-amzn-trace-id"]
	if !strings.HasPrefix(trace, "Root=1-") || event.RequestContext.RequestID == "" {
		t.Errorf("trace %q, request id %q", trace, event.RequestContext.RequestID)
	}
	delete(event.Headers, "x-amzn-trace-id")
	event.RequestContext.RequestID = ""
	want := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default",
		RawPath: "/prod/a b/installed", RawQueryString: "jwt=a%2Fb&x=1&x=2+3",
		Cookies: []string{"a=1", "b=2", "c=3"},
		Headers: map[string]string{
			"content-type": "application/json; charset=utf-8", "x-two": "1,2", "user-agent": "Bitbucket", "accept-encoding": "gzip",
			"host": "abc123.execute-api.eu-central-1.amazonaws.com:443", "content-length": "13",
			"x-forwarded-for": "127.0.0.1", "x-forwarded-port": "443", "x-forwarded-proto": "https",
		},
		QueryStringParameters: map[string]string{"jwt": "a/b", "x": "1,2 3"},
		Body:                  `{"key": "ü"}`,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "$default", AccountID: "111122223333", Stage: "prod",
			APIID: "abc123", DomainName: "abc123.execute-api.eu-central-1.amazonaws.com", DomainPrefix: "abc123",
			Time: "21/Nov/2026:10:20:30 +0000", TimeEpoch: 1795256430456,
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: "POST", Path: "/prod/a b/installed", Protocol: "HTTP/1.1", SourceIP: "127.0.0.1", UserAgent: "Bitbucket",
			},
		},
	}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestGatewayCutsThePathAtADecodedQuestionMark(t *testing.T) {
	t.Parallel()
	event := received(t, "", func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/me?admin=1", "/me%3Fadmin=1" })
	if event.RawPath != "/me" || event.RequestContext.HTTP.Path != "/me" || event.RawQueryString != "" {
		t.Errorf("path %q, %q, query %q", event.RawPath, event.RequestContext.HTTP.Path, event.RawQueryString)
	}
}

func TestGatewayBodies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		contentType, body string
		encoded           bool
	}{
		"JSON":                {"application/json", `{}`, false},
		"plain text":          {"text/plain", "ä", false},
		"XML":                 {"application/xml", "<a/>", false},
		"JavaScript":          {"application/javascript", "1", false},
		"no type":             {"", "text", false},
		"a form":              {"application/x-www-form-urlencoded", "a=1", true},
		"bytes":               {"application/octet-stream", "text", true},
		"a type that is none": {"text/", "text", true},
		"text that isn't":     {"text/plain", "\xff", true},
		"nothing":             {"application/json", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := received(t, "", func(r *http.Request) {
				r.Body = io.NopCloser(strings.NewReader(test.body))
				if test.contentType != "" {
					r.Header.Set("Content-Type", test.contentType)
				}
			})
			want := test.body
			if test.encoded {
				want = base64.StdEncoding.EncodeToString([]byte(test.body))
			}
			if event.Body != want || event.IsBase64Encoded != test.encoded {
				t.Errorf("body %q, encoded %t, want %q, %t", event.Body, event.IsBase64Encoded, want, test.encoded)
			}
		})
	}
}

func TestGatewayServesItsStage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		stage, path string
		served      bool
	}{
		{"", "/", true},
		{"", "/installed", true},
		{"prod", "/prod", true},
		{"prod", "/prod/", true},
		{"prod", "/prod/x", true},
		{"prod", "/installed", false},
		{"prod", "/production", false},
	} {
		server := gateway(t, lambda.GatewayOptions{Function: says(`"ok"`), Stage: test.stage})
		response, body := send(t, request(t, http.MethodPost, server.URL+test.path, ""))
		status, want := http.StatusOK, `"ok"`
		if !test.served {
			status, want = http.StatusNotFound, `{"message":"Not Found"}`
		}
		if body != want || response.StatusCode != status || response.Header.Get("Apigw-Requestid") == "" {
			t.Errorf("%s of stage %q: answer %d %s, want %d %s", test.path, test.stage, response.StatusCode, body, status, want)
		}
	}
}

func TestGatewayLimits(t *testing.T) {
	t.Parallel()
	server := gateway(t, lambda.GatewayOptions{Function: says(`"ok"`)})
	host := strings.TrimPrefix(server.URL, "http://")
	// What the client adds by itself, and the request line.
	fixed := len("GET / HTTP/1.1\r\n") + len(host) + len("Go-http-client/1.1") + len("gzip")
	tests := map[string]struct {
		request *http.Request
		status  int
		body    string
	}{
		"headers as long as allowed": {withHeader(request(t, http.MethodGet, server.URL+"/", ""), lambda.MaxGatewayHeader-fixed), http.StatusOK, `"ok"`},
		"headers that are longer":    {withHeader(request(t, http.MethodGet, server.URL+"/", ""), lambda.MaxGatewayHeader-fixed+1), http.StatusRequestHeaderFieldsTooLarge, `{"message":"Request Header Fields Too Large"}`},
		"a large body":               {request(t, http.MethodPost, server.URL, strings.Repeat("x", 5<<20)), http.StatusOK, `"ok"`},
		"more than Lambda takes":     {request(t, http.MethodPost, server.URL, strings.Repeat("x", lambda.MaxPayload)), http.StatusRequestEntityTooLarge, `{"message":"Request Entity Too Large"}`},
		"more than the gateway":      {request(t, http.MethodPost, server.URL, strings.Repeat("x", lambda.MaxGatewayBody+1)), http.StatusRequestEntityTooLarge, `{"message":"Request Entity Too Large"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, body := send(t, test.request)
			if response.StatusCode != test.status || body != test.body {
				t.Errorf("answer %d %s, want %d %s", response.StatusCode, body, test.status, test.body)
			}
		})
	}
}

func withHeader(r *http.Request, length int) *http.Request {
	r.Header.Set("X-Long", strings.Repeat("x", length))
	return r
}

func TestGatewayFailures(t *testing.T) {
	t.Parallel()
	const internal = `{"message":"Internal Server Error"}`
	fail := func(err error) invoker { return func(context.Context, []byte) ([]byte, error) { return nil, err } }
	tests := map[string]struct {
		function lambda.Invoker
		status   int
		body     string
	}{
		"the function fails":     {fail(&lambda.FunctionError{Message: "canary"}), http.StatusInternalServerError, internal},
		"the function is busy":   {fail(lambda.ErrThrottled), http.StatusInternalServerError, internal},
		"anything else":          {fail(errors.New("canary")), http.StatusInternalServerError, internal},
		"it takes too long":      {invoker(func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }), http.StatusServiceUnavailable, `{"message":"Service Unavailable"}`},
		"no status code at all":  {says(`{"body": "x"}`), http.StatusOK, `{"body": "x"}`},
		"no JSON at all":         {says(`half {`), http.StatusOK, `half {`},
		"a null":                 {says(`null`), http.StatusOK, `null`},
		"a status code of null":  {says(`{"statusCode": null}`), http.StatusInternalServerError, internal},
		"a status code of zero":  {says(`{"statusCode": 0}`), http.StatusInternalServerError, internal},
		"a status code of 100":   {says(`{"statusCode": 100}`), http.StatusInternalServerError, internal},
		"a status code of 600":   {says(`{"statusCode": 600}`), http.StatusInternalServerError, internal},
		"a status code as text":  {says(`{"statusCode": "200"}`), http.StatusInternalServerError, internal},
		"a body that isn't text": {says(`{"statusCode": 200, "body": {}}`), http.StatusInternalServerError, internal},
		"base64 that isn't":      {says(`{"statusCode": 200, "body": "?", "isBase64Encoded": true}`), http.StatusInternalServerError, internal},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := lambda.GatewayOptions{Function: test.function}
			if test.status == http.StatusServiceUnavailable {
				options.Timeout = time.Millisecond
			}
			response, body := send(t, request(t, http.MethodGet, gateway(t, options).URL, ""))
			if response.StatusCode != test.status || body != test.body {
				t.Errorf("answer %d %s, want %d %s", response.StatusCode, body, test.status, test.body)
			}
			if got := response.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

func TestGatewayAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer string
		status int
		body   string
		header map[string][]string
	}{
		"a status code alone": {`{"statusCode": 204}`, 204, "", map[string][]string{"Content-Type": {"text/plain; charset=utf-8"}}},
		"text":                {`{"statusCode": 401, "body": "no", "headers": {"content-type": "text/html", "WWW-Authenticate": "JWT"}}`, 401, "no", map[string][]string{"Content-Type": {"text/html"}, "Www-Authenticate": {"JWT"}}},
		"bytes":               {`{"statusCode": 599, "body": "/w==", "isBase64Encoded": true}`, 599, "\xff", nil},
		"headers of the connection": {
			`{"statusCode": 200, "body": "abc", "headers": {"content-length": "1", "Transfer-Encoding": "x", "connection": "close"}}`, 200, "abc",
			map[string][]string{"Connection": nil, "Content-Length": {"3"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := gateway(t, lambda.GatewayOptions{Function: says(test.answer)})
			response, body := send(t, request(t, http.MethodGet, server.URL, ""))
			if response.StatusCode != test.status || body != test.body {
				t.Errorf("answer %d %q, want %d %q", response.StatusCode, body, test.status, test.body)
			}
			for name, want := range test.header {
				if diff := cmp.Diff(want, response.Header.Values(name)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

// TestGatewayInFrontOfARealFunction: the handler answers with its event, which
// has no status code and so is the body.
func TestGatewayInFrontOfARealFunction(t *testing.T) {
	t.Parallel()
	function := start(t, nil)
	server := gateway(t, lambda.GatewayOptions{Function: function})
	response, body := send(t, request(t, http.MethodPut, server.URL+"/echo?a=b", "hello"))
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal([]byte(body), &event); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if response.StatusCode != http.StatusOK || event.RouteKey != "$default" || event.Body != "hello" || event.RawQueryString != "a=b" {
		t.Errorf("answer %d %s", response.StatusCode, body)
	}
}
