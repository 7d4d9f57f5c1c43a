package aws

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config returns what an SDK client needs to reach the server. S3 clients find
// out by themselves that a numeric host wants path-style requests.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region:       s.cloud.Region,
		BaseEndpoint: aws.String(s.URL),
		HTTPClient:   &http.Client{Transport: wholeBody{s.transport}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: AccessKeyID, SecretAccessKey: SecretAccessKey}, nil
		}),
	}
}

// Environment returns the variables with which a process reaches the server.
func (s *Server) Environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.URL,
		"AWS_REGION=" + s.cloud.Region,
		"AWS_ACCESS_KEY_ID=" + AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + SecretAccessKey,
	}
}

// wholeBody hands net/http the body as one piece of memory, so that tests can
// count calls exactly.
//
// From the SDK net/http gets a stream: it sends the bytes, then reads once more
// for the end. The SDK closes that stream as soon as the response's header is
// there. On a busy machine a loopback server is fast enough to answer in between;
// net/http then takes the read of a closed stream for a failed request, cuts the
// connection and with it the answer, and the SDK repeats the call.
type wholeBody struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t wholeBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return t.next.RoundTrip(r)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	_ = r.Body.Close()
	if err != nil {
		return nil, err
	}
	clone := r.Clone(r.Context())
	clone.Body = io.NopCloser(bytes.NewReader(body))
	return t.next.RoundTrip(clone)
}
