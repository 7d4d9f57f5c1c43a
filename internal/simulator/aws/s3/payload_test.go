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

	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

var errorCode = regexp.MustCompile(`<Code>(.*)</Code>`)

// raw signs and sends a PutObject as it is: the SDK never sends anything wrong. It
// returns the code of the refusal.
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
	response, err := loopback.Client().Do(request)
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
	w := start(t)
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
		"chunks":              {"", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", nil, "NotSimulated"},
		"a part of an upload": {"?partNumber=1&uploadId=x", "UNSIGNED-PAYLOAD", nil, "NotSimulated"},
		"a copy":              {"", "UNSIGNED-PAYLOAD", map[string]string{"X-Amz-Copy-Source": "/a/b"}, "NotSimulated"},
	} {
		want(t, what, w.raw(t, test.query, test.payload, "body", test.header), test.want)
	}
}

func TestWhatIsNoConfiguration(t *testing.T) {
	t.Parallel()
	w := start(t)
	const unsigned = "UNSIGNED-PAYLOAD"
	for target, bodies := range map[string]map[string]string{
		"/manifests?versioning": {
			"": "MalformedXML", "<Other/>": "MalformedXML", "<VersioningConfiguration/>": "IllegalVersioningConfigurationException",
			"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>":        "IllegalVersioningConfigurationException",
			"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>": "NotSimulated",
		},
		"/another":              {"<Other/>": "MalformedXML", "": "IllegalLocationConstraintException"},
		"/none?versioning":      {"<VersioningConfiguration/>": "NoSuchBucket"},
		"/manifests?encryption": {"": "NotSimulated"},
	} {
		for body, expect := range bodies {
			got, _ := w.exchange(t, http.MethodPut, target, unsigned, body, nil)
			want(t, target+" "+body, got, expect)
		}
	}
	for _, target := range []string{"/manifests?versioning", "/manifests?list-type=2", "/manifests", "/"} {
		got, _ := w.exchange(t, http.MethodGet, target, unsigned, "", nil)
		want(t, target, got, "NotSimulated")
	}
}

func TestDeleteMarkersAreNamedInTheAnswer(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.put(t, "k", "x")
	marker := *w.remove(t, "k").VersionId
	for target, expect := range map[string]string{"/manifests/k": "NoSuchKey", "/manifests/k?versionId=" + marker: "MethodNotAllowed"} {
		got, header := w.exchange(t, http.MethodGet, target, "UNSIGNED-PAYLOAD", "", nil)
		want(t, target, got, expect)
		want(t, "marker of "+target, header.Get("X-Amz-Delete-Marker"), "true")
	}
	got, _ := w.exchange(t, http.MethodDelete, "/manifests/k?versionId="+marker, "UNSIGNED-PAYLOAD", "", nil)
	want(t, "deletion of a version", got, "NotSimulated")
}
