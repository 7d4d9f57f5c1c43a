package cli_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

const scriptApp = "example-linker-app"

// The workspaces of the scripts, by the name that they have there. The first two
// are at Bitbucket and in the store, gamma and delta only at Bitbucket, old only in
// the store, as a tombstone.
func workspaces() map[string]string {
	return map[string]string{
		"alpha": "{11111111-1111-4111-8111-111111111111}", "beta": "{22222222-2222-4222-8222-222222222222}",
		"gamma": "{33333333-3333-4333-8333-333333333333}", "delta": "{44444444-4444-4444-8444-444444444444}",
		"old": "{55555555-5555-4555-8555-555555555555}",
	}
}

func clientKey(workspace string) string {
	return "ari:cloud:bitbucket::app/" + workspaces()[workspace] + "/" + scriptApp
}

// sharedSecret is a workspace's own; gamma has the app's.
func sharedSecret(workspace string) string {
	if workspace == "gamma" {
		return "app-secret-" + mark
	}
	return workspace + "-secret-" + mark
}

// scriptWorld is a Bitbucket, an AWS and an Infisical on loopback.
type scriptWorld struct {
	bitbucket *simbitbucket.Server
	aws       *simaws.Server
	infisical *siminfisical.Server
}

func newScriptWorld() (*scriptWorld, error) {
	w := &scriptWorld{bitbucket: simbitbucket.New(simbitbucket.Options{HTTP: &http.Client{Transport: registered{}}}), aws: simaws.New(simaws.Options{})}
	url, err := w.bitbucket.Start()
	if err != nil {
		return nil, err
	}
	w.infisical = siminfisical.New(siminfisical.Options{BitbucketURL: url})
	if _, err := w.infisical.Start(); err != nil {
		return nil, err
	}
	if err := w.seedInfisical(); err != nil {
		return nil, err
	}
	if err := w.seedBitbucket(); err != nil {
		return nil, err
	}
	return w, w.seedStore()
}

// registered is the app's web server, which has nothing but its descriptor.
type registered struct{}

func (registered) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Content-Type", "application/json")
	_, err := recorder.Write(simbitbucket.Descriptor(scriptApp, "https://app.example.com", "issues", "wiki"))
	response := recorder.Result()
	response.Request = r
	return response, err
}

func (w *scriptWorld) close() {
	w.aws.Close()
	_ = w.infisical.Close() // a loopback listener
	_ = w.bitbucket.Close() // a loopback listener
}

func (w *scriptWorld) seedInfisical() error {
	return w.infisical.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: "org", Slug: "acme"}},
		Projects:      []siminfisical.Project{{ID: safeProject, OrgID: "org", Name: "App", Type: "secret-manager", Folders: map[string][]string{"prod": {"/", "/ci"}}}},
		Identities: []siminfisical.Identity{{
			ID: "99999999-aaaa-4bbb-8ccc-dddddddddddd", OrgID: "org", TokenTTL: time.Hour, Permissions: siminfisical.Everything(),
			Projects:  map[string][]siminfisical.Action{safeProject: siminfisical.Everything()},
			Universal: &siminfisical.UniversalAuth{ClientID: safeClient, Secrets: []siminfisical.ClientSecret{{Value: "client-secret-" + mark}}},
		}},
	})
}

func (w *scriptWorld) seedBitbucket() error {
	descriptor := simbitbucket.Descriptor(scriptApp, "https://app.example.com", "issues", "wiki")
	state := simbitbucket.State{
		Apps:         []simbitbucket.App{{Key: scriptApp, Secret: sharedSecret("gamma"), Descriptor: descriptor, DescriptorURL: "https://app.example.com/atlassian-connect.json"}},
		Users:        []simbitbucket.User{{Email: safeEmail, Tokens: []simbitbucket.Token{{Value: "api-token-" + mark, Scopes: []string{"read:user:bitbucket", "read:pipeline:bitbucket", "read:repository:bitbucket"}}}}},
		Repositories: []simbitbucket.Repository{{Workspace: "acme", Slug: "app", Variables: 3, Environments: map[string]int{"{11111111-2222-4333-8444-555555555555}": 0}}, {Workspace: "acme", Slug: "web", Variables: 30}},
	}
	for _, name := range []string{"alpha", "beta", "gamma", "delta"} {
		state.Installations = append(state.Installations, simbitbucket.Installation{
			AppKey: scriptApp, ClientKey: clientKey(name), SharedSecret: sharedSecret(name), Status: simbitbucket.Installed,
			Principal: simbitbucket.Principal{UUID: workspaces()[name], Type: "team", DisplayName: name, Username: name},
		})
	}
	return w.bitbucket.Seed(state)
}

func (w *scriptWorld) seedStore() error {
	longAgo := time.Now().Add(-100 * 24 * time.Hour)
	store := installation.NewSecretsManager(secretsmanager.NewFromConfig(w.aws.Config()), installation.Options{
		AppKey: scriptApp, Now: func() time.Time { return longAgo },
	})
	for _, name := range []string{"alpha", "beta", "old"} {
		state := installation.Installed
		if name == "old" {
			state = installation.Uninstalled
		}
		_, err := store.Create(context.Background(), installation.Installation{
			AppKey: scriptApp, ClientKey: clientKey(name), SharedSecret: redact.New(sharedSecret(name)), State: state,
			Principal: installation.Principal{UUID: connect.WorkspaceUUID(workspaces()[name]), Type: "team", DisplayName: name},
		}, "seed")
		if err != nil {
			return err
		}
	}
	if err := w.deploy(); err != nil {
		return err
	}
	w.aws.Faults.ResetCalls()
	return w.aws.Secrets.Add("linkersync/app", `{"app_secret":"`+sharedSecret("gamma")+`"}`, nil)
}

// deploy makes a deployment's parts, without its functions.
func (w *scriptWorld) deploy() error {
	w.aws.Tables.Add("linkersync")
	w.aws.Buckets.Add("manifests")
	if _, err := w.aws.Events.On("linkersync", `{"source":["linkersync"]}`, func(context.Context, eventbridge.Event) {}); err != nil {
		return err
	}
	queues := sqs.NewFromConfig(w.aws.Config())
	for _, name := range []string{"dead-letters", "queue"} {
		in := &sqs.CreateQueueInput{QueueName: aws.String(name)}
		if name == "queue" {
			in.Attributes = map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:` + simaws.Region + `:` + simaws.Account + `:dead-letters","maxReceiveCount":1000}`}
		}
		if _, err := queues.CreateQueue(context.Background(), in); err != nil {
			return err
		}
	}
	return nil
}

func (w *scriptWorld) queueURL(name string) string {
	return w.aws.URL + "/" + simaws.Account + "/" + name
}

// environment reaches the world, and nothing else.
func (w *scriptWorld) environment() []string {
	variables := []string{
		"LINKERSYNC_APP_KEY=" + scriptApp, "LINKERSYNC_BITBUCKET_URL=" + w.bitbucket.URL(), "LINKERSYNC_BITBUCKET_AUTH_URL=" + w.bitbucket.URL(),
		"LINKERSYNC_REQUESTS_PER_SECOND=10000", "LINKERSYNC_INFISICAL_URL=" + w.infisical.URL(), "LINKERSYNC_INFISICAL_CLIENT_ID=" + safeClient,
		"LINKERSYNC_INFISICAL_CLIENT_SECRET=client-secret-" + mark, "BITBUCKET_API_TOKEN=api-token-" + mark, "APP_SECRET=" + sharedSecret("gamma"),
		"dead_letters=" + w.queueURL("dead-letters"), "queue=" + w.queueURL("queue"), "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none",
	}
	for name, workspace := range workspaces() {
		variables = append(variables, name+"="+workspace, name+"_key="+clientKey(name))
	}
	return append(variables, w.aws.Environment()...)
}
