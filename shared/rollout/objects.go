package rollout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/transport"
)

// MaxObject is the largest object that is read or written, in bytes: about a hundred
// thousand values.
const MaxObject = 4 << 20

// Errors of the manifest bucket.
var (
	// ErrNoObject says that the bucket has no such object.
	ErrNoObject = errors.New("object not found")
	// ErrReplaced says that the object is not, or no longer, what the write was to replace.
	ErrReplaced = errors.New("the object was replaced meanwhile")
)

// S3 is the part of [s3.Client] that is used.
type S3 interface {
	GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(ctx context.Context, in *s3.HeadObjectInput, options ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// NewS3 returns a client for the manifest bucket. A configuration with an endpoint of
// its own, such as a simulator's, has the bucket in the path.
func NewS3(config aws.Config) *s3.Client {
	return s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = config.BaseEndpoint != nil })
}

// Objects are the objects of one bucket. Safe for concurrent use.
type Objects struct {
	S3     S3
	Bucket string
}

// Object is one version of an object.
type Object struct {
	Key string
	// VersionID is empty in a bucket without versions.
	VersionID string
	// ETag stands for the body, quotes included; empty for an object that isn't there.
	ETag string
	Body []byte
	// Sent is when the event was sent that the object is from, or, for one that was
	// uploaded past the events, when it was uploaded. It counts in seconds.
	Sent time.Time
	// runs are the runs that wrote the object in the second of Sent.
	runs []string
}

// Metadata of an object that an event's manifest was stored in.
const (
	metaSent = "linkersync-sent"
	metaRuns = "linkersync-runs"
	// maxRuns bounds metaRuns. S3 takes 2 KB of metadata.
	maxRuns = 16
)

// Get returns the current version of an object, or ErrNoObject.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (o Objects) Get(ctx context.Context, key string) (Object, error) {
	out, err := o.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.Bucket, Key: &key})
	if err != nil {
		return Object{}, fmt.Errorf("get manifest object %q: %w", key, objectError(err))
	}
	defer func() { _ = out.Body.Close() }()
	body, err := transport.ReadBody(out.Body, MaxObject)
	if errors.Is(err, transport.ErrBodyTooLarge) {
		return Object{}, fmt.Errorf("%w: the manifest object %q is larger than %d bytes: split it into one for each workspace", ErrRefused, key, MaxObject)
	}
	if err != nil {
		return Object{}, fmt.Errorf("get manifest object %q: %w", key, awsenv.Cut(err))
	}
	object := Object{Key: key, VersionID: aws.ToString(out.VersionId), ETag: aws.ToString(out.ETag), Body: body, Sent: aws.ToTime(out.LastModified)}
	if sent, err := time.Parse(time.RFC3339, out.Metadata[metaSent]); err == nil {
		object.Sent, object.runs = sent, strings.Fields(out.Metadata[metaRuns])
	}
	return object, nil
}

// Version returns the version of the current object, or ErrNoObject.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
func (o Objects) Version(ctx context.Context, key string) (versionID string, err error) {
	out, err := o.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.Bucket, Key: &key})
	if err != nil {
		return "", fmt.Errorf("head manifest object %q: %w", key, objectError(err))
	}
	return aws.ToString(out.VersionId), nil
}

// Put writes an object, whatever it was before, and returns its new version.
func (o Objects) Put(ctx context.Context, key string, body []byte) (versionID string, err error) {
	return o.put(ctx, &s3.PutObjectInput{Key: &key}, body)
}

// Replace stores an event's manifest for as long as the object is the present one: an
// Object of nothing but a key stands for one that isn't there. ErrReplaced when it is
// another one by now. That may be ours, when the answer to the write was lost and the
// client repeated it: the caller looks again.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func (o Objects) Replace(ctx context.Context, present Object, origin Origin, body []byte) (versionID string, err error) {
	runs := []string{origin.Run}
	if present.Sent.Equal(origin.second()) {
		runs = slices.Concat(present.runs[max(0, len(present.runs)-maxRuns):], runs)
	}
	return o.replace(ctx, present, map[string]string{metaSent: origin.second().Format(time.RFC3339), metaRuns: strings.Join(runs, " ")}, body)
}

// Upload stores a manifest past the events, for as long as the object is the present
// one; see [Objects.Replace]. The bucket's own event then begins a run.
func (o Objects) Upload(ctx context.Context, present Object, body []byte) (versionID string, err error) {
	return o.replace(ctx, present, nil, body)
}

func (o Objects) replace(ctx context.Context, present Object, metadata map[string]string, body []byte) (versionID string, err error) {
	in := &s3.PutObjectInput{Key: &present.Key, IfMatch: &present.ETag, Metadata: metadata}
	if present.ETag == "" {
		in.IfMatch, in.IfNoneMatch = nil, aws.String("*")
	}
	versionID, err = o.put(ctx, in, body)
	// S3 answers 404 when what was to be replaced is gone.
	if errors.Is(err, ErrNoObject) && present.ETag != "" {
		err = fmt.Errorf("put manifest object %q: %w", present.Key, ErrReplaced)
	}
	return versionID, err
}

func (o Objects) put(ctx context.Context, in *s3.PutObjectInput, body []byte) (versionID string, err error) {
	if len(body) > MaxObject {
		return "", fmt.Errorf("%w: the manifest has %d bytes, the limit is %d", ErrRefused, len(body), MaxObject)
	}
	in.Bucket, in.Body, in.ContentType = &o.Bucket, bytes.NewReader(body), aws.String("application/yaml")
	out, err := o.S3.PutObject(ctx, in)
	if err != nil {
		return "", fmt.Errorf("put manifest object %q: %w", *in.Key, objectError(err))
	}
	return aws.ToString(out.VersionId), nil
}

// objectError sorts what S3 answers: HEAD has a status and no code.
func objectError(err error) error {
	answer, answered := errors.AsType[*awshttp.ResponseError](err)
	if !answered {
		return awsenv.Cut(err)
	}
	switch answer.HTTPStatusCode() {
	case http.StatusNotFound:
		return ErrNoObject
	// 409: another write was under way.
	case http.StatusPreconditionFailed, http.StatusConflict:
		return ErrReplaced
	case http.StatusForbidden:
		return fmt.Errorf("%w: the role needs s3:GetObject and s3:PutObject on the manifest bucket, and s3:ListBucket to tell a missing object from a forbidden one", awsenv.Cut(err))
	}
	return awsenv.Cut(err)
}
