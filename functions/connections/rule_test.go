package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	"github.com/linkersync/linkersync/shared/tagged"
)

// deployedPattern is the event pattern of template.yaml's rule, as JSON.
func deployedPattern(t *testing.T) string {
	t.Helper()
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, _ := strings.Cut(string(template), "        TokenRotated:\n")
	_, pattern, found := strings.Cut(rule, "            Pattern:\n")
	pattern, _, ended := strings.Cut(pattern, "            DeadLetterConfig:")
	if !found || !ended {
		t.Fatal("template.yaml has no rule TokenRotated with a pattern")
	}
	pattern = strings.NewReplacer("!Sub ", "", "${AppKey}", appKey).Replace(pattern)
	var decoded any
	if err := yaml.Unmarshal([]byte(pattern), &decoded); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(decoded)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// TestTheDeployedRuleWakesTheFunction when a token is made and when it is rotated,
// with what Secrets Manager sends, and not for what can't be a token: each write
// of an installation would start it for nothing.
func TestTheDeployedRuleWakesTheFunction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, _ := w.start()
	var woken []string
	remove, err := w.aws.Events.On(eventbridge.DefaultBus, deployedPattern(t), func(ctx context.Context, event eventbridge.Event) {
		encoded, err := json.Marshal(event)
		if err != nil {
			t.Error(err)
		}
		answer, err := h.Handle(ctx, encoded)
		if err != nil {
			t.Error(err)
		}
		for _, done := range answer.Connections {
			woken = append(woken, string(done.Action)+" "+done.Name)
		}
		if len(answer.Connections) == 0 {
			woken = append(woken, answer.Note)
		}
	})
	w.must(err)
	defer remove()

	client := w.secrets()
	create := func(name, text string, tags ...types.Tag) {
		_, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text, Tags: tags})
		w.must(err)
		w.aws.Events.Wait()
	}
	tag := types.Tag{Key: sdk.String(tagged.Tag), Value: sdk.String(tagged.Value)}
	create("linkersync/"+appKey+"/installation/one", "{}", tag)
	create("somebody/else", "x")
	create("bitbucket/ci", value(nil), tag)
	w.rotate("bitbucket/ci", value(map[string]string{"token": newToken}))
	w.aws.Events.Wait()
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: sdk.String("bitbucket/ci"), SecretString: sdk.String("next"), VersionStages: []string{"AWSPENDING"}})
	w.must(err)
	w.aws.Events.Wait()

	want := []string{tagged.ErrIgnored.Error() + ": the secret somebody/else has no tag linkersync:connection=true", "create ci", "rotate ci"}
	if diff := cmp.Diff(want, woken); diff != "" {
		t.Errorf("invocations (-want +got):\n%s", diff)
	}
	if got := w.stored("ci"); got != newToken {
		t.Errorf("Infisical has the token %q", got)
	}
}
