package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variable annotates a flag with the environment variable that is its default.
const variable = "linkersync_environment"

// fromEnvironment makes a variable the default of a flag. The value is read by
// fillFlags, so that a bad one is reported like a bad flag.
func fromEnvironment(flags *pflag.FlagSet, name, variableName string) {
	flag := flags.Lookup(name)
	flag.Usage += " [$" + variableName + "]"
	flag.Annotations = map[string][]string{variable: {variableName}}
}

// fillFlags sets the flags that the command line left out from the environment.
func fillFlags(command *cobra.Command, getenv func(string) string) error {
	var problems []error
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		names := flag.Annotations[variable]
		if flag.Changed || len(names) == 0 {
			return
		}
		value := getenv(names[0])
		if value == "" {
			return
		}
		if err := command.Flags().Set(flag.Name, value); err != nil {
			reason := "which --" + flag.Name + " doesn't take"
			if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
				reason += ": " + invalid.Unwrap().Error()
			}
			problems = append(problems, fmt.Errorf("the variable %s is %q, %s", names[0], value, reason))
		}
	})
	return errors.Join(problems...)
}

// oneOf is a flag that takes one of a few words.
type oneOf struct {
	value   *string
	allowed []string
}

func enumVar(flags *pflag.FlagSet, value *string, name, fallback, usage string, allowed ...string) {
	*value = fallback
	flags.Var(&oneOf{value, allowed}, name, usage+" One of "+strings.Join(allowed, ", ")+".")
}

// String implements pflag.Value.
func (o *oneOf) String() string { return *o.value }

// Type implements pflag.Value.
func (o *oneOf) Type() string { return "word" }

// Set implements pflag.Value.
func (o *oneOf) Set(value string) error {
	for _, word := range o.allowed {
		if value == word {
			*o.value = value
			return nil
		}
	}
	return fmt.Errorf("it is one of %s", strings.Join(o.allowed, ", "))
}

// needed annotates a flag without whose value a verb can't begin. Cobra's own mark
// knows no environment variables.
const needed = "linkersync_needed"

func required(command *cobra.Command, name string) {
	command.Flags().Lookup(name).Annotations[needed] = nil
}

// checkFlags finds the required flags that have no value, and those that were given
// an empty one, as of a script's variable that nobody set: what is done without the
// flag is not what was meant.
func checkFlags(command *cobra.Command) error {
	var problems []error
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Value.String() != "" {
			return
		}
		name, usage := pflag.UnquoteUsage(flag)
		if _, is := flag.Annotations[needed]; is {
			problems = append(problems, fmt.Errorf("--%s is missing: %s", flag.Name, usage))
		} else if flag.Changed {
			problems = append(problems, fmt.Errorf("--%s is empty: give its %s, or leave it out", flag.Name, name))
		}
	})
	return errors.Join(problems...)
}

// installationFlag selects whose Bitbucket a verb works with.
func installationFlag(command *cobra.Command, value *string, usage string) {
	command.Flags().StringVar(value, "installation", "", usage)
	fromEnvironment(command.Flags(), "installation", "LINKERSYNC_INSTALLATION")
}

// Words for --installation, by how many a verb takes.
const (
	oneInstallation   = "`KEY|UUID`: a client key, or the workspace's UUID."
	manyInstallations = "`all|KEY|UUID`: all, a client key, or a workspace's UUID."
)

// commonFlags are those of every verb. Secrets are never among them.
func (inv *invocation) commonFlags(flags *pflag.FlagSet) {
	o := &inv.options
	flags.StringVar(&o.AppKey, "app-key", "", "The Connect app's `KEY`. Default: the manifest's app.")
	flags.StringVar(&o.AWSRegion, "aws-region", "", "AWS `REGION` of the installations. Default: the AWS profile's.")
	flags.StringVar(&o.KMSKeyID, "kms-key-id", "", "KMS `KEY` for secrets that are written. Default: the account's aws/secretsmanager.")
	flags.StringVar(&o.BitbucketURL, "bitbucket-url", "https://api.bitbucket.org", "Bitbucket's API.")
	flags.StringVar(&o.BitbucketAuthURL, "bitbucket-auth-url", "https://bitbucket.org", "Bitbucket's OAuth host.")
	rateVar(flags, &o.RequestsPerSecond, "requests-per-second", 10, "At most this many requests a second to Bitbucket.")
	for name, variable := range map[string]string{
		"app-key": "LINKERSYNC_APP_KEY", "aws-region": "LINKERSYNC_AWS_REGION", "kms-key-id": "LINKERSYNC_KMS_KEY_ID",
		"bitbucket-url": "LINKERSYNC_BITBUCKET_URL", "bitbucket-auth-url": "LINKERSYNC_BITBUCKET_AUTH_URL",
		"requests-per-second": "LINKERSYNC_REQUESTS_PER_SECOND",
	} {
		fromEnvironment(flags, name, variable)
	}
	// They exist for the simulators: there is only one Bitbucket Cloud.
	for _, name := range []string{"bitbucket-url", "bitbucket-auth-url"} {
		flags.Lookup(name).Hidden = true
	}
	flags.BoolVar(&inv.json, "json", false, "Print the result as JSON on standard output.")
	flags.BoolVar(&inv.noColour, "no-color", false, "Never colour the output; NO_COLOR does the same.")
	flags.BoolVarP(&inv.verbose, "verbose", "v", false, "Log each step on standard error.")
	timeoutVar(flags, &inv.timeout, "timeout", defaultTimeout, "Give up after this long.")
}

// infisicalFlags are those of verbs that may talk to Infisical.
func (inv *invocation) infisicalFlags(flags *pflag.FlagSet) {
	o := &inv.options.Infisical
	flags.StringVar(&o.URL, "infisical-url", "https://app.infisical.com", "Infisical's address: US, EU or your own.")
	enumVar(flags, &o.Method, "infisical-method", "universal", "How the machine identity logs in.", "universal", "oidc", "aws")
	flags.StringVar(&o.IdentityID, "infisical-identity-id", "", "`UUID` of the machine identity, for oidc and aws.")
	flags.StringVar(&o.ClientID, "infisical-client-id", "", "`UUID`: the machine identity's client id, for universal. Its secret is read from LINKERSYNC_INFISICAL_CLIENT_SECRET.")
	flags.StringVar(&o.Organization, "infisical-organization", "", "`SLUG` of the sub-organization, when there is one.")
	for name, variable := range map[string]string{
		"infisical-url": "LINKERSYNC_INFISICAL_URL", "infisical-method": "LINKERSYNC_INFISICAL_METHOD",
		"infisical-identity-id": "LINKERSYNC_INFISICAL_IDENTITY_ID", "infisical-client-id": "LINKERSYNC_INFISICAL_CLIENT_ID",
		"infisical-organization": "LINKERSYNC_INFISICAL_ORGANIZATION",
	} {
		fromEnvironment(flags, name, variable)
	}
	inv.caFileFlag(flags)
}

// caFileFlag is the one of them that is no input of the CI step.
func (inv *invocation) caFileFlag(flags *pflag.FlagSet) {
	flags.StringVar(&inv.options.Infisical.CAFile, "infisical-ca-file", "", "PEM `FILE` of the certificate authority of a server of your own.")
	fromEnvironment(flags, "infisical-ca-file", "LINKERSYNC_INFISICAL_CA_FILE")
}
