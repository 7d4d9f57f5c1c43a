package infisical_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/infisical"
)

// Whatever answers, the error is bounded, printable, keeps the status, has a
// meaning and holds none of the request's secrets.
func FuzzErrorDecoder(f *testing.F) {
	for _, answer := range answers() {
		f.Add(answer.reply.status, answer.reply.body, "12")
	}
	f.Add(422, `{"message":[{"path":["a"],"unionErrors":[{"issues":[{"unionErrors":[]}]}]}],"error":7}`, "")
	f.Add(400, `{"message":"`+apiToken+`","error":"ATATT3xFfGF0canary","reqId":"access-1"}`, "Wed, 21 Oct 2026 07:28:00 GMT")
	f.Add(429, `{"message":null,"reqId":{}}`, "-1")
	f.Add(599, "\xff\x00", "1e9")
	f.Fuzz(func(t *testing.T, status int, body, retryAfter string) {
		if status < 400 || status > 599 {
			t.Skip("not an error")
		}
		recorded := &recorder{t: t, replies: map[string][]reply{}, now: start()}
		client := recorded.client()
		client.BaseURL = "https://infisical.example"
		client.HTTP = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/login") {
				return answered(req, 200, `{"accessToken":"access-1","expiresIn":60}`, ""), nil
			}
			return answered(req, status, body, retryAfter), nil
		})}
		_, err := client.Create(t.Context(), newConnection())
		checkText(t, err)
		var failed *infisical.APIError
		if !errors.As(err, &failed) {
			t.Fatalf("error = %v, want an APIError", err)
		}
		if failed.Status != status || len(failed.Unwrap()) == 0 || failed.RetryAfter < 0 {
			t.Errorf("error = %+v", failed)
		}
		for _, secret := range []string{apiToken, clientSecret} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds a secret: %v", err)
			}
		}
	})
}

func answered(req *http.Request, status int, body, retryAfter string) *http.Response {
	header := http.Header{}
	if retryAfter != "" {
		header.Set("Retry-After", retryAfter)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: req}
}
