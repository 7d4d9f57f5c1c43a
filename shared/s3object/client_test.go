package s3object_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/s3object"
	"github.com/linkersync/linkersync/shared/transport"
)

func config(t *testing.T, endpoint string) aws.Config {
	t.Helper()
	made, err := awsenv.Config(func(name string) string {
		return map[string]string{
			"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": simaws.Region,
			"AWS_ACCESS_KEY_ID": simaws.AccessKeyID, "AWS_SECRET_ACCESS_KEY": simaws.SecretAccessKey,
		}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// newBucket makes a bucket with versions in a simulator, or in the server that
// `make test-aws` names.
func newBucket(t *testing.T) *s3object.Client {
	t.Helper()
	endpoint := os.Getenv("LINKERSYNC_TEST_AWS_ENDPOINT")
	if endpoint == "" {
		server := simaws.New(simaws.Options{})
		t.Cleanup(server.Close)
		endpoint = server.URL
	}
	aws, name := config(t, endpoint), "s3object-"+strings.ToLower(rand.Text()[:10])
	client := s3.NewFromConfig(aws, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: simaws.Region},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); err != nil {
		t.Fatal(err)
	}
	objects, err := s3object.New(aws, name)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// keys are what has to be signed and sent in the same form.
var keys = []string{"default.yaml", "installations/{11111111-2222-4333-8444-555555555555}.yaml", "with space+plus=.yaml"}

func TestObjectsAndVersions(t *testing.T) {
	t.Parallel()
	for _, key := range keys {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			bucket, ctx := newBucket(t), t.Context()
			if _, err := bucket.Get(ctx, key); !errors.Is(err, s3object.ErrNotFound) {
				t.Errorf("get of nothing: %v", err)
			}
			if _, err := bucket.Head(ctx, key); !errors.Is(err, s3object.ErrNotFound) {
				t.Errorf("head of nothing: %v", err)
			}
			first, err := bucket.Put(ctx, key, []byte("one"))
			if err != nil || first.VersionID == "" {
				t.Fatalf("put: %+v, %v", first, err)
			}
			second, err := bucket.Put(ctx, key, []byte("two"))
			if err != nil || second.VersionID == first.VersionID {
				t.Fatalf("second put: %+v, %v", second, err)
			}
			current, err := bucket.Get(ctx, key)
			if diff := cmp.Diff(s3object.Object{Key: key, VersionID: second.VersionID, ETag: second.ETag, Body: []byte("two")}, current); diff != "" || err != nil {
				t.Errorf("current (-want +got), error %v:\n%s", err, diff)
			}
			head, err := bucket.Head(ctx, key)
			if err != nil || head.VersionID != second.VersionID || len(head.Body) != 0 {
				t.Errorf("head %+v, error %v", head, err)
			}
		})
	}
}

func TestReplaceOverwritesOnlyWhatWasRead(t *testing.T) {
	t.Parallel()
	const key = "default.yaml"
	bucket, ctx := newBucket(t), t.Context()
	replace := func(present s3object.Object, body string, want error) s3object.Object {
		t.Helper()
		written, err := bucket.Replace(ctx, present, []byte(body))
		if !errors.Is(err, want) {
			t.Fatalf("%s over %+v: error %v, want %v", body, present, err, want)
		}
		return written
	}
	nothing := s3object.Object{Key: key}
	replace(s3object.Object{Key: key, ETag: `"11111111111111111111111111111111"`}, "over what was deleted", s3object.ErrReplaced)
	first := replace(nothing, "one", nil)
	replace(nothing, "late", s3object.ErrReplaced)
	second := replace(first, "two", nil)
	replace(first, "late", s3object.ErrReplaced)
	if got, err := bucket.Get(ctx, key); err != nil || string(got.Body) != "two" || got.VersionID != second.VersionID {
		t.Errorf("%+v, error %v; want the second", got, err)
	}
}

// S3 answers 409 when two writes with a condition meet. What it refuses is not written.
func TestReplaceThatMetAnotherWriteIsNoOutage(t *testing.T) {
	t.Parallel()
	server := simaws.New(simaws.Options{})
	t.Cleanup(server.Close)
	server.Buckets.Add("manifests")
	bucket, err := s3object.New(config(t, server.URL), "manifests")
	if err != nil {
		t.Fatal(err)
	}
	for status, replaced := range map[int]bool{409: true, 403: false} {
		rule := server.Faults.Add(fault.Match{Method: http.MethodPut}, fault.Always(), fault.AWSError(status, "Refused", ""))
		if _, err := bucket.Replace(t.Context(), s3object.Object{Key: "default.yaml"}, nil); err == nil || errors.Is(err, s3object.ErrReplaced) != replaced {
			t.Errorf("%d: error %v, want ErrReplaced: %v", status, err, replaced)
		}
		rule.Remove()
	}
}

// A browser and an editor go by the type.
func TestObjectsAreStoredAsYAML(t *testing.T) {
	t.Parallel()
	types := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { types[r.Method] = r.Header.Get("Content-Type") }))
	t.Cleanup(server.Close)
	bucket, err := s3object.New(config(t, server.URL), "manifests")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(t.Context(), "default.yaml", []byte("version: 1")); err != nil {
		t.Error(err)
	}
	if _, err := bucket.Get(t.Context(), "default.yaml"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]string{"PUT": "application/yaml", "GET": ""}, types); diff != "" {
		t.Errorf("content types (-want +got):\n%s", diff)
	}
}

// The provider's words hold account ids and paths.
func TestCredentialsThatCannotBeReadAreNamedWithoutTheProvidersWords(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("an unsigned request was sent") }))
	t.Cleanup(server.Close)
	config := config(t, server.URL)
	config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("arn:aws:iam::111122223333:role/x can't be assumed")
	})
	bucket, err := s3object.New(config, "manifests")
	if err != nil {
		t.Fatal(err)
	}
	_, err = bucket.Get(t.Context(), "default.yaml")
	if err == nil || !strings.Contains(err.Error(), "no AWS credentials for the manifest bucket") || strings.Contains(err.Error(), "arn:") {
		t.Errorf("error %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	bucket := newBucket(t)
	body := bytes.Repeat([]byte("x"), s3object.MaxSize)
	if _, err := bucket.Put(t.Context(), "large", body); err != nil {
		t.Fatal(err)
	}
	if got, err := bucket.Get(t.Context(), "large"); err != nil || len(got.Body) != s3object.MaxSize {
		t.Errorf("%d bytes, error %v", len(got.Body), err)
	}
	if _, err := bucket.Put(t.Context(), "larger", append(body, 'x')); err == nil {
		t.Error("more than the limit was written")
	}
}

// Somebody may have put a larger object there with another tool.
func TestALargerObjectIsNotCutShort(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("#"), s3object.MaxSize+1))
	}))
	t.Cleanup(server.Close)
	bucket, err := s3object.New(config(t, server.URL), "manifests")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := bucket.Get(t.Context(), "default.yaml"); !errors.Is(err, transport.ErrBodyTooLarge) {
		t.Errorf("%d bytes, error %v", len(got.Body), err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect fault.Effect
		when   fault.When
		status int // of the error; 0 means success
	}{
		"slow down once":   {fault.Throttle(), fault.Once(), 0},
		"reset once":       {fault.Reset(), fault.Once(), 0},
		"cut off once":     {fault.CutBody(), fault.Once(), 0},
		"failing for good": {fault.AWSError(500, "InternalError", ""), fault.Always(), 500},
		"forbidden":        {fault.AWSError(403, "AccessDenied", "arn:aws:iam::1:role/x"), fault.Always(), 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := simaws.New(simaws.Options{})
			t.Cleanup(server.Close)
			server.Buckets.Add("manifests")
			bucket, err := s3object.New(config(t, server.URL), "manifests")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := bucket.Put(t.Context(), "default.yaml", []byte("version: 1")); err != nil {
				t.Fatal(err)
			}
			rule := server.Faults.Add(fault.Match{Method: http.MethodGet}, test.when, test.effect)
			_, err = bucket.Get(t.Context(), "default.yaml")
			if rule.Fired() == 0 {
				t.Error("no fault was met")
			}
			if test.status == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refused, ok := errors.AsType[*s3object.StatusError](err)
			if !ok || refused.Status != test.status || strings.Contains(err.Error(), "arn:") {
				t.Errorf("error %v, want status %d", err, test.status)
			}
			if hint := strings.Contains(err.Error(), "s3:GetObject"); hint != (test.status == 403) {
				t.Errorf("error %v names the permission: %v", err, hint)
			}
		})
	}
}

func TestIncompleteConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*aws.Config)
		want   error
	}{
		"an endpoint that is no URL": {func(c *aws.Config) { c.BaseEndpoint = aws.String("http://ci:kanarie@[") }, awsenv.ErrEndpoint},
		"no region":                  {func(c *aws.Config) { c.Region = "" }, awsenv.ErrNoRegion},
		"a region that is a path":    {func(c *aws.Config) { c.Region = "example.com/" }, awsenv.ErrRegion},
		"no credentials":             {func(c *aws.Config) { c.Credentials = nil }, awsenv.ErrNoCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := config(t, "http://127.0.0.1")
			test.change(&config)
			_, err := s3object.New(config, "b")
			if !errors.Is(err, test.want) || strings.Contains(err.Error(), "kanarie") {
				t.Errorf("error %v, want %v without the password", err, test.want)
			}
		})
	}
}
