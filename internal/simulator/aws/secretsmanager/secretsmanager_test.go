package secretsmanager_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
)

const name = "linkersync/app/installation/one"

// token pads a short name to the length of a ClientRequestToken.
func token(short string) *string { return aws.String(short + strings.Repeat("-", 32-len(short))) }

// world is a simulated AWS with a client and a clock that tests move.
type world struct {
	*sdk.Client
	cloud *simulator.Server
	now   time.Time // set it between calls only
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.cloud = simulator.New(simulator.Options{Now: func() time.Time { return w.now }})
	t.Cleanup(w.cloud.Close)
	w.Client = sdk.NewFromConfig(w.cloud.Config(), func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	return w
}

func (w *world) create(t *testing.T, name, id, text string, tags ...types.Tag) {
	t.Helper()
	_, err := w.CreateSecret(t.Context(), &sdk.CreateSecretInput{
		Name: &name, ClientRequestToken: token(id), SecretString: &text, Tags: tags,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) put(t *testing.T, id, text string, stages ...string) error {
	t.Helper()
	_, err := w.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{
		SecretId: aws.String(name), ClientRequestToken: token(id), SecretString: &text, VersionStages: stages,
	})
	return err
}

// stages returns each label's version, by the short name of its token.
func (w *world) stages(t *testing.T) map[string]string {
	t.Helper()
	out, err := w.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for id, labels := range out.VersionIdsToStages {
		for _, label := range labels {
			got[label] = strings.TrimRight(id, "-")
		}
	}
	return got
}

// code returns the type of AWS's refusal, or "" for success.
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

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}

func TestCreateAndGet(t *testing.T) {
	t.Parallel()
	w := start(t)
	created, err := w.CreateSecret(t.Context(), &sdk.CreateSecretInput{
		Name: aws.String(name), ClientRequestToken: token("one"), SecretString: aws.String("s3cret"),
		Description: aws.String("an installation"), KmsKeyId: aws.String("alias/linkersync"),
		Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}, {Key: aws.String("a"), Value: aws.String("1")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if prefix := "arn:aws:secretsmanager:eu-central-1:111122223333:secret:" + name + "-"; !strings.HasPrefix(*created.ARN, prefix) || len(*created.ARN) != len(prefix)+6 {
		t.Errorf("ARN = %s, want %s and six characters", *created.ARN, prefix)
	}
	for _, id := range []string{name, *created.ARN} {
		got, err := w.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &id})
		if err != nil {
			t.Fatal(err)
		}
		if *got.SecretString != "s3cret" || *got.VersionId != *token("one") || !got.CreatedDate.Equal(w.now) {
			t.Errorf("got %q, version %s of %v", *got.SecretString, *got.VersionId, got.CreatedDate)
		}
		if diff := cmp.Diff([]string{"AWSCURRENT"}, got.VersionStages); diff != "" {
			t.Errorf("stages (-want +got):\n%s", diff)
		}
	}
	got, err := w.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	var tags []string
	for _, tag := range got.Tags {
		tags = append(tags, *tag.Key+"="+*tag.Value)
	}
	description := []any{*got.Description, *got.KmsKeyId, strings.Join(tags, " ")}
	want := []any{"an installation", "alias/linkersync", "a=1 b=2"}
	if diff := cmp.Diff(want, description); diff != "" {
		t.Errorf("description (-want +got):\n%s", diff)
	}
}

func TestBinaryValues(t *testing.T) {
	t.Parallel()
	w := start(t)
	_, err := w.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String(name), SecretBinary: []byte{0, 255}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	if got.SecretString != nil || string(got.SecretBinary) != "\x00\xff" {
		t.Errorf("got string %v, binary %x", got.SecretString, got.SecretBinary)
	}
}

func TestInvalidInputIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "one", "first")
	w.create(t, "tagged", "one", "first")
	fifty := make([]types.Tag, 50)
	for i := range fifty {
		fifty[i] = types.Tag{Key: aws.String(strings.Repeat("k", i+1)), Value: aws.String("")}
	}
	if _, err := w.TagResource(t.Context(), &sdk.TagResourceInput{SecretId: aws.String("tagged"), Tags: fifty}); err != nil {
		t.Fatal(err)
	}
	create := func(in sdk.CreateSecretInput) func(context.Context) error {
		return func(ctx context.Context) error { _, err := w.CreateSecret(ctx, &in); return err }
	}
	put := func(in sdk.PutSecretValueInput) func(context.Context) error {
		in.SecretId = aws.String(name)
		return func(ctx context.Context) error { _, err := w.PutSecretValue(ctx, &in); return err }
	}
	tag := func(id string, tags ...types.Tag) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := w.TagResource(ctx, &sdk.TagResourceInput{SecretId: &id, Tags: tags})
			return err
		}
	}
	value := aws.String("v")
	for what, test := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"a name with a brace":          {create(sdk.CreateSecretInput{Name: aws.String("{a}"), SecretString: value}), "ValidationException"},
		"every character of names":     {create(sdk.CreateSecretInput{Name: aws.String("aZ09/_+=.@-"), SecretString: value}), ""},
		"no value at all":              {create(sdk.CreateSecretInput{Name: aws.String("empty")}), ""},
		"an empty value":               {create(sdk.CreateSecretInput{Name: aws.String("x"), SecretString: aws.String("")}), "ValidationException"},
		"string and binary":            {create(sdk.CreateSecretInput{Name: aws.String("x"), SecretString: value, SecretBinary: []byte("v")}), "InvalidParameterException"},
		"an aws: tag":                  {create(sdk.CreateSecretInput{Name: aws.String("x"), Tags: []types.Tag{{Key: aws.String("aws:x"), Value: value}}}), "InvalidParameterException"},
		"a long tag value":             {create(sdk.CreateSecretInput{Name: aws.String("x"), Tags: []types.Tag{{Key: value, Value: aws.String(strings.Repeat("v", 257))}}}), "ValidationException"},
		"replication is not simulated": {create(sdk.CreateSecretInput{Name: aws.String("x"), AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String("eu-west-1")}}}), "NotSimulated"},
		"put without a value":          {put(sdk.PutSecretValueInput{}), "InvalidRequestException"},
		"put a short token":            {put(sdk.PutSecretValueInput{SecretString: value, ClientRequestToken: aws.String("short")}), "ValidationException"},
		"put a long label":             {put(sdk.PutSecretValueInput{SecretString: value, VersionStages: []string{strings.Repeat("a", 257)}}), "ValidationException"},
		"a description of 2,049":       {create(sdk.CreateSecretInput{Name: aws.String("x"), Description: aws.String(strings.Repeat("a", 2049))}), "ValidationException"},
		"a key id of 2,049":            {create(sdk.CreateSecretInput{Name: aws.String("x"), KmsKeyId: aws.String(strings.Repeat("a", 2049))}), "ValidationException"},
		"move a long label": {func(ctx context.Context) error {
			_, err := w.UpdateSecretVersionStage(ctx, &sdk.UpdateSecretVersionStageInput{SecretId: aws.String(name), VersionStage: aws.String(strings.Repeat("a", 257)), MoveToVersionId: token("one")})
			return err
		}, "ValidationException"},
		"get a short version": {func(ctx context.Context) error {
			_, err := w.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: aws.String(name), VersionId: aws.String("short")})
			return err
		}, "ValidationException"},
		"put an empty label":              {put(sdk.PutSecretValueInput{SecretString: value, VersionStages: []string{""}}), "ValidationException"},
		"put 21 labels":                   {put(sdk.PutSecretValueInput{SecretString: value, VersionStages: strings.Split(strings.Repeat("a ", 20)+"a", " ")}), "ValidationException"},
		"a tag given twice":               {tag(name, tags("a", "1", "a", "2")...), "InvalidParameterException"},
		"a tag with a comma":              {tag(name, tags("a", "1,2")...), "InvalidParameterException"},
		"a tag with all that it may have": {tag(name, tags("Ä 1_.:/=+-@", "Ä 1_.:/=+-@")...), ""},
		"tag number 51":                   {tag("tagged", types.Tag{Key: aws.String("new"), Value: value}), "InvalidParameterException"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			wantCode(t, what, test.call(t.Context()), test.want)
		})
	}
}

// TestChangesAreDated: a listing by date relies on it.
func TestChangesAreDated(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "one", "one")
	id := aws.String(name)
	for _, change := range []struct {
		what string
		call func() error
	}{
		{"put", func() error { return w.put(t, "two", "two") }},
		{"move", func() error {
			_, err := w.UpdateSecretVersionStage(t.Context(), &sdk.UpdateSecretVersionStageInput{SecretId: id, VersionStage: aws.String("x"), MoveToVersionId: token("one")})
			return err
		}},
		{"tag", func() error {
			_, err := w.TagResource(t.Context(), &sdk.TagResourceInput{SecretId: id, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
			return err
		}},
	} {
		w.now = w.now.Add(time.Minute)
		if err := change.call(); err != nil {
			t.Fatalf("%s: %v", change.what, err)
		}
		out, err := w.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: id})
		if err != nil || !out.LastChangedDate.Equal(w.now) {
			t.Errorf("%s: changed %v, error %v, want %v", change.what, out.LastChangedDate, err, w.now)
		}
	}
}
