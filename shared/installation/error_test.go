package installation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/installation"
)

// refusing answers every call that the store may make with one error.
type refusing struct {
	installation.SecretsManagerAPI
	err error
}

func (r refusing) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return nil, r.err
}

func (r refusing) CreateSecret(context.Context, *secretsmanager.CreateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	return nil, r.err
}

func (r refusing) ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	return nil, r.err
}

// Messages as AWS writes them, with all that must stay inside.
const (
	arn       = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:linkersync/app/installation/k-AbCdEf"
	noAccess  = "User: arn:aws:sts::123456789012:assumed-role/app is not authorized to perform: secretsmanager:GetSecretValue on resource: " + arn
	noDelete  = "User: arn:aws:sts::123456789012:assumed-role/app is not authorized to perform: secretsmanager:DeleteSecret"
	noKMS     = "Access to KMS is not allowed"
	noDecrypt = "User: arn:aws:sts::123456789012:assumed-role/app is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:123456789012:key/1"
	marked    = "You can't perform this operation on the secret because it was marked for deletion."
)

func TestErrorsSayWhatIsMissingAndNothingElse(t *testing.T) {
	t.Parallel()
	api := func(code, message string) error {
		return fmt.Errorf("operation error Secrets Manager: GetSecretValue, %w", &smithy.GenericAPIError{Code: code, Message: message})
	}
	for name, test := range map[string]struct {
		err         error
		want        error
		unavailable bool
		text        string
	}{
		"no permission":         {api("AccessDeniedException", noAccess), awsenv.ErrAccessDenied, true, "allow secretsmanager:GetSecretValue on secrets named linkersync/app/installation/*"},
		"the key refuses":       {api("AccessDeniedException", noKMS), installation.ErrKMSDenied, true, "allow kms:Decrypt on the key"},
		"the key refuses, too":  {api("AccessDeniedException", noDecrypt), installation.ErrKMSDenied, true, "allow kms:Decrypt on the key"},
		"the key is disabled":   {&types.DecryptionFailure{Message: aws.String(arn)}, installation.ErrKMSKey, true, "enable it"},
		"the key can't encrypt": {&types.EncryptionFailure{Message: aws.String(arn)}, installation.ErrKMSKey, true, "enable it"},
		"KMS is slow":           {api("InternalServiceError", "KMS timed out"), installation.ErrUnavailable, true, "InternalServiceError"},
		"may not delete":        {api("AccessDeniedException", noDelete), awsenv.ErrAccessDenied, true, "allow secretsmanager:"},
		"refused otherwise":     {&types.InvalidRequestException{Message: aws.String("the secret is managed by another service")}, installation.ErrUnavailable, true, "InvalidRequestException"},
		"being deleted":         {&types.InvalidRequestException{Message: aws.String(marked)}, installation.ErrPendingDeletion, false, "restore-secret"},
		"not there":             {&types.ResourceNotFoundException{Message: aws.String(arn)}, installation.ErrNotFound, false, "installation not found"},
		"a full quota":          {&types.LimitExceededException{Message: aws.String(arn)}, installation.ErrQuota, true, "quota"},
		"throttled":             {api("ThrottlingException", "Rate exceeded"), awsenv.ErrThrottled, true, "throttled"},
		"expired credentials":   {api("ExpiredTokenException", noAccess), awsenv.ErrBadCredentials, true, "renew"},
		"no region":             {&aws.MissingRegionError{}, awsenv.ErrUnreachable, true, "reached"},
		"no region set":         {errors.New("Invalid Configuration: Missing Region"), awsenv.ErrNoRegion, true, "AWS_REGION"},
		"no credentials":        {errors.New("get identity: get credentials: no EC2 IMDS role found"), awsenv.ErrNoCredentials, true, "AWS_ACCESS_KEY_ID"},
		"too slow":              {fmt.Errorf("canceled: %w", context.DeadlineExceeded), context.DeadlineExceeded, true, "deadline"},
		"something new":         {api("NewException", noAccess), installation.ErrUnavailable, true, "NewException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := installation.NewSecretsManager(refusing{err: test.err}, installation.Options{AppKey: "app"})
			_, err := store.Get(t.Context(), clientKey)
			if !errors.Is(err, test.want) || errors.Is(err, installation.ErrUnavailable) != test.unavailable {
				t.Errorf("Get = %v; want %v, unavailable %v", err, test.want, test.unavailable)
			}
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			if !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), clientKey) {
				t.Errorf("the text %q lacks %q or the client key", err, test.text)
			}
			// What the text can't tell it leaves out, instead of a guess.
			if strings.Contains(test.text, "allow ") != strings.Contains(err.Error(), "allow ") || strings.HasSuffix(err.Error(), ": ") {
				t.Errorf("the text %q names a permission that isn't missing, or nothing", err)
			}
			if strings.Contains(text, "arn:") || strings.Contains(text, "123456789012") {
				t.Errorf("the error shows an ARN or an account: %s", text)
			}
		})
	}
}

func TestAccessDeniedNamesEveryPermissionThatTheCallNeeds(t *testing.T) {
	t.Parallel()
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException", Message: noAccess}
	store := installation.NewSecretsManager(refusing{err: denied}, installation.Options{AppKey: "app"})
	_, created := store.Create(t.Context(), sample(clientKey, "s"), "1")
	var listed error
	for _, err := range store.All(t.Context(), installation.Query{}) {
		listed = err
	}
	_, read := installation.ReadSecret(t.Context(), refusing{err: denied}, arn)
	for want, err := range map[string]error{
		"allow secretsmanager:CreateSecret and secretsmanager:TagResource on secrets named linkersync/app/installation/*": created,
		`allow secretsmanager:ListSecrets on "*"`:                                                   listed,
		"allow secretsmanager:GetSecretValue on secrets named linkersync/app/installation/k-AbCdEf": read,
	} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "123456789012") {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

// Each call of a write may be denied, and nothing may pass for stored then.
func TestEachDeniedCallOfAWriteIsNamed(t *testing.T) {
	t.Parallel()
	const gone, back = installation.Uninstalled, installation.Installed
	for name, test := range map[string]struct {
		operation  string
		nth        int
		state      installation.State // that the update brings; none for a Create
		clientKey  string
		permission string
	}{
		"create":                     {"CreateSecret", 1, "", "connection:1", "CreateSecret and secretsmanager:TagResource"},
		"create, look what is there": {"GetSecretValue", 1, "", clientKey, "GetSecretValue"},
		"install, read":              {"GetSecretValue", 1, back, clientKey, "GetSecretValue"},
		"install, tag":               {"TagResource", 1, back, clientKey, "TagResource"},
		"install, stage":             {"PutSecretValue", 1, back, clientKey, "PutSecretValue"},
		"install, swap":              {"UpdateSecretVersionStage", 1, back, clientKey, "UpdateSecretVersionStage"},
		"install, look at the tags":  {"DescribeSecret", 1, back, clientKey, "DescribeSecret"},
		"uninstall, tag":             {"TagResource", 1, gone, clientKey, "TagResource"},
		"uninstall, read again":      {"GetSecretValue", 2, gone, clientKey, "GetSecretValue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := simulated(t, simulator.Options{})
			s := shop{cloud: c, clock: newClock(), appKey: "app"}.open(nil)
			in := s.tombstone(t)
			if test.state == gone {
				in.State = back
				in = must(s.Update(t.Context(), in, "3"))(t)
			}
			denied := c.simulator.Faults.Add(fault.Target("secretsmanager."+test.operation), fault.From(test.nth), fault.AWSError(400, "AccessDeniedException", noAccess))
			var err error
			if in.State = test.state; in.State == "" {
				_, err = s.Create(t.Context(), sample(test.clientKey, "s1"), "4")
			} else {
				_, err = s.Update(t.Context(), in, "4")
			}
			want := "allow secretsmanager:" + test.permission + " on secrets named linkersync/app/installation/*"
			if !errors.Is(err, awsenv.ErrAccessDenied) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
			denied.Remove()
			// In force and tagged as uninstalled, a fan-out would leave it out.
			if tag := s.inspect(t, clientKey).Tags[installation.TagState]; s.inForce(t).State == back && tag != string(back) {
				t.Errorf("in force is %q, the tag says %q", back, tag)
			}
		})
	}
}

func TestADamagedValueIsToldFromAnUnknownInstallation(t *testing.T) {
	t.Parallel()
	document := func(change string) string {
		return `{"version":1,"app_key":"APP","client_key":"k","shared_secret":"canary","principal":{"uuid":"{u}"},"state":"installed"` + change + `}`
	}
	for name, test := range map[string]struct {
		value string
		want  error
		text  string
	}{
		"whole":                    {document(""), nil, ""},
		"another workspace's":      {document(`,"client_key":"other"`), installation.ErrDamaged, "differs from the secret's name"},
		"another app's":            {document(`,"app_key":"other"`), installation.ErrDamaged, "differs from the secret's name"},
		"without a shared secret":  {document(`,"shared_secret":""`), installation.ErrDamaged, "no shared secret"},
		"of an unknown state":      {document(`,"state":"paused"`), installation.ErrDamaged, "unknown state"},
		"of another shape":         {document(`,"shared_secret":12345678`), installation.ErrDamaged, "expected form"},
		"no JSON":                  {"canary", installation.ErrDamaged, "expected form"},
		"the console's empty pair": {`{"":""}`, installation.ErrDamaged, "no document version"},
		"a newer release's":        {document(`,"version":2`), installation.ErrNewer, "update this one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			_, err := s.cloud.client(&line{}).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
				Name: aws.String(s.name(t, "k")), SecretString: aws.String(strings.ReplaceAll(test.value, "APP", s.appKey)),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Get(t.Context(), "k")
			if !errors.Is(err, test.want) || errors.Is(err, installation.ErrUnavailable) != (test.want != nil) {
				t.Fatalf("Get = %v, want %v", err, test.want)
			}
			if err != nil && (!strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "12345678")) {
				t.Errorf("the text %q lacks %q, or shows the value", err, test.text)
			}
			// Nothing may be written over it either.
			if _, err := s.Create(t.Context(), sample("k", "new"), "1"); test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("Create = %v, want %v", err, test.want)
			}
		})
	}
}

func TestTheCallersDeadlineHolds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	blocked := make(chan struct{})
	t.Cleanup(func() { close(blocked) })
	s = s.open(&line{cut: func(int) (before, after bool) { <-blocked; return true, false }})
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Millisecond))
	defer cancel()
	if _, err := s.Get(ctx, clientKey); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, installation.ErrUnavailable) {
		t.Errorf("Get = %v, want DeadlineExceeded and ErrUnavailable", err)
	}
}

// The client that a function builds, from the variables that Lambda sets.
func TestAClientFromTheEnvironmentSitsThrottlingOut(t *testing.T) {
	t.Parallel()
	c := simulated(t, simulator.Options{})
	variables := map[string]string{}
	for _, variable := range c.simulator.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	config, err := awsenv.Config(func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	store := installation.NewSecretsManager(secretsmanager.NewFromConfig(config), installation.Options{AppKey: "app"})
	throttled := c.simulator.Faults.Add(fault.Any(), fault.First(2), fault.Throttle())
	must(store.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	if throttled.Fired() != 2 || c.simulator.Faults.Total() != 3 {
		t.Errorf("%d of %d calls were throttled, want 2 of 3", throttled.Fired(), c.simulator.Faults.Total())
	}
}

func TestReadSecret(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	api := c.client(&line{})
	name := "credentials/" + newShop(t).appKey
	if _, err := api.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String(`{"token":"t"}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name + "/binary"), SecretBinary: []byte("t")}); err != nil {
		t.Fatal(err)
	}
	if got := must(installation.ReadSecret(t.Context(), api, name))(t); got.Reveal() != `{"token":"t"}` {
		t.Errorf("ReadSecret = %q", got.Reveal())
	}
	for id, want := range map[string]error{name + "/never": installation.ErrNoSecret, name + "/binary": installation.ErrInvalid} {
		_, err := installation.ReadSecret(t.Context(), api, id)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), id) {
			t.Errorf("ReadSecret(%q) = %v, want %v", id, err, want)
		}
	}
}
