package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

// Operation answers one operation of a JSON protocol.
type Operation func(ctx context.Context, body []byte) (any, error)

// Operate makes an operation of a function on typed input and output. The input
// is a struct whose JSON tags are the operation's members, all of them.
func Operate[In, Out any](handle func(context.Context, In) (Out, error)) Operation {
	return func(ctx context.Context, body []byte) (any, error) {
		var in In
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		return handle(ctx, in)
	}
}

// JSON is a service of the JSON protocols, which name the operation in
// X-Amz-Target.
type JSON struct {
	// Signing is the name in a signature's scope.
	Signing string
	// Prefix comes before the operation in X-Amz-Target: "AmazonSQS".
	Prefix string
	// Version of the protocol: "1.0" or "1.1".
	Version string
	// Namespace goes before an error's type, as some services do; may be empty.
	Namespace string
	// QueryErrors maps an error's type to the code that the service had in the old
	// query protocol, for SDKs that look for that one. Nil for most services.
	QueryErrors map[string]string
	Operations  map[string]Operation
}

// SigningName implements Service.
func (j *JSON) SigningName() string { return j.Signing }

// Target implements Service.
func (j *JSON) Target(r *http.Request, _ []byte) string { return r.Header.Get("X-Amz-Target") }

// Denials implements Service.
func (j *JSON) Denials() Denials { return jsonDenials() }

func (j *JSON) contentType() string { return "application/x-amz-json-" + j.Version }

// Handle implements Service.
func (j *JSON) Handle(w http.ResponseWriter, r *http.Request, body []byte) error {
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.URL.RawQuery != "" {
		return Refuse("UnknownOperationException", "the JSON protocols take POST / only, not %s %s", r.Method, r.URL.RequestURI())
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != j.contentType() {
		return Refuse("SerializationException", "content type is %q, want %s", r.Header.Get("Content-Type"), j.contentType())
	}
	name := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), j.Prefix+".")
	operation, ok := j.Operations[name]
	if !ok {
		return Missing("operation", j.Prefix+"."+name)
	}
	out, err := operation(r.Context(), body)
	if err != nil {
		return err
	}
	j.write(w, http.StatusOK, out)
	return nil
}

// Refuse implements Service.
func (j *JSON) Refuse(w http.ResponseWriter, _ *http.Request, refusal *Error) {
	code := refusal.Code
	if j.Namespace != "" {
		code = j.Namespace + "#" + code
	}
	body := map[string]string{"__type": code, "message": refusal.Message}
	if query, ok := j.QueryErrors[refusal.Code]; ok {
		w.Header().Set("X-Amzn-Query-Error", query+";Sender")
	}
	w.Header().Set("X-Amzn-Errortype", refusal.Code)
	j.write(w, refusal.Status, body)
}

func (j *JSON) write(w http.ResponseWriter, status int, out any) {
	body, err := json.Marshal(out)
	if err != nil {
		panic(fmt.Errorf("encode answer of %s: %w", j.Prefix, err)) // a bug of the simulator
	}
	if string(body) == "null" {
		body = nil // an operation without output
	}
	w.Header().Set("Content-Type", j.contentType())
	w.Header().Set("X-Amzn-Requestid", loopback.UUID())
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone away is its own problem
}

// AsError returns err as what AWS answers; what is not an *Error is a bug of the
// simulator, and a 500.
func AsError(err error) *Error {
	var refusal *Error
	if !errors.As(err, &refusal) {
		return &Error{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()}
	}
	if refusal.Status == 0 {
		refusal.Status = http.StatusBadRequest
	}
	return refusal
}

// Time is a time as the JSON protocols write it: seconds since 1970 with milliseconds.
type Time time.Time

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	milliseconds := time.Time(t).UnixMilli()
	return fmt.Appendf(nil, "%d.%03d", milliseconds/1000, milliseconds%1000), nil
}

// Timestamp returns t for an optional member, nil when t is zero.
func Timestamp(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	stamp := Time(t)
	return &stamp
}
