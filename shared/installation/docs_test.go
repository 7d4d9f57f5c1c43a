package installation_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/installation"
)

var jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")

// blocks returns the JSON examples of a page of docs.
func blocks(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range jsonBlock.FindAllStringSubmatch(string(text), -1) {
		if !json.Valid([]byte(match[1])) {
			t.Errorf("%s: no JSON: %s", page, match[1])
		}
		found = append(found, match[1])
	}
	return found
}

// Somebody will copy a policy and run; it must allow all that the store calls,
// and nothing more.
func TestEachDocumentedPolicyAllowsWhatTheStoreCalls(t *testing.T) {
	t.Parallel()
	var called []string
	for method := range reflect.TypeFor[installation.SecretsManagerAPI]().Methods() {
		called = append(called, "secretsmanager:"+method.Name)
	}
	policies := 0
	for _, text := range blocks(t, "iam.md") {
		allowed := allowedActions(t, text)
		if len(allowed) == 0 {
			continue // it is about other services
		}
		policies++
		for _, action := range called {
			if !allowed[action] {
				t.Errorf("the policy lacks %s", action)
			}
			delete(allowed, action)
		}
		for action := range allowed {
			t.Errorf("the policy allows %s, which is never called", action)
		}
	}
	if policies != 2 {
		t.Errorf("%d policies, want one by name and one by tag", policies)
	}
}

// allowedActions returns Secrets Manager's actions in a policy.
func allowedActions(t *testing.T, text string) map[string]bool {
	t.Helper()
	var policy struct {
		Statement []struct{ Action any }
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	for _, statement := range policy.Statement {
		actions, several := statement.Action.([]any)
		if !several {
			actions = []any{statement.Action}
		}
		for _, action := range actions {
			if name, _ := action.(string); strings.HasPrefix(name, "secretsmanager:") {
				allowed[name] = true
			}
		}
	}
	return allowed
}

func TestTheDocumentedValueIsRead(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	example := strings.Replace(blocks(t, "secrets.md")[0], "\"app_key\": \"example-linker-app\"", "\"app_key\": \""+s.appKey+"\"", 1)
	_, err := s.cloud.client(&line{}).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(s.name(t, clientKey)), SecretString: aws.String(example)})
	if err != nil {
		t.Fatal(err)
	}
	got := must(s.Get(t.Context(), clientKey))(t)
	want := view{
		ClientKey: clientKey, Shared: "not-a-real-secret", Previous: "not-a-real-secret-either", State: installation.Installed,
		Principal: installation.Principal{UUID: workspace, Type: "team", DisplayName: "Example"},
	}
	if diff := cmp.Diff(want, seen(got)); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	// Every field that is written is in the example.
	must(s.Update(t.Context(), got, "event"))(t)
	var documented, written map[string]any
	for text, fields := range map[string]*map[string]any{example: &documented, s.stageValue(t, clientKey, "AWSCURRENT"): &written} {
		if err := json.Unmarshal([]byte(text), fields); err != nil {
			t.Fatal(err)
		}
	}
	names := func(fields map[string]any) []string {
		var names []string
		for name := range fields {
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
	if diff := cmp.Diff(names(documented), names(written)); diff != "" {
		t.Errorf("fields (-documented +written):\n%s", diff)
	}
}
