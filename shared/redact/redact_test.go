package redact_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/redact"
	"go.yaml.in/yaml/v4"
)

const canary = "canary-7f3a"

// holder has the secret exported and unexported, because fmt treats them differently.
type holder struct {
	Public  redact.Secret
	private redact.Secret
	Pointer *redact.Secret
	List    []redact.Secret
}

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	secret := redact.New(canary)
	held := holder{Public: secret, private: secret, Pointer: &secret, List: []redact.Secret{secret}}

	outputs := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T"} {
		outputs[verb] = fmt.Sprintf(verb, secret)
		outputs["struct "+verb] = fmt.Sprintf(verb, held)
	}
	encoded, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	outputs["json"] = string(encoded)
	asYAML, err := yaml.Marshal(map[string]any{"secret": secret})
	if err != nil {
		t.Fatal(err)
	}
	outputs["yaml"] = string(asYAML)
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var log bytes.Buffer
		slog.New(handler(&log)).InfoContext(t.Context(), "event", "secret", secret, "held", held)
		outputs[name] = log.String()
	}
	outputs["error"] = fmt.Errorf("use %v: %w", secret, fmt.Errorf("%+v", held)).Error()

	// An address in place of the value hides it as well, where fmt can't call methods.
	for _, name := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "json", "yaml", "slog text", "slog json", "error"} {
		if !strings.Contains(outputs[name], redact.Placeholder) {
			t.Errorf("%s does not say that something is left out: %q", name, outputs[name])
		}
	}
	hexCanary := fmt.Sprintf("%x", canary)
	for name, output := range outputs {
		if strings.Contains(output, canary) || strings.Contains(strings.ToLower(output), hexCanary) {
			t.Errorf("%s leaks the secret: %s", name, output)
		}
	}
}

func TestSecretKeepsItsValue(t *testing.T) {
	t.Parallel()
	if got := redact.New(canary).Reveal(); got != canary {
		t.Errorf("Reveal() = %q, want %q", got, canary)
	}
	if got := (redact.Secret{}).Reveal(); got != "" {
		t.Errorf("the zero value reveals %q", got)
	}
	if !(redact.Secret{}).IsZero() || !redact.New("").IsZero() || redact.New("x").IsZero() {
		t.Error("IsZero is wrong")
	}
	if !redact.New("a").Equal(redact.New("a")) || redact.New("a").Equal(redact.New("b")) || redact.New("a").Equal(redact.Secret{}) {
		t.Error("Equal is wrong")
	}
}
