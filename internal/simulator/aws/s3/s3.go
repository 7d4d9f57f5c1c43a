// Package s3 simulates Amazon S3 with path-style addresses: buckets with versions,
// objects of one part, conditions, and the events that S3 sends to EventBridge.
//
// It has no objects without versions, lists, multipart uploads, ranges, copies, access
// lists or encryption; asking for encryption is taken and answered as S3 does.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
package s3

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// Emit takes an event for EventBridge's default bus.
type Emit func(source, detailType string, resources []string, detail any)

// Service holds the buckets of one account. It is safe for concurrent use.
type Service struct {
	cloud wire.Cloud
	emit  Emit

	mu      sync.Mutex
	buckets map[string]*bucket
	written int // numbers writes, for the sequencer in events
}

// New returns a service without buckets that hands its events to emit.
func New(cloud wire.Cloud, emit Emit) *Service {
	return &Service{cloud: cloud, emit: emit, buckets: map[string]*bucket{}}
}

// request is a request that has been taken apart.
type request struct {
	*http.Request
	bucket, key string
	query       url.Values
	body        []byte
}

// operation is one of S3's, with what it understands besides the common headers.
type operation struct {
	name    string
	query   []string
	headers []string
	handle  func(*Service, http.ResponseWriter, request) error
}

// operations is a function because a table of methods would be a package variable.
func operations() []operation {
	return []operation{
		{"CreateBucket", nil, nil, (*Service).createBucket},
		{"PutBucketVersioning", []string{"versioning"}, nil, (*Service).putVersioning},
		{
			"PutObject", nil,
			[]string{
				"x-amz-checksum-", "x-amz-meta-", "x-amz-server-side-encryption", "if-none-match", "if-match",
			},
			(*Service).putObject,
		},
		{"GetObject", []string{"versionId"}, []string{"x-amz-checksum-mode", "if-none-match", "if-match"}, (*Service).getObject},
		{"HeadObject", []string{"versionId"}, []string{"x-amz-checksum-mode", "if-none-match", "if-match"}, (*Service).getObject},
		{"DeleteObject", nil, nil, (*Service).deleteObject},
	}
}

// name finds out which operation a request is.
func (r request) name() string {
	if r.key != "" {
		return map[string]string{
			http.MethodPut: "PutObject", http.MethodGet: "GetObject",
			http.MethodHead: "HeadObject", http.MethodDelete: "DeleteObject",
		}[r.Method]
	}
	switch {
	case r.bucket == "" || r.Method != http.MethodPut:
		return ""
	case r.query.Has("versioning"):
		return "PutBucketVersioning"
	}
	return "CreateBucket"
}

func newRequest(r *http.Request, body []byte) (request, error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	out := request{Request: r, bucket: bucket, query: r.URL.Query(), body: body}
	var err error
	if out.key, err = url.PathUnescape(key); err != nil {
		return out, wire.Refuse("InvalidURI", "Couldn't parse the specified URI.")
	}
	return out, nil
}

// SigningName implements wire.Service.
func (s *Service) SigningName() string { return "s3" }

// Target implements wire.Service.
func (s *Service) Target(r *http.Request, body []byte) string {
	parsed, err := newRequest(r, body)
	if err != nil {
		return "s3.?"
	}
	return "s3." + parsed.name()
}

// Handle implements wire.Service.
func (s *Service) Handle(w http.ResponseWriter, r *http.Request, body []byte) error {
	w.Header().Set("X-Amz-Request-Id", wire.RequestID())
	parsed, err := newRequest(r, body)
	if err != nil {
		return err
	}
	name := parsed.name()
	all := operations()
	found := slices.IndexFunc(all, func(o operation) bool { return o.name == name })
	if found < 0 {
		return wire.Missing("S3 operation", r.Method+" "+r.URL.RequestURI())
	}
	if err := all[found].understands(parsed); err != nil {
		return err
	}
	if owner := r.Header.Get("X-Amz-Expected-Bucket-Owner"); owner != "" && owner != s.cloud.Account {
		return &wire.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied"}
	}
	if err := parsed.checkPayload(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return all[found].handle(s, w, parsed)
}

// understands refuses parameters and headers that would change what the
// operation does and that the simulator doesn't have.
func (o operation) understands(r request) error {
	for name := range r.query {
		if name != "x-id" && !slices.Contains(o.query, name) { // x-id only repeats the operation's name
			return wire.Missing("query parameter of "+o.name, name)
		}
	}
	common := []string{
		"x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent",
		"x-amz-expected-bucket-owner", "x-amz-sdk-checksum-algorithm", "x-amz-checksum-",
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		known := func(prefix string) bool {
			return lower == prefix || strings.HasSuffix(prefix, "-") && strings.HasPrefix(lower, prefix)
		}
		matters := strings.HasPrefix(lower, "x-amz-") || strings.HasPrefix(lower, "if-") || lower == "range"
		encryption := slices.Contains(o.headers, "x-amz-server-side-encryption") && lower == "x-amz-server-side-encryption-aws-kms-key-id"
		if matters && !encryption && !slices.ContainsFunc(common, known) && !slices.ContainsFunc(o.headers, known) {
			return wire.Missing("header of "+o.name, lower)
		}
	}
	return nil
}

// Refuse implements wire.Service.
func (s *Service) Refuse(w http.ResponseWriter, r *http.Request, refusal *wire.Error) {
	writeXML(w, refusal.Status, struct {
		XMLName                            xml.Name `xml:"Error"`
		Code, Message, Resource, RequestID string
	}{Code: refusal.Code, Message: refusal.Message, Resource: r.URL.Path, RequestID: w.Header().Get("X-Amz-Request-Id")})
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

func writeXML(w http.ResponseWriter, status int, body any) {
	encoded, err := xml.Marshal(body)
	if err != nil {
		panic(err) // the package's own types
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), encoded...))
}
