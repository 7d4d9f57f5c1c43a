package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

// What an HTTP API of API Gateway takes.
// Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const (
	// MaxGatewayBody is in bytes, of a request's body.
	MaxGatewayBody = 10 << 20
	// MaxGatewayHeader is in bytes, of the request line and all header values.
	MaxGatewayHeader = 10240
	// GatewayTimeout is how long the gateway waits for a function at most.
	GatewayTimeout = 30 * time.Second
)

// Invoker is a function that can be invoked: a [*Runtime], or a test's.
type Invoker interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// GatewayOptions configure an [HTTPGateway].
type GatewayOptions struct {
	// Function is behind the route $default, which takes everything. It is the only
	// route that is simulated, as in template.yaml.
	Function Invoker
	// Stage is the path prefix of a stage with a name. Empty means $default, which
	// has none.
	Stage string
	// Timeout is that of the integration; zero means [GatewayTimeout].
	Timeout time.Duration
	// Now is the clock of request times; nil means time.Now.
	Now func() time.Time
}

// HTTPGateway is an HTTP API of API Gateway with Lambda proxy integrations and
// payload format 2.0. What it answers itself is what AWS answers: 404 outside the
// stage, 413 and 431 for too large requests, 500 when the function or its answer
// is broken, 503 when it takes too long. (502 and 504 are REST APIs' words.)
type HTTPGateway struct {
	function Invoker
	stage    string
	timeout  time.Duration
	now      func() time.Time
}

// NewHTTPGateway returns a handler for HTTP servers.
func NewHTTPGateway(options GatewayOptions) *HTTPGateway {
	gateway := &HTTPGateway{function: options.Function, stage: options.Stage, timeout: options.Timeout, now: options.Now}
	if gateway.stage == "" {
		gateway.stage = defaultRoute
	}
	if gateway.timeout == 0 {
		gateway.timeout = GatewayTimeout
	}
	if gateway.now == nil {
		gateway.now = time.Now
	}
	return gateway
}

// defaultRoute is the name of the route and of the stage that take everything.
const defaultRoute = "$default"

// ServeHTTP implements http.Handler.
func (g *HTTPGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Apigw-Requestid", loopback.UUID())
	if headerSize(r) > MaxGatewayHeader {
		// The status is from RFC 6585; AWS documents the limit and not its answer.
		reply(w, http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
		return
	}
	if !g.serves(r.URL.Path) {
		reply(w, http.StatusNotFound, "Not Found")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxGatewayBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		reply(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	if err != nil {
		return // the client is gone
	}
	event := g.event(r, w.Header().Get("Apigw-Requestid"), body)
	payload, err := json.Marshal(event)
	if err != nil {
		reply(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	if len(payload) > MaxPayload {
		// Lambda's limit, which base64 makes smaller still.
		reply(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	g.invoke(w, r, payload)
}

func (g *HTTPGateway) invoke(w http.ResponseWriter, r *http.Request, payload []byte) {
	ctx, cancel := context.WithTimeout(r.Context(), g.timeout)
	defer cancel()
	answer, err := g.function.Invoke(ctx, payload)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		reply(w, http.StatusServiceUnavailable, "Service Unavailable")
	case err != nil:
		// Whatever it was: callers never see a function's error.
		reply(w, http.StatusInternalServerError, "Internal Server Error")
	default:
		writeAnswer(w, answer)
	}
}

// serves tells whether a path is below the stage.
func (g *HTTPGateway) serves(path string) bool {
	if g.stage == defaultRoute {
		return true
	}
	rest, found := strings.CutPrefix(path, "/"+g.stage)
	return found && (rest == "" || rest[0] == '/')
}

func headerSize(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("  \r\n") + len(r.Host)
	for _, values := range r.Header {
		for _, value := range values {
			size += len(value)
		}
	}
	return size
}

// reply writes what the gateway says itself.
func reply(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"message":%q}`, message)
}
