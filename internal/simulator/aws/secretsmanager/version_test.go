package secretsmanager_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

// step is one call on the secret, with the refusal that it should meet.
type step struct {
	put    string // token of the version to put, with a value of the same name
	labels []string
	move   string // label to move
	from   string
	to     string
	want   string
}

func (w *world) do(t *testing.T, s step) {
	t.Helper()
	if s.put != "" {
		wantCode(t, "put "+s.put, w.put(t, s.put, s.put, s.labels...), s.want)
		return
	}
	in := &sdk.UpdateSecretVersionStageInput{SecretId: aws.String(name), VersionStage: &s.move}
	if s.from != "" {
		in.RemoveFromVersionId = token(s.from)
	}
	if s.to != "" {
		in.MoveToVersionId = token(s.to)
	}
	_, err := w.UpdateSecretVersionStage(t.Context(), in)
	wantCode(t, "move "+s.move+" from "+s.from+" to "+s.to, err, s.want)
}

const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
)

// TestStagesAreMoved starts each case with version one in force. What the store relies on
// is in the contract of package installation.
func TestStagesAreMoved(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		steps []step
		want  map[string]string
	}{
		"swap and clean up": {
			[]step{{put: "two", labels: []string{pending}}, {move: current, from: "one", to: "two"}, {move: pending, from: "two"}},
			map[string]string{current: "two", previous: "one"},
		},
		"swap back": {
			[]step{{put: "two"}, {move: current, from: "two", to: "one"}},
			map[string]string{current: "one", previous: "two"},
		},
		"a free label needs no holder": {
			[]step{{move: "x", to: "one"}, {move: "x", to: "one"}},
			map[string]string{current: "one", "x": "one"},
		},
		"a free label has no holder": {
			[]step{{put: "two"}, {move: "x", from: "one", to: "two", want: "InvalidParameterException"}},
			map[string]string{current: "two", previous: "one"},
		},
		"current can't be removed": {
			[]step{{move: current, from: "one", want: "InvalidParameterException"}},
			map[string]string{current: "one"},
		},
		"previous can be removed": {
			[]step{{put: "two"}, {move: previous, from: "one"}},
			map[string]string{current: "two"},
		},
		"unknown versions": {
			[]step{{move: current, from: "one", to: "none", want: "InvalidParameterException"}, {move: current, from: "none", to: "one", want: "InvalidParameterException"}},
			map[string]string{current: "one"},
		},
		"nothing to do": {
			[]step{{move: current, want: "InvalidParameterException"}},
			map[string]string{current: "one"},
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.create(t, name, "one", "one")
			for _, step := range test.steps {
				w.do(t, step)
			}
			if diff := cmp.Diff(test.want, w.stages(t)); diff != "" {
				t.Errorf("stages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheFirstVersionIsCurrent(t *testing.T) {
	t.Parallel()
	w := start(t)
	if _, err := w.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	_, err := w.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String(name)})
	wantCode(t, "get before there is a value", err, "ResourceNotFoundException")
	w.do(t, step{put: "one", labels: []string{pending}})
	if diff := cmp.Diff(map[string]string{current: "one", pending: "one"}, w.stages(t)); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

func TestGetChoosesAVersion(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "one", "one")
	w.do(t, step{put: "two"})
	for what, test := range map[string]struct{ id, label, want, code string }{
		"current by default":     {want: "two"},
		"by label":               {label: previous, want: "one"},
		"by id":                  {id: "one", want: "one"},
		"by both":                {id: "two", label: current, want: "two"},
		"by both, contradicting": {id: "one", label: current, code: "InvalidRequestException"},
		"unknown label":          {label: "x", code: "ResourceNotFoundException"},
		"unknown id":             {id: "x", code: "ResourceNotFoundException"},
	} {
		in := &sdk.GetSecretValueInput{SecretId: aws.String(name)}
		if test.id != "" {
			in.VersionId = token(test.id)
		}
		if test.label != "" {
			in.VersionStage = &test.label
		}
		got, err := w.GetSecretValue(t.Context(), in)
		wantCode(t, what, err, test.code)
		if err == nil && *got.SecretString != test.want {
			t.Errorf("%s: got %q, want %q", what, *got.SecretString, test.want)
		}
	}
}

func TestVersionsWithoutLabelAreKeptForADay(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "v0", "v0")
	for i := 1; i < 100; i++ {
		w.do(t, step{put: "v" + strconv.Itoa(i)})
	}
	w.do(t, step{put: "v100", want: "LimitExceededException"})
	w.now = w.now.Add(24 * time.Hour)
	w.do(t, step{put: "v100", want: "LimitExceededException"})
	w.now = w.now.Add(time.Second)
	w.do(t, step{put: "v100"})
	for id, want := range map[string]string{"v0": "ResourceNotFoundException", "v1": "", "v100": ""} {
		_, err := w.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String(name), VersionId: token(id)})
		wantCode(t, "get "+id, err, want)
	}
}

func TestTwentyLabelsAreTheLimit(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "one", "one")
	for i := 1; i < 20; i++ {
		w.do(t, step{move: "label" + strconv.Itoa(i), to: "one"})
	}
	w.do(t, step{move: "label20", to: "one", want: "LimitExceededException"})
	w.do(t, step{put: "two", labels: []string{"label20"}, want: "LimitExceededException"})
	w.do(t, step{put: "two", labels: []string{"label19"}})
}
