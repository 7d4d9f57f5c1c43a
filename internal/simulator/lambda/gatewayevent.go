package lambda

import (
	"encoding/base64"
	"maps"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// event turns a request into payload format 2.0.
// Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func (g *HTTPGateway) event(r *http.Request, requestID string, body []byte) events.APIGatewayV2HTTPRequest {
	// Unlike its name says, rawPath is decoded, and cut at a decoded question mark;
	// the stage stays in it. (Function URLs leave it encoded.) Seen by those who
	// proxy through it, for one https://github.com/middleapi/standard-server/pull/93
	path, _, _ := strings.Cut(r.URL.Path, "?")
	now := g.now().UTC()
	host, _, _ := strings.Cut(r.Host, ":")
	prefix, _, _ := strings.Cut(host, ".")
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: defaultRoute, RawPath: path, RawQueryString: r.URL.RawQuery,
		Cookies: cookies(r.Header), Headers: g.headers(r, len(body)), QueryStringParameters: query(r),
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: defaultRoute, AccountID: Account, Stage: g.stage, RequestID: requestID,
			APIID: prefix, DomainName: host, DomainPrefix: prefix,
			Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: path, Protocol: r.Proto, SourceIP: sourceIP(r), UserAgent: r.UserAgent(),
			},
		},
	}
	event.Body, event.IsBase64Encoded = encodeBody(r.Header.Get("Content-Type"), body)
	return event
}

// headers are lower-cased, with the values of one name joined by commas.
func (g *HTTPGateway) headers(r *http.Request, length int) map[string]string {
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	// Cookies have a field of their own.
	delete(headers, "cookie")
	headers["host"] = r.Host
	headers["content-length"] = strconv.Itoa(length)
	headers["x-amzn-trace-id"] = traceID()
	headers["x-forwarded-for"] = sourceIP(r)
	headers["x-forwarded-port"] = "443"
	headers["x-forwarded-proto"] = "https"
	return headers
}

func cookies(header http.Header) []string {
	var list []string
	for _, line := range header.Values("Cookie") {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				list = append(list, cookie)
			}
		}
	}
	return list
}

// query decodes the parameters; the values of one name are joined by commas.
func query(r *http.Request) map[string]string {
	values := r.URL.Query()
	if len(values) == 0 {
		return nil
	}
	parameters := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		parameters[name] = strings.Join(values[name], ",")
	}
	return parameters
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// encodeBody leaves text as it is and makes everything else base64. A form is not
// text for the gateway.
func encodeBody(contentType string, body []byte) (text string, encoded bool) {
	kind, _, err := mime.ParseMediaType(contentType)
	isText := contentType == "" || err == nil && (strings.HasPrefix(kind, "text/") ||
		slices.Contains([]string{"application/json", "application/xml", "application/javascript"}, kind))
	if isText && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}
