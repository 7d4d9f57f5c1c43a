package s3_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

const bucketName = "manifests"

type world struct {
	*sdk.Client
	cloud *simulator.Server
}

// start returns a world with one bucket, as template.yaml makes it.
func start(t *testing.T) *world {
	t.Helper()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cloud := simulator.New(simulator.Options{Now: func() time.Time { return noon }})
	t.Cleanup(cloud.Close)
	cloud.Buckets.Add(bucketName)
	return &world{sdk.NewFromConfig(cloud.Config(), func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} }), cloud}
}

func (w *world) put(t *testing.T, key, body string) *sdk.PutObjectOutput {
	t.Helper()
	out, err := w.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String(bucketName), Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// get returns the body, or the code of the refusal.
func (w *world) get(t *testing.T, key, version string) string {
	t.Helper()
	in := &sdk.GetObjectInput{Bucket: aws.String(bucketName), Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := w.GetObject(t.Context(), in)
	if err != nil {
		return code(err)
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func (w *world) remove(t *testing.T, key string) *sdk.DeleteObjectOutput {
	t.Helper()
	out, err := w.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: aws.String(bucketName), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func code(err error) string {
	var refusal smithy.APIError
	if errors.As(err, &refusal) {
		return refusal.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestPutAndGet(t *testing.T) {
	t.Parallel()
	w := start(t)
	const key = "installations/{ä b+c}.yaml"
	put, err := w.PutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: aws.String(bucketName), Key: aws.String(key), Body: strings.NewReader("version: 1\n"),
		ContentType: aws.String("application/yaml"), Metadata: map[string]string{"run": "7"},
		ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String("key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucketName), Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	// The ETag is the MD5 of the body in hexadecimal, in quotes.
	have := []string{string(body), *got.ETag, *put.ETag, *got.ContentType, got.Metadata["run"], string(put.ServerSideEncryption), *got.SSEKMSKeyId, got.LastModified.String()}
	expect := []string{"version: 1\n", `"11a456755eb9fa796a0a76252386b85a"`, `"11a456755eb9fa796a0a76252386b85a"`, "application/yaml", "7", "aws:kms", "key", "2026-03-01 12:00:00 +0000 UTC"}
	if diff := cmp.Diff(expect, have); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
	head, err := w.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: aws.String(bucketName), Key: aws.String(key)})
	if err != nil || *head.ContentLength != 11 || *head.ETag != *got.ETag {
		t.Errorf("head: %+v, error %v", head, err)
	}
	if n := w.cloud.Faults.Count(fault.Target("s3.PutObject")); n != 1 {
		t.Errorf("%d calls are logged as s3.PutObject, want 1: %v", n, w.cloud.Faults.Calls())
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	w := start(t)
	first, second := *w.put(t, "k", "one").VersionId, *w.put(t, "k", "two").VersionId
	if first == second {
		t.Fatal("two versions have the same id")
	}
	want(t, "latest", w.get(t, "k", ""), "two")
	want(t, "the first", w.get(t, "k", first), "one")
	want(t, "an unknown version", w.get(t, "k", strings.Repeat("0", 32)), "NoSuchVersion")
	want(t, "no version id", w.get(t, "k", "1"), "InvalidArgument")

	marker := w.remove(t, "k")
	if !aws.ToBool(marker.DeleteMarker) || aws.ToString(marker.VersionId) == "" {
		t.Errorf("deletion: %+v, want a marker with a version", marker)
	}
	want(t, "deleted", w.get(t, "k", ""), "NoSuchKey")
	want(t, "the marker", w.get(t, "k", *marker.VersionId), "MethodNotAllowed")
	want(t, "a version below the marker", w.get(t, "k", second), "two")
	w.put(t, "k", "three")
	want(t, "written again", w.get(t, "k", ""), "three")
	w.remove(t, "never there")
	want(t, "deleted without having been there", w.get(t, "never there", ""), "NoSuchKey")
}

func TestConditions(t *testing.T) {
	t.Parallel()
	w := start(t)
	etag := w.put(t, "k", "one").ETag
	bucket, other := aws.String(bucketName), aws.String(`"0"`)
	get := func(in sdk.GetObjectInput) func(context.Context) error {
		in.Bucket, in.Key = bucket, aws.String("k")
		return func(ctx context.Context) error { _, err := w.GetObject(ctx, &in); return err }
	}
	put := func(key string, in sdk.PutObjectInput) func(context.Context) error {
		in.Bucket, in.Key, in.Body = bucket, &key, strings.NewReader("one")
		return func(ctx context.Context) error { _, err := w.PutObject(ctx, &in); return err }
	}
	for what, test := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"get what I don't have":        {get(sdk.GetObjectInput{IfNoneMatch: other}), ""},
		"get what I have":              {get(sdk.GetObjectInput{IfNoneMatch: etag}), "NotModified"},
		"get this":                     {get(sdk.GetObjectInput{IfMatch: etag}), ""},
		"get another":                  {get(sdk.GetObjectInput{IfMatch: other}), "PreconditionFailed"},
		"a range is not simulated":     {get(sdk.GetObjectInput{Range: aws.String("bytes=0-1")}), "NotSimulated"},
		"create":                       {put("new", sdk.PutObjectInput{IfNoneMatch: aws.String("*")}), ""},
		"create what is there":         {put("k", sdk.PutObjectInput{IfNoneMatch: aws.String("*")}), "PreconditionFailed"},
		"replace this":                 {put("k", sdk.PutObjectInput{IfMatch: etag}), ""},
		"replace another":              {put("k", sdk.PutObjectInput{IfMatch: other}), "PreconditionFailed"},
		"replace nothing":              {put("none", sdk.PutObjectInput{IfMatch: etag}), "NoSuchKey"},
		"an access list not simulated": {put("k", sdk.PutObjectInput{ACL: types.ObjectCannedACLPublicRead}), "NotSimulated"},
		"a bucket of this account":     {put("k", sdk.PutObjectInput{ExpectedBucketOwner: aws.String("111122223333")}), ""},
		"a bucket of another account":  {put("k", sdk.PutObjectInput{ExpectedBucketOwner: aws.String("999999999999")}), "AccessDenied"},
		"a key of 1,024 bytes":         {put(strings.Repeat("k", 1024), sdk.PutObjectInput{}), ""},
		"a key of 1,025 bytes":         {put(strings.Repeat("k", 1025), sdk.PutObjectInput{}), "KeyTooLongError"},
	} {
		t.Run(what, func(t *testing.T) { want(t, what, code(test.call(t.Context())), test.want) })
	}
}

func TestChecksums(t *testing.T) {
	t.Parallel()
	w := start(t)
	// The values are those of the catalogue of CRC algorithms for "123456789", and of sha*sum.
	sums := map[string]func(*sdk.PutObjectInput, *string){
		"y/Q5Jg==":                     func(in *sdk.PutObjectInput, sum *string) { in.ChecksumCRC32 = sum },
		"4waSgw==":                     func(in *sdk.PutObjectInput, sum *string) { in.ChecksumCRC32C = sum },
		"rosUhgp5mIg=":                 func(in *sdk.PutObjectInput, sum *string) { in.ChecksumCRC64NVME = sum },
		"98O8HYCOBHMq32eZZczDTKeuNEE=": func(in *sdk.PutObjectInput, sum *string) { in.ChecksumSHA1 = sum },
		"FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=": func(in *sdk.PutObjectInput, sum *string) { in.ChecksumSHA256 = sum },
		"JfnnlDI7RTiF9RgfG2JNCw==":                     func(in *sdk.PutObjectInput, sum *string) { in.ContentMD5 = sum },
	}
	for sum, set := range sums {
		for body, expect := range map[string]string{"123456789": "", "123456780": "BadDigest"} {
			in := &sdk.PutObjectInput{Bucket: aws.String(bucketName), Key: aws.String("k"), Body: strings.NewReader(body)}
			set(in, &sum)
			_, err := w.PutObject(t.Context(), in)
			want(t, sum+" of "+body, code(err), expect)
		}
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	w := start(t)
	create := func(name, location string) error {
		_, err := w.CreateBucket(t.Context(), &sdk.CreateBucketInput{
			Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(location)},
		})
		return err
	}
	want(t, "again", code(create(bucketName, "eu-central-1")), "BucketAlreadyOwnedByYou")
	want(t, "elsewhere", code(create("elsewhere", "eu-west-1")), "IllegalLocationConstraintException")
	want(t, "a bad name", code(create("Upper_case", "eu-central-1")), "InvalidBucketName")
	want(t, "a bucket", code(create("plain", "eu-central-1")), "")
	put := func(bucket string) error {
		_, err := w.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("x")})
		return err
	}
	want(t, "put into none", code(put("none")), "NoSuchBucket")
	want(t, "put without versions, which is not simulated", code(put("plain")), "NotSimulated")
	_, err := w.PutBucketVersioning(t.Context(), &sdk.PutBucketVersioningInput{
		Bucket: aws.String("plain"), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	want(t, "versioning", code(err), "")
	want(t, "put with versions", code(put("plain")), "")
	_, err = w.ListBuckets(t.Context(), &sdk.ListBucketsInput{})
	want(t, "list, which is not simulated", code(err), "NotSimulated")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := start(t)
	events := make(chan eventbridge.Event, 10)
	_, err := w.cloud.Events.On(eventbridge.DefaultBus, `{"source":["aws.s3"],"detail":{"bucket":{"name":["manifests"]}}}`,
		func(_ context.Context, event eventbridge.Event) { events <- event })
	if err != nil {
		t.Fatal(err)
	}
	version := *w.put(t, "default.yaml", "version: 1\n").VersionId
	created := <-events
	var detail map[string]any
	if err := json.Unmarshal(created.Detail, &detail); err != nil {
		t.Fatal(err)
	}
	expect := map[string]any{
		"version": "0", "bucket": map[string]any{"name": bucketName}, "reason": "PutObject",
		"object":     map[string]any{"key": "default.yaml", "size": 11.0, "etag": "11a456755eb9fa796a0a76252386b85a", "version-id": version, "sequencer": "000000000000000001"},
		"request-id": "SIMULATED", "requester": "111122223333", "source-ip-address": "127.0.0.1",
	}
	if diff := cmp.Diff(expect, detail); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}
	if created.DetailType != "Object Created" || created.Source != "aws.s3" || created.Resources[0] != "arn:aws:s3:::manifests" {
		t.Errorf("event: %+v", created)
	}
	w.remove(t, "default.yaml")
	if deleted := <-events; deleted.DetailType != "Object Deleted" || !strings.Contains(string(deleted.Detail), `"deletion-type":"Delete Marker Created"`) {
		t.Errorf("event: %+v", deleted)
	}
	w.cloud.Events.Wait()
	if len(events) != 0 {
		t.Errorf("%d more events, want none", len(events))
	}
}
