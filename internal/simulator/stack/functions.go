package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
	"github.com/linkersync/linkersync/shared/redact"
)

// startFunctions makes a runtime of every function that has a binary.
func (s *Stack) startFunctions() error {
	for name, extra := range s.environments() {
		binary := s.Binary(name)
		if _, err := os.Stat(binary); err != nil {
			return fmt.Errorf("%w; run make functions-local first", err)
		}
		function, err := lambda.Start(lambda.Function{
			Name: name, Binary: binary, Env: extra, Timeout: timeouts()[name], Concurrency: concurrency(name, s.options.Workers),
			Region: simaws.Region, Output: s.options.Output,
			Credentials: lambda.Credentials{AccessKeyID: simaws.AccessKeyID, SecretAccessKey: redact.New(simaws.SecretAccessKey)},
		})
		if err != nil {
			return err
		}
		s.Functions[name] = function
	}
	return nil
}

// Binary is the file that a function's processes run.
func (s *Stack) Binary(function string) string {
	return filepath.Join(s.options.Binaries, function, "bootstrap")
}

// timeouts are the functions', as in template.yaml.
func timeouts() map[string]time.Duration {
	return map[string]time.Duration{
		"lifecycle": gatewayTimeout, "dispatch": 5 * time.Minute, "linkers": time.Minute, "connections": 5 * time.Minute,
	}
}

// gatewayTimeout is the HTTP API's for lifecycle, as in template.yaml.
const gatewayTimeout = 12 * time.Second

func concurrency(name string, workers int) int {
	if name == "linkers" {
		return workers
	}
	return 4
}

// environments are the functions' variables, as in template.yaml.
func (s *Stack) environments() map[string]map[string]string {
	common := map[string]string{
		"AWS_ENDPOINT_URL": s.AWS.URL, "LINKERSYNC_APP_KEY": s.options.AppKey, "LINKERSYNC_LOG_LEVEL": "info",
		"LINKERSYNC_BITBUCKET_URL": s.Bitbucket.URL(), "LINKERSYNC_BITBUCKET_AUTH_URL": s.Bitbucket.URL(),
		"LINKERSYNC_BUS": Bus, "LINKERSYNC_BUCKET": Bucket, "LINKERSYNC_TABLE": Table,
		"LINKERSYNC_QUEUE_URL": s.queueURL(Queue), "LINKERSYNC_DEAD_LETTERS_URL": s.queueURL(DeadLetters),
	}
	own := map[string]map[string]string{
		"lifecycle": {"LINKERSYNC_BASE_URL": s.URL, "LINKERSYNC_DESCRIPTOR_FILE": s.options.Descriptor, "LINKERSYNC_APP_SECRET": "aws-secret:" + AppSecretID + "#app_secret"},
		"dispatch":  {},
		"linkers":   {},
		"connections": {
			"LINKERSYNC_INFISICAL_URL": s.Infisical.URL(), "LINKERSYNC_INFISICAL_METHOD": "universal",
			"LINKERSYNC_INFISICAL_CLIENT": "aws-secret:" + infisicalSecret, "LINKERSYNC_SYNC_QUEUE_URL": s.queueURL(SyncQueue),
		},
	}
	for _, variables := range own {
		for name, value := range common {
			variables[name] = value
		}
		for name, value := range s.options.Environment {
			variables[name] = value
		}
	}
	return own
}

// queueURL is the URL of one of the stack's queues.
func (s *Stack) queueURL(name string) string {
	return s.AWS.URL + "/" + simaws.Account + "/" + name
}
