package aws_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// bucket is a bucket of a behaviour's own, with versions.
type bucket struct {
	*s3.Client
	t    *testing.T
	name *string
}

func newBucket(t *testing.T, c cloud) bucket {
	t.Helper()
	client := s3.NewFromConfig(c.Config, func(o *s3.Options) { o.UsePathStyle = true })
	name := aws.String(unique(t))
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}))
	must[*s3.PutBucketVersioningOutput](t)(client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}))
	return bucket{client, t, name}
}

func (b bucket) put(key, body string) *s3.PutObjectOutput {
	b.t.Helper()
	return must[*s3.PutObjectOutput](b.t)(b.PutObject(b.t.Context(), &s3.PutObjectInput{Bucket: b.name, Key: &key, Body: strings.NewReader(body)}))
}

// get shows the body, or why there is none.
func (b bucket) get(key string, version, unlike *string) string {
	out, err := b.GetObject(b.t.Context(), &s3.GetObjectInput{Bucket: b.name, Key: &key, VersionId: version, IfNoneMatch: unlike})
	if err != nil {
		return outcome(err)
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func TestContractS3(t *testing.T) {
	t.Parallel()
	runContract(t, []behaviour{
		{
			name: "an object has an ETag and versions",
			observe: func(t *testing.T, c cloud) []string {
				b := newBucket(t, c)
				const key = "installations/{11111111-2222-3333-4444-555555555555}.yaml"
				one, two := b.put(key, "one"), b.put(key, "two")
				return []string{
					*one.ETag, b.get(key, nil, nil), b.get(key, one.VersionId, nil), b.get(key, two.VersionId, nil),
					fmt.Sprint(*one.VersionId == *two.VersionId),
				}
			},
			want: []string{`"f97c5d29941bfb1b2fdab0874906ab82"`, "two", "one", "two", "false"},
		},
		{
			name: "an object that the reader has is not sent",
			observe: func(t *testing.T, c cloud) []string {
				b := newBucket(t, c)
				etag := b.put("k", "one").ETag
				return []string{b.get("k", nil, etag), b.get("k", nil, aws.String(`"other"`))}
			},
			want: []string{"NotModified", "one"},
		},
		{
			name: "a key, a version and a bucket that are not there have errors of their own",
			observe: func(t *testing.T, c cloud) []string {
				b := newBucket(t, c)
				version := b.put("k", "one").VersionId
				none := b
				none.name = aws.String(*b.name + "-none")
				return []string{b.get("none", nil, nil), b.get("none", version, nil), none.get("k", nil, nil)}
			},
			want:    []string{"NoSuchKey", "NoSuchVersion", "NoSuchBucket"},
			standIn: "gofakes3 answers NoSuchKey for a version that is not there",
		},
		{
			name: "an object is created once",
			observe: func(t *testing.T, c cloud) []string {
				b := newBucket(t, c)
				create := func() string {
					_, err := b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b.name, Key: aws.String("k"), Body: strings.NewReader("x"), IfNoneMatch: aws.String("*")})
					return outcome(err)
				}
				return []string{create(), create()}
			},
			want: []string{"ok", "PreconditionFailed"},
		},
		{
			name: "a body that is not what its checksum says is refused",
			observe: func(t *testing.T, c cloud) []string {
				b := newBucket(t, c)
				_, err := b.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: b.name, Key: aws.String("k"), Body: strings.NewReader("123456780"), ChecksumCRC32: aws.String("y/Q5Jg=="),
				})
				return []string{outcome(err), b.get("k", nil, nil)}
			},
			want:    []string{"BadDigest", "NoSuchKey"},
			standIn: "gofakes3 compares Content-MD5 only",
			moto:    "it doesn't compare checksums",
		},
	})
}

func putEvents(t *testing.T, c cloud, entries ...eventtypes.PutEventsRequestEntry) []string {
	out, err := eventbridge.NewFromConfig(c.Config).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		return []string{outcome(err)}
	}
	seen := []string{fmt.Sprint(out.FailedEntryCount)}
	for _, result := range out.Entries {
		if result.EventId != nil {
			seen = append(seen, "ok")
		} else {
			seen = append(seen, aws.ToString(result.ErrorCode))
		}
	}
	return seen
}

func eventEntry(source, detailType, detail string) eventtypes.PutEventsRequestEntry {
	entry := eventtypes.PutEventsRequestEntry{Source: &source, DetailType: &detailType, Detail: &detail}
	for _, member := range []**string{&entry.Source, &entry.DetailType, &entry.Detail} {
		if **member == "" {
			*member = nil
		}
	}
	return entry
}

func TestContractEventBridge(t *testing.T) {
	t.Parallel()
	good := eventEntry("linkersync", "Linker Values Changed", `{"run":"1"}`)
	runContract(t, []behaviour{
		{
			name: "each entry gets an id or an error, in order",
			observe: func(t *testing.T, c cloud) []string {
				return putEvents(t, c, good, eventEntry("", "x", "{}"), good, eventEntry("s", "", "{}"), eventEntry("s", "x", ""), eventEntry("s", "x", "{"), good)
			},
			want: []string{"4", "ok", "InvalidArgument", "ok", "InvalidArgument", "InvalidArgument", "MalformedDetail", "ok"},
		},
		{
			name: "a call has ten entries at most",
			observe: func(t *testing.T, c cloud) []string {
				return slices.Concat(putEvents(t, c, slices.Repeat([]eventtypes.PutEventsRequestEntry{good}, 10)...)[:1],
					putEvents(t, c, slices.Repeat([]eventtypes.PutEventsRequestEntry{good}, 11)...))
			},
			want: []string{"0", "ValidationException"},
		},
		{
			name: "a call has a limit of size",
			observe: func(t *testing.T, c cloud) []string {
				return putEvents(t, c, eventEntry("s", "x", `{"x":"`+strings.Repeat("x", 2<<20)+`"}`))
			},
			want: []string{"ValidationException"},
			moto: "it has no limit",
		},
		{
			name: "a source in the name of AWS is refused",
			observe: func(t *testing.T, c cloud) []string {
				return putEvents(t, c, eventEntry("aws.s3", "Object Created", "{}"))
			},
			want: []string{"1", "NotAuthorizedForSourceException"},
			moto: "it takes events of any source",
		},
		{
			name: "an event for a bus that does not exist is taken and lost",
			observe: func(t *testing.T, c cloud) []string {
				lost := good
				lost.EventBusName = aws.String(unique(t))
				return putEvents(t, c, lost)
			},
			want: []string{"0", "ok"},
			moto: "it answers ResourceNotFoundException",
		},
	})
}
