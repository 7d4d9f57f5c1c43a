package lambda

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/linkersync/linkersync/shared/redact"
)

// Credentials are what Lambda puts into a function's environment for its role.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey redact.Secret
}

// maxEnvironment is in bytes, of all names and values of a deployment.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxEnvironment = 4 << 10

// validateEnv refuses what AWS refuses, so that a template that can't be deployed
// doesn't run here either.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func validateEnv(env map[string]string) error {
	name := regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)
	size := 0
	for _, key := range slices.Sorted(maps.Keys(env)) {
		size += len(key) + len(env[key])
		if isReserved(key) {
			return fmt.Errorf("set environment: %s is reserved by Lambda", key)
		}
		if !name.MatchString(key) {
			return fmt.Errorf("set environment: %q is not a variable's name", key)
		}
	}
	if size > maxEnvironment {
		return fmt.Errorf("set environment: %d bytes, more than %d", size, maxEnvironment)
	}
	return nil
}

func isReserved(key string) bool {
	switch key {
	case "_HANDLER", "_X_AMZN_TRACE_ID",
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
		"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR":
		return true
	}
	return false
}

// environ is the whole environment of a process, for the runtime API at address.
func (f Function) environ(address string) map[string]string {
	env := map[string]string{
		"_HANDLER":                        "bootstrap",
		"AWS_REGION":                      f.Region,
		"AWS_DEFAULT_REGION":              f.Region,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_FORMAT":           "JSON", // as template.yaml's LoggingConfig says
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "simulator",
		"AWS_LAMBDA_RUNTIME_API":          address,
		"LAMBDA_TASK_ROOT":                filepath.Dir(f.Binary),
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"LANG":                            "en_US.UTF-8",
		"TZ":                              ":UTC",
		"PATH":                            "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH":                 "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
	}
	if f.Credentials.AccessKeyID != "" {
		env["AWS_ACCESS_KEY_ID"] = f.Credentials.AccessKeyID
		env["AWS_SECRET_ACCESS_KEY"] = f.Credentials.SecretAccessKey.Reveal()
	}
	maps.Copy(env, f.Env)
	return env
}

// list turns an environment into what os/exec takes.
func list(env map[string]string) []string {
	variables := make([]string, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		variables = append(variables, key+"="+env[key])
	}
	return variables
}
