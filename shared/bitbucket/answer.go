package bitbucket

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	// maxMessage is how many characters of an error's text are kept.
	maxMessage = 300
	// maxScanned is how many bytes of it are looked at: the search for credentials
	// takes a second of CPU for a text of 4 MiB.
	maxScanned = 16 << 10
)

// envelope is the body of an error: of the REST API, or of the OAuth endpoint.
// Sources: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#standardized-error-responses
// and https://www.rfc-editor.org/rfc/rfc6749#section-5.2
type envelope struct {
	Error       json.RawMessage `json:"error"`
	Description string          `json:"error_description"`
}

// content is the REST API's error. Detail is a string, or an object with scopes.
type content struct {
	Message string          `json:"message"`
	Detail  json.RawMessage `json:"detail"`
}

// newAPIError keeps the status whatever the body is.
func newAPIError(req *http.Request, res *http.Response, body []byte, now time.Time, secrets []string) *APIError {
	e := &APIError{
		Method: req.Method, Path: req.URL.EscapedPath(), Status: res.StatusCode,
		NotJSON: len(body) > 0 && !json.Valid(body), RequestID: requestID(res.Header),
	}
	e.RetryAfter, _ = transport.RetryAfter(res.Header, now)
	if e.NotJSON {
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
			e.Message = string(body) // a 429 is; a page of HTML would only drown the rest
		}
	} else {
		e.Code, e.Message = explain(body)
	}
	e.Code, e.Message, e.RequestID = printable(e.Code, secrets), printable(e.Message, secrets), printable(e.RequestID, secrets)
	return e
}

// requestID prefers the header that the live service was seen to send.
func requestID(header http.Header) string {
	for _, name := range []string{"X-B3-Traceid", "Atl-Traceid", "X-Request-Id"} {
		if id := header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// explain takes what it can: a member of another type than expected stays empty.
func explain(body []byte) (code, message string) {
	var outer envelope
	_ = json.Unmarshal(body, &outer)
	if _ = json.Unmarshal(outer.Error, &code); code != "" {
		return code, outer.Description
	}
	var inner content
	_ = json.Unmarshal(outer.Error, &inner)
	if detail := detail(inner.Detail); detail != "" {
		return "", strings.TrimSuffix(inner.Message, ".") + ": " + detail
	}
	return "", inner.Message
}

func detail(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var scopes struct {
		Required []string `json:"required"`
	}
	if json.Unmarshal(raw, &scopes) == nil && len(scopes.Required) > 0 {
		return "needs " + strings.Join(scopes.Required, ", ")
	}
	return ""
}

// jwtPattern finds signed tokens in a text that a server returned.
// It is compiled when it is first needed, because most processes never need it.
var jwtPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}`) })

// printable makes a server's text safe to show: without credentials that it may
// have echoed, without control characters that could steer a terminal or forge a
// log line, and short.
func printable(text string, secrets []string) string {
	if len(text) > maxScanned {
		// Between words, because half a credential wouldn't be found.
		text = text[:strings.LastIndexFunc(text[:maxScanned], unicode.IsSpace)+1]
	}
	text = jwtPattern().ReplaceAllString(text, redact.Placeholder)
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, redact.Placeholder)
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "…"
	}
	return text
}
