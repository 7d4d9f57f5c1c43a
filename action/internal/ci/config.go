// Package ci is one run of linkersync as a CI step: inputs in, masks first, then
// the same work as the command's verbs, then outputs, annotations and a summary.
// Which CI it is, package platform knows.
package ci

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config are the inputs of action.yml and the variables of pipe.yml: the input tag
// is the name, default its default, required its mark, and oneof what it may be. A
// test ties them to both files, both ways.
type Config struct {
	Command      string        `input:"command" default:"plan" oneof:"plan,apply,connections,export"`
	File         string        `input:"file" default:"linkersync.yaml"`
	Installation string        `input:"installation" default:""`
	AppKey       string        `input:"app_key" default:""`
	Via          string        `input:"via" default:"direct" oneof:"direct,event"`
	Prune        bool          `input:"prune" default:"false"`
	FailOnDrift  bool          `input:"fail_on_drift" default:"false"`
	Parallel     int           `input:"parallel" default:"4"`
	Timeout      time.Duration `input:"timeout" default:"30m"`

	AWSRegion string `input:"aws_region" default:""`
	AWSRole   string `input:"aws_role" default:""`
	Bus       string `input:"bus" default:"linkersync"`
	Table     string `input:"table" default:""`

	InfisicalURL          string `input:"infisical_url" default:"https://app.infisical.com"`
	InfisicalMethod       string `input:"infisical_method" default:"oidc" oneof:"oidc,universal,aws"`
	InfisicalIdentityID   string `input:"infisical_identity_id" default:""`
	InfisicalClientID     string `input:"infisical_client_id" default:""`
	InfisicalOrganization string `input:"infisical_organization" default:""`
	InfisicalAudience     string `input:"infisical_audience" default:""`

	Output string `input:"output" default:"linkersync-export"`
	Debug  bool   `input:"debug" default:"false"`
}

// applies tells whether the command writes to workspaces or to Infisical.
func (c Config) applies() bool { return c.Command == "apply" || c.Command == "connections" }

// load reads every input and reports all that is wrong with them at once.
func load(input func(name string) string) (Config, error) {
	var config Config
	var problems []error
	value := reflect.ValueOf(&config).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name := field.Tag.Get("input")
		text := strings.TrimSpace(input(name))
		if text == "" {
			text = field.Tag.Get("default")
		}
		if err := set(value.Field(i), text); err != nil {
			problems = append(problems, fmt.Errorf("%s: %q is not %w", name, text, err))
		}
		if allowed := field.Tag.Get("oneof"); allowed != "" && !slices.Contains(strings.Split(allowed, ","), text) {
			problems = append(problems, fmt.Errorf("%s: %q is none of %s", name, text, allowed))
		}
	}
	return config, errors.Join(append(problems, config.check()...)...)
}

// set writes text into a field of one of Config's types.
func set(field reflect.Value, text string) error {
	switch field.Interface().(type) {
	case string:
		field.SetString(text)
	case bool:
		parsed, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("true or false")
		}
		field.SetBool(parsed)
	case int:
		parsed, err := strconv.Atoi(text)
		if err != nil || parsed < 1 {
			return errors.New("a number from 1")
		}
		field.SetInt(int64(parsed))
	case time.Duration:
		parsed, err := time.ParseDuration(text)
		if err != nil || parsed <= 0 {
			return errors.New("a duration such as 90s or 30m")
		}
		field.SetInt(int64(parsed))
	}
	return nil
}

// check finds inputs that don't go together.
func (c Config) check() []error {
	var problems []error
	if c.Via == "event" && c.Command != "apply" {
		problems = append(problems, fmt.Errorf("via: event is for command: apply; a %s is made directly", c.Command))
	}
	if c.Via == "event" && c.Table == "" {
		problems = append(problems, errors.New("table: via: event waits for the run's result in the deployment's table: give its name, an output of the stack"))
	}
	if c.AWSRole != "" && c.AWSRegion == "" {
		problems = append(problems, errors.New("aws_region: aws_role needs the region whose STS is asked"))
	}
	return problems
}
