// Package s3object gets and puts whole objects of one S3 bucket: the manifests.
//
// The SDK's S3 package would do it too, and costs every function that reads a
// manifest 310 KB of a 3.5 MB zip for the ninety operations it never calls. This
// one keeps the SDK's signer and credentials, and speaks three operations of the
// REST API. See docs/decisions/0004-small-aws-clients.md.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
package s3object

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/transport"
)

// MaxSize is the largest object that is read or written, in bytes: about a
// hundred thousand values.
const MaxSize = 4 << 20

// ErrNotFound says that the bucket has no such object.
var ErrNotFound = errors.New("object not found")

// ErrReplaced says that the object is not, or no longer, what the write was to replace.
var ErrReplaced = errors.New("the object was replaced meanwhile")

// StatusError is any other answer of S3.
type StatusError struct {
	Status int
	// RequestID is for AWS support.
	RequestID string
}

// Error names the status and what usually is behind it.
func (e *StatusError) Error() string {
	hint := ""
	if e.Status == http.StatusForbidden {
		hint = ": the role needs s3:GetObject and s3:PutObject on the manifest bucket, and s3:ListBucket to tell a missing object from a forbidden one"
	}
	return fmt.Sprintf("S3 answered %d (request %s)%s", e.Status, e.RequestID, hint)
}

// Object is one version of an object.
type Object struct {
	Key string
	// VersionID is empty in a bucket without versions.
	VersionID string
	// ETag stands for the body, quotes included; empty for an object that isn't there.
	ETag string
	Body []byte
}

// Client reads and writes the objects of one bucket. Safe for concurrent use.
type Client struct {
	bucket      *url.URL
	region      string
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	http        *http.Client
}

// New returns a client for the bucket with the region, credentials and endpoint
// of the AWS configuration, which is an error without the first two. It dials nothing.
func New(config aws.Config, bucket string) (*Client, error) {
	base, err := awsenv.Address(config, "s3")
	if err != nil {
		return nil, fmt.Errorf("address the manifest bucket: %w", err)
	}
	if config.Credentials == nil {
		return nil, fmt.Errorf("address the manifest bucket: %w", awsenv.ErrNoCredentials)
	}
	return &Client{
		bucket: base.JoinPath(bucket), region: config.Region, credentials: config.Credentials,
		// S3 signs the path as it is sent; the other services sign it escaped twice.
		signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }),
		http:   &http.Client{Transport: transport.New(transport.Options{MaxBody: MaxSize, Timeout: 10 * time.Second})},
	}, nil
}

// Get returns the current version of an object.
func (c *Client) Get(ctx context.Context, key string) (Object, error) {
	object, err := c.do(ctx, http.MethodGet, key, nil, nil)
	if err != nil {
		return Object{}, fmt.Errorf("get manifest object %s: %w", key, err)
	}
	return object, nil
}

// Head returns the current version of an object without its body.
func (c *Client) Head(ctx context.Context, key string) (Object, error) {
	object, err := c.do(ctx, http.MethodHead, key, nil, nil)
	if err != nil {
		return Object{}, fmt.Errorf("head manifest object %s: %w", key, err)
	}
	return object, nil
}

// Put writes an object, whatever it was before, and returns its new version, without
// the body.
func (c *Client) Put(ctx context.Context, key string, body []byte) (Object, error) {
	return c.put(ctx, key, body, nil)
}

// Replace is Put for as long as the object is the present one, as Get returned it: an
// Object of nothing but a key stands for one that isn't there. ErrReplaced when it is
// another one by now. That may be ours, when the answer to the write was lost and the
// client repeated it: whoever gets the error looks again.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func (c *Client) Replace(ctx context.Context, present Object, body []byte) (Object, error) {
	condition := http.Header{"If-Match": {present.ETag}}
	if present.ETag == "" {
		condition = http.Header{"If-None-Match": {"*"}}
	}
	object, err := c.put(ctx, present.Key, body, condition)
	status, _ := errors.AsType[*StatusError](err)
	switch {
	// S3 answers 412 when the condition is not met, 409 when another write was under
	// way, and 404 when what was to be replaced is gone.
	case status != nil && (status.Status == http.StatusPreconditionFailed || status.Status == http.StatusConflict),
		errors.Is(err, ErrNotFound) && present.ETag != "":
		return Object{}, fmt.Errorf("put manifest object %s: %w", present.Key, ErrReplaced)
	}
	return object, err
}

func (c *Client) put(ctx context.Context, key string, body []byte, header http.Header) (Object, error) {
	if len(body) > MaxSize {
		return Object{}, fmt.Errorf("put manifest object %s: %d bytes, the limit is %d", key, len(body), MaxSize)
	}
	object, err := c.do(ctx, http.MethodPut, key, body, header)
	if err != nil {
		return Object{}, fmt.Errorf("put manifest object %s: %w", key, err)
	}
	return object, nil
}

func (c *Client) do(ctx context.Context, method, key string, body []byte, header http.Header) (Object, error) {
	target := c.bucket.JoinPath(key)
	// Each attempt is signed anew by the transport, because a signature has a date.
	ctx = transport.WithAuthorization(ctx, func(req *http.Request) (string, error) { return c.sign(ctx, req, body) })
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return Object{}, fmt.Errorf("make request: %w", err)
	}
	maps.Copy(req.Header, header)
	if method == http.MethodPut {
		req.Header.Set("Content-Type", "application/yaml")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Object{}, err
	}
	defer res.Body.Close()
	return read(key, res)
}

// sign adds the signature's headers to req and returns the Authorization.
func (c *Client) sign(ctx context.Context, req *http.Request, body []byte) (string, error) {
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		// The provider's text may hold account ids and paths.
		return "", errors.New("no AWS credentials for the manifest bucket")
	}
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", digest)
	req.Header.Del("Authorization")
	if err := c.signer.SignHTTP(ctx, credentials, req, digest, "s3", c.region, time.Now()); err != nil {
		return "", errors.New("the request to the manifest bucket could not be signed")
	}
	return req.Header.Get("Authorization"), nil
}

func read(key string, res *http.Response) (Object, error) {
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return Object{}, ErrNotFound
	default:
		return Object{}, &StatusError{Status: res.StatusCode, RequestID: res.Header.Get("X-Amz-Request-Id")}
	}
	body, err := transport.ReadBody(res.Body, MaxSize)
	if err != nil {
		return Object{}, err
	}
	return Object{Key: key, VersionID: res.Header.Get("X-Amz-Version-Id"), ETag: res.Header.Get("Etag"), Body: body}, nil
}
