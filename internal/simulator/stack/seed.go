package stack

import (
	"fmt"
	"os"
	"time"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
)

// What the seeded world holds. None of it opens anything outside the stack.
const (
	// AppSecret is the registered app's own secret, AppSecretID where it is kept.
	AppSecret   = "simulated-app-secret"
	AppSecretID = "linkersync/app"
	// Email and Token are an Atlassian account's, for connections.
	Email = "ci@example.com"
	Token = "simulated-bitbucket-api-token"
	// ClientID and ClientSecret are a machine identity's, allowed to do everything.
	ClientID     = "33333333-4444-4555-8666-777777777777"
	ClientSecret = "simulated-infisical-client-secret"
)

// Workspace is a principal that Seed's app can be installed in.
func Workspace(uuid, name string) simbitbucket.Principal {
	return simbitbucket.Principal{UUID: uuid, Type: "team", DisplayName: name, Username: name}
}

// Seed fills the simulated services with one registered app, one Atlassian
// account and one machine identity. Installations come by themselves.
func (s *Stack) Seed() error {
	descriptor, err := os.ReadFile(s.options.Descriptor)
	if err != nil {
		return fmt.Errorf("seed the app: %w", err)
	}
	if err := s.Bitbucket.Seed(simbitbucket.State{
		Apps: []simbitbucket.App{{Key: s.options.AppKey, Secret: AppSecret, Descriptor: descriptor, DescriptorURL: s.URL + "/atlassian-connect.json"}},
		Users: []simbitbucket.User{{Email: Email, DisplayName: "CI", Tokens: []simbitbucket.Token{
			{Value: Token, Scopes: []string{"read:user:bitbucket", "read:repository:bitbucket"}},
		}}},
	}); err != nil {
		return fmt.Errorf("seed Bitbucket: %w", err)
	}
	const organization = "88888888-9999-4aaa-8bbb-cccccccccccc"
	if err := s.Infisical.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: organization, Slug: "example"}},
		Identities: []siminfisical.Identity{{
			ID: "99999999-aaaa-4bbb-8ccc-dddddddddddd", Name: "linkersync", OrgID: organization, Permissions: siminfisical.Everything(),
			Universal: &siminfisical.UniversalAuth{ClientID: ClientID, Secrets: []siminfisical.ClientSecret{{Value: ClientSecret, Created: time.Now()}}},
		}},
	}); err != nil {
		return fmt.Errorf("seed Infisical: %w", err)
	}
	if err := s.AWS.Secrets.Add(AppSecretID, `{"app_secret":"`+AppSecret+`"}`, nil); err != nil {
		return fmt.Errorf("seed Secrets Manager: %w", err)
	}
	if err := s.AWS.Secrets.Add(infisicalSecret, `{"client_id":"`+ClientID+`","client_secret":"`+ClientSecret+`"}`, nil); err != nil {
		return fmt.Errorf("seed Secrets Manager: %w", err)
	}
	return nil
}

// CommandEnvironment are the variables with which the linkersync command, curl and
// any AWS SDK reach the stack from a terminal.
func (s *Stack) CommandEnvironment() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": s.AWS.URL, "AWS_REGION": simaws.Region, "AWS_DEFAULT_REGION": simaws.Region,
		"AWS_ACCESS_KEY_ID": simaws.AccessKeyID, "AWS_SECRET_ACCESS_KEY": simaws.SecretAccessKey,
		"LINKERSYNC_APP_KEY": s.options.AppKey, "LINKERSYNC_BASE_URL": s.URL,
		"LINKERSYNC_BITBUCKET_URL": s.Bitbucket.URL(), "LINKERSYNC_BITBUCKET_AUTH_URL": s.Bitbucket.URL(),
		"LINKERSYNC_BUS": Bus, "LINKERSYNC_BUCKET": Bucket, "LINKERSYNC_TABLE": Table,
		"LINKERSYNC_QUEUE_URL": s.queueURL(Queue), "LINKERSYNC_DEAD_LETTERS_URL": s.queueURL(DeadLetters),
		"LINKERSYNC_INFISICAL_URL": s.Infisical.URL(), "LINKERSYNC_INFISICAL_CLIENT_ID": ClientID,
		"LINKERSYNC_INFISICAL_CLIENT_SECRET": ClientSecret, "BITBUCKET_API_TOKEN": Token,
		// The command spaces its calls for the real Bitbucket; the simulator needs no pauses.
		"LINKERSYNC_REQUESTS_PER_SECOND": "1000",
	}
}
