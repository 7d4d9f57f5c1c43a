package setup

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linkersync/linkersync/shared/transport"
)

// Options are the settings of a run. Secrets are never among them: they come from the
// environment or from Secrets Manager.
type Options struct {
	// Command is what a CI step does: plan, apply, connections or export.
	Command string
	// File is the manifest.
	File string
	// Installation is [apply.All], a client key, or a workspace's UUID.
	Installation string
	// AppKey is the Connect app's; empty means the manifest's.
	AppKey string
	// Via is direct or event.
	Via string
	// Prune permits deleting most of a linker's values.
	Prune bool
	// AllowSyncRisks is the yes to what a sync's plan warns of.
	AllowSyncRisks bool
	// FailOnDrift fails a plan that finds something to change.
	FailOnDrift bool
	// Parallel is how many installations are worked on at a time.
	Parallel int
	// Timeout ends the run.
	Timeout time.Duration
	// AllowEnv lists the variables that a manifest may name in CI.
	AllowEnv []string
	// AllowUntrustedTrigger permits an apply by an event of [platform.Untrusted].
	AllowUntrustedTrigger bool

	// AWSRegion is where the installations are; empty means the AWS profile's.
	AWSRegion string
	// AWSRole is the role to assume with the identity token of the CI.
	AWSRole string
	// Bus, Table and Bucket are the deployment's. Via event needs the first two.
	Bus, Table, Bucket string
	// QueueURL, DeadLettersURL and EventDeadLettersURL are the deployment's queues.
	QueueURL, DeadLettersURL, EventDeadLettersURL string
	// KMSKeyID encrypts secrets that are written; empty means the account's own key.
	KMSKeyID string

	// BitbucketURL is the API's.
	BitbucketURL string
	// BitbucketAuthURL is the OAuth host's.
	BitbucketAuthURL string
	// RequestsPerSecond is at most sent to Bitbucket.
	RequestsPerSecond float64

	Infisical InfisicalOptions

	// Output is the folder that a step exports to.
	Output string
	// Debug logs each part of a step.
	Debug bool

	// Watch, when set, is called after each attempt of a call. An attempt at AWS has its
	// service as method and its operation as path.
	Watch func(transport.Attempt)
	// Now is the clock of what is signed for Bitbucket; nil means time.Now.
	Now func() time.Time
}

// List returns every option, bound to o, in the order of the documents. CONTRIBUTING.md
// says what else a new one needs.
func (o *Options) List() []Option {
	return slices.Concat(o.workTable(), o.runTable(), o.awsTable(), o.Infisical.table(), o.edgeTable())
}

// workTable has what is to be done, and where.
func (o *Options) workTable() []Option {
	return []Option{
		{
			Name: "command", Default: "plan", OneOf: []string{"plan", "apply", "connections", "export"}, Input: true, Value: Text(&o.Command, "VERB"),
			Help: "What to do: plan, apply, connections (an apply of only those and of syncs) or export.",
		},
		{
			Name: "file", Short: "f", Default: "linkersync.yaml", Input: true, Flag: true, Value: Text(&o.File, "FILE"),
			Help: "The manifest.",
		},
		{
			Name: "installation", Input: true, Flag: true, Value: Text(&o.Installation, "all|KEY|UUID"),
			Help: "Where the linkers go: all, a client key, or a workspace's UUID. A manifest with linkers needs it.",
		},
		{
			Name: "app_key", Input: true, Flag: true, Value: Text(&o.AppKey, "KEY"),
			Help: "The Connect app's key. Without it, the manifest's app.",
		},
		{
			Name: "via", Default: "direct", OneOf: []string{"direct", "event"}, Input: true, Value: Text(&o.Via, "WORD"),
			Help: "direct calls Bitbucket from here. event hands the manifest to the deployment, so that CI holds no Bitbucket secret.",
		},
		{
			Name: "prune", FlagAs: "allow-prune", Default: "false", Input: true, Flag: true, Value: Yes(&o.Prune),
			Help: "Delete more than half of a linker's values, or of the connections, when the manifest says so.",
		},
		{
			Name: "allow_sync_risks", Default: "false", Input: true, Flag: true, Value: Yes(&o.AllowSyncRisks),
			Help: "Write secret syncs although the plan names a risk, and delete those that prune_syncs finds.",
		},
	}
}

// runTable has how a run goes.
func (o *Options) runTable() []Option {
	return []Option{
		{
			Name: "fail_on_drift", Default: "false", Input: true, Value: Yes(&o.FailOnDrift),
			Help: "Fail a plan that finds something to change.",
		},
		{
			Name: "parallel", Default: "4", Input: true, Flag: true, Value: Count(&o.Parallel),
			Help: "How many installations at a time.",
		},
		{
			Name: "timeout", Default: "30m", Input: true, Flag: true, Value: Wait(&o.Timeout),
			Help: "Give up after this long, such as 90s or 30m.",
		},
		{
			Name: "allow_env", Input: true, Value: Names(&o.AllowEnv),
			Help: "The variables that the manifest may name as env:NAME, separated by commas or spaces.",
		},
		{
			Name: "allow_untrusted_trigger", Default: "false", Input: true, Value: Yes(&o.AllowUntrustedTrigger),
			Help: "Write, although the event may bring a stranger's change together with the repository's secrets.",
		},
	}
}

// edgeTable has Bitbucket's addresses and limits, and what only a step has.
func (o *Options) edgeTable() []Option {
	return []Option{
		{
			Name: "bitbucket_url", Default: "https://api.bitbucket.org", Flag: true, Hidden: true, Value: Text(&o.BitbucketURL, "URL"),
			Help: "Bitbucket's API.",
		},
		{
			Name: "bitbucket_auth_url", Default: "https://bitbucket.org", Flag: true, Hidden: true, Value: Text(&o.BitbucketAuthURL, "URL"),
			Help: "Bitbucket's OAuth host.",
		},
		{
			Name: "requests_per_second", Default: "10", Flag: true, Value: Rate(&o.RequestsPerSecond),
			Help: "At most this many requests a second to Bitbucket.",
		},
		{
			Name: "output", Default: "linkersync-export", Input: true, Value: Text(&o.Output, "FOLDER"),
			Help: "The folder that a step's export writes to.",
		},
		{
			Name: "debug", Default: "false", Input: true, Value: Yes(&o.Debug),
			Help: "Log each step.",
		},
	}
}

func (o *Options) awsTable() []Option {
	return []Option{
		{
			Name: "aws_region", Input: true, Flag: true, Value: Text(&o.AWSRegion, "REGION"),
			Help: "AWS region of the installations. Without it, the AWS profile's or the environment's.",
		},
		{
			Name: "aws_role", Input: true, Value: Text(&o.AWSRole, "ARN"),
			Help: "The AWS role to assume with the CI's identity token. Without it, the environment's credentials.",
		},
		{
			Name: "bus", Default: "linkersync", Input: true, Flag: true, Value: Text(&o.Bus, "NAME"),
			Help: "The deployment's event bus, for via event.",
		},
		{
			Name: "table", Input: true, Flag: true, Value: Text(&o.Table, "NAME"),
			Help: "The deployment's table; an output of the stack. In CI, via event needs it.",
		},
		{
			Name: "bucket", Flag: true, Value: Text(&o.Bucket, "NAME"),
			Help: "The deployment's bucket of manifests; an output of the stack.",
		},
		{
			Name: "queue_url", Flag: true, Value: Text(&o.QueueURL, "URL"),
			Help: "The workers' queue; an output of the stack.",
		},
		{
			Name: "dead_letters_url", Flag: true, Value: Text(&o.DeadLettersURL, "URL"),
			Help: "The workers' dead letters; an output of the stack.",
		},
		{
			Name: "event_dead_letters_url", Flag: true, Value: Text(&o.EventDeadLettersURL, "URL"),
			Help: "The events' dead letters; an output of the stack.",
		},
		{
			Name: "kms_key_id", Flag: true, Value: Text(&o.KMSKeyID, "KEY"),
			Help: "The KMS key for secrets that are written. Without it, the account's aws/secretsmanager.",
		},
	}
}

// Defaults returns options that nobody set.
func Defaults() Options {
	var o Options
	for _, option := range o.List() {
		if option.Default != "" {
			_ = option.Set(option.Default) // a test sets every default
		}
	}
	return o
}

// ReadInputs sets what the CI step was given, and returns all that is wrong with it at
// once. An input that is empty leaves the option as it is.
func (o *Options) ReadInputs(input func(name string) string) error {
	var problems []error
	for _, option := range o.List() {
		text := strings.TrimSpace(input(option.Name))
		if !option.Input || text == "" {
			continue
		}
		if err := option.Set(text); err != nil {
			problems = append(problems, fmt.Errorf("%s is %q: %w", option.Name, text, err))
		}
	}
	return errors.Join(append(problems, o.checkInputs()...)...)
}

// checkInputs finds inputs that don't go together.
func (o *Options) checkInputs() []error {
	var problems []error
	if o.Via == "event" && o.Command != "apply" {
		problems = append(problems, fmt.Errorf("via: event is for command: apply; a %s is made directly", o.Command))
	}
	if o.Via == "event" && o.Table == "" {
		problems = append(problems, errors.New("table: via: event waits for the run's result in the deployment's table: give its name, an output of the stack"))
	}
	if o.AWSRole != "" && o.AWSRegion == "" {
		problems = append(problems, errors.New("aws_region: aws_role needs the region whose STS is asked"))
	}
	return problems
}

// Writes tells whether a step's command writes to workspaces or to Infisical.
func (o *Options) Writes() bool { return o.Command == "apply" || o.Command == "connections" }
