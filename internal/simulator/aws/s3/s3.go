// Package s3 puts gofakes3, an independent imitation of Amazon S3, behind the
// simulator's endpoint, with path-style addresses. It adds the events that S3 sends
// to EventBridge. The contract of package aws names the rows in which gofakes3
// differs from S3.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
package s3

import (
	"encoding/xml"
	"net/http"
	"strings"
	"sync"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

// Emit takes an event for EventBridge's default bus.
type Emit func(source, detailType string, resources []string, detail any)

// Service holds the buckets of one account. It is safe for concurrent use.
type Service struct {
	cloud   wire.Cloud
	emit    Emit
	backend *s3mem.Backend
	handler http.Handler

	mu      sync.Mutex
	events  map[string]bool // the buckets that send events
	written int             // numbers writes, for the sequencer in events
}

// New returns a service without buckets that hands its events to emit.
func New(cloud wire.Cloud, emit Emit) *Service {
	backend := s3mem.New()
	return &Service{
		cloud: cloud, emit: emit, backend: backend, events: map[string]bool{},
		// The simulator's clock may stand still; wire checks the time of a signature.
		handler: gofakes3.New(backend, gofakes3.WithTimeSkewLimit(0)).Server(),
	}
}

// Add makes a bucket with versions that sends its events to EventBridge, past
// the protocol. It panics when the bucket is there already.
func (s *Service) Add(name string) {
	if err := s.backend.CreateBucket(name); err != nil {
		panic("s3: add bucket " + name + ": " + err.Error())
	}
	if err := s.backend.SetVersioningConfiguration(name, gofakes3.VersioningConfiguration{Status: gofakes3.VersioningEnabled}); err != nil {
		panic("s3: turn on versions of bucket " + name + ": " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events[name] = true
}

// SigningName implements wire.Service.
func (s *Service) SigningName() string { return "s3" }

// Target implements wire.Service.
func (s *Service) Target(r *http.Request, _ []byte) string { return "s3." + operation(r) }

// operation names what a request asks for, as far as linkersync uses S3.
func operation(r *http.Request) string {
	if _, key := address(r); key == "" {
		return "?"
	}
	switch r.Method {
	case http.MethodPut:
		return "PutObject"
	case http.MethodGet:
		return "GetObject"
	case http.MethodHead:
		return "HeadObject"
	}
	return "?"
}

func address(r *http.Request) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return bucket, key
}

// Handle implements wire.Service.
func (s *Service) Handle(w http.ResponseWriter, r *http.Request, body []byte) error {
	answer := &recorder{ResponseWriter: w}
	s.handler.ServeHTTP(answer, r)
	if answer.status < 300 {
		s.announce(operation(r), r, answer.Header(), len(body))
	}
	return nil
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Refuse implements wire.Service.
func (s *Service) Refuse(w http.ResponseWriter, r *http.Request, refusal *wire.Error) {
	encoded, err := xml.Marshal(struct {
		XMLName                            xml.Name `xml:"Error"`
		Code, Message, Resource, RequestID string
	}{Code: refusal.Code, Message: refusal.Message, Resource: r.URL.Path, RequestID: loopback.UUID()})
	if err != nil {
		panic(err) // the type above
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(refusal.Status)
	_, _ = w.Write(append([]byte(xml.Header), encoded...))
}

// Denials implements wire.Service.
func (s *Service) Denials() wire.Denials {
	denied := func(code string) wire.Error { return wire.Error{Status: http.StatusForbidden, Code: code} }
	return wire.Denials{
		Missing: denied("AccessDenied"), Mismatch: denied("SignatureDoesNotMatch"), UnknownKey: denied("InvalidAccessKeyId"),
		Skewed:     denied("RequestTimeTooSkewed"),
		Incomplete: wire.Error{Status: http.StatusBadRequest, Code: "AuthorizationHeaderMalformed"},
		Expired:    wire.Error{Status: http.StatusBadRequest, Code: "ExpiredToken"},
	}
}
