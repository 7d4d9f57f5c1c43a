package s3_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var errorCode = regexp.MustCompile(`<Code>(.*)</Code>`)

// raw signs and sends a PutObject as it is: the SDK sends chunks only over TLS,
// and never anything wrong. It returns the code of the refusal.
func (w *world) raw(t *testing.T, query, payload, body string, header map[string]string) string {
	t.Helper()
	code, _ := w.exchange(t, http.MethodPut, "/manifests/k"+query, payload, body, header)
	return code
}

// exchange is raw for any request, and returns the answer's header too.
func (w *world) exchange(t *testing.T, method, target, payload, body string, header map[string]string) (string, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.cloud.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	if payload != "" {
		request.Header.Set("X-Amz-Content-Sha256", payload)
	}
	credentials, err := w.cloud.Config().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if payload == "" {
		sum := sha256.Sum256([]byte(body))
		payload = hex.EncodeToString(sum[:])
	}
	if err := signer.SignHTTP(t.Context(), credentials, request, payload, "s3", "eu-central-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if found := errorCode.FindSubmatch(answer); found != nil {
		return string(found[1]), response.Header
	}
	return string(answer), response.Header
}

func TestPayloadsAreChecked(t *testing.T) {
	t.Parallel()
	w := start(t, "")
	sum := sha256.Sum256([]byte("body"))
	other := sha256.Sum256([]byte("other"))
	for what, test := range map[string]struct {
		query, payload string
		header         map[string]string
		want           string
	}{
		"its digest":          {"", hex.EncodeToString(sum[:]), nil, ""},
		"another's digest":    {"", hex.EncodeToString(other[:]), nil, "XAmzContentSHA256Mismatch"},
		"no digest":           {"", "", nil, "InvalidRequest"},
		"unsigned":            {"", "UNSIGNED-PAYLOAD", nil, ""},
		"signed chunks":       {"", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", nil, "NotSimulated"},
		"a part of an upload": {"?partNumber=1&uploadId=x", "UNSIGNED-PAYLOAD", nil, "NotSimulated"},
		"a copy":              {"", "UNSIGNED-PAYLOAD", map[string]string{"X-Amz-Copy-Source": "/a/b"}, "NotSimulated"},
	} {
		want(t, what, w.raw(t, test.query, test.payload, "body", test.header), test.want)
	}
}

func TestChunkedUploads(t *testing.T) {
	t.Parallel()
	w := start(t, "")
	const good = "4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n"
	for what, test := range map[string]struct {
		body, trailer, length, want string
	}{
		"two chunks":          {good, "x-amz-checksum-crc32", "9", ""},
		"another length":      {good, "x-amz-checksum-crc32", "8", "IncompleteBody"},
		"another checksum":    {strings.Replace(good, "y/Q5Jg==", "AAAAAA==", 1), "x-amz-checksum-crc32", "9", "BadDigest"},
		"a trailer not there": {good, "x-amz-checksum-sha256", "9", "MalformedTrailerError"},
		"no size":             {"x" + good, "x-amz-checksum-crc32", "9", "IncompleteBody"},
		"a cut chunk":         {"9\r\n1234", "x-amz-checksum-crc32", "9", "IncompleteBody"},
		"a long chunk":        {"4\r\n12345\r\n0\r\n\r\n", "x-amz-checksum-crc32", "5", "IncompleteBody"},
	} {
		got := w.raw(t, "", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", test.body, map[string]string{
			"Content-Encoding": "gzip,aws-chunked", "X-Amz-Trailer": test.trailer, "X-Amz-Decoded-Content-Length": test.length,
		})
		want(t, what, got, test.want)
	}
	want(t, "what came out of the chunks", w.get(t, "k", ""), "123456789")
	head, err := w.HeadObject(t.Context(), headInput("k"))
	if err != nil || aws.ToString(head.ContentEncoding) != "gzip" {
		t.Errorf("content encoding %q, error %v, want what is left of it without the chunks", aws.ToString(head.ContentEncoding), err)
	}
}

func TestWhatIsNoConfiguration(t *testing.T) {
	t.Parallel()
	w := start(t, "")
	const unsigned = "UNSIGNED-PAYLOAD"
	for target, bodies := range map[string]map[string]string{
		"/manifests?versioning": {
			"": "MalformedXML", "<Other/>": "MalformedXML", "<VersioningConfiguration/>": "IllegalVersioningConfigurationException",
			"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>": "IllegalVersioningConfigurationException",
		},
		"/manifests?notification": {
			"": "MalformedXML", "<Other/>": "MalformedXML", "<NotificationConfiguration/>": "",
			"<NotificationConfiguration><QueueConfiguration/></NotificationConfiguration>": "NotSimulated",
		},
		"/another":              {"<Other/>": "MalformedXML", "": "IllegalLocationConstraintException"},
		"/none?versioning":      {"<VersioningConfiguration/>": "NoSuchBucket"},
		"/none?notification":    {"<NotificationConfiguration/>": "NoSuchBucket"},
		"/manifests?encryption": {"": "NotSimulated"},
	} {
		for body, expect := range bodies {
			got, _ := w.exchange(t, http.MethodPut, target, unsigned, body, nil)
			want(t, target+" "+body, got, expect)
		}
	}
	for target, expect := range map[string]string{
		"/none?versioning": "NoSuchBucket", "/none?list-type=2": "NoSuchBucket", "/manifests?list-type=2&max-keys=x": "InvalidArgument",
		"/manifests?list-type=2&max-keys=-1": "InvalidArgument", "/manifests?list-type=2&continuation-token=%25": "InvalidArgument",
		"/manifests?list-type=2&fetch-owner=true": "NotSimulated", "/manifests": "NotSimulated", "/": "NotSimulated",
	} {
		got, _ := w.exchange(t, http.MethodGet, target, unsigned, "", nil)
		want(t, target, got, expect)
	}
}

func TestListsHaveALimitAndAnEncoding(t *testing.T) {
	t.Parallel()
	w := start(t, "")
	w.put(t, "a b+ä", "x")
	got, _ := w.exchange(t, http.MethodGet, "/manifests?list-type=2&max-keys=1001&encoding-type=url", "UNSIGNED-PAYLOAD", "", nil)
	for _, part := range []string{"<MaxKeys>1000</MaxKeys>", "<Key>a+b%2B%C3%A4</Key>", "<EncodingType>url</EncodingType>", "<KeyCount>1</KeyCount>"} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is not in %s", part, got)
		}
	}
	if got, _ := w.exchange(t, http.MethodGet, "/manifests?list-type=2&max-keys=0", "UNSIGNED-PAYLOAD", "", nil); !strings.Contains(got, "<IsTruncated>false") {
		t.Errorf("a list of none is not complete: %s", got)
	}
}

func TestDeleteMarkersAreNamedInTheAnswer(t *testing.T) {
	t.Parallel()
	w := start(t, "Enabled")
	w.put(t, "k", "x")
	marker := *w.remove(t, "k", "").VersionId
	for target, expect := range map[string]string{"/manifests/k": "NoSuchKey", "/manifests/k?versionId=" + marker: "MethodNotAllowed"} {
		got, header := w.exchange(t, http.MethodGet, target, "UNSIGNED-PAYLOAD", "", nil)
		want(t, target, got, expect)
		want(t, "marker of "+target, header.Get("X-Amz-Delete-Marker"), "true")
	}
	_, header := w.exchange(t, http.MethodDelete, "/manifests/k?versionId="+marker, "UNSIGNED-PAYLOAD", "", nil)
	want(t, "marker of a marker's deletion", header.Get("X-Amz-Delete-Marker"), "true")
	want(t, "version of a marker's deletion", header.Get("X-Amz-Version-Id"), marker)
}
