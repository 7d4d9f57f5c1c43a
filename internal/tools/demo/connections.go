package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/internal/simulator/stack"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	tokenSecret = "bitbucket/deploy-token"
	connection  = "bitbucket-deploy"
	project     = "3f1d0a1c-7f0e-4f52-9b1d-2f6f6c1f4a10"
	syncID      = "dddddddd-0000-4000-8000-000000000001"
)

// rotation shows what hangs on a connection before and after its token is rotated.
func (d *demo) rotation(ctx context.Context) error {
	if err := d.stack.Seed(); err != nil {
		return err
	}
	if err := d.connect(ctx); err != nil {
		return err
	}
	d.say("A secret of AWS holds the token of a connection in Infisical, which a sync uses:")
	d.showSync()
	d.say("The token ends. The next run of the sync fails:")
	if err := d.renewToken("simulated-second-token"); err != nil {
		return err
	}
	if err := d.runSync(ctx); err != nil {
		return err
	}
	d.showSync()
	d.say("A new token is put into the secret %s. The function", tokenSecret)
	d.say("connections writes it to Infisical, and runs the sync again:")
	if err := d.putToken(ctx); err != nil {
		return err
	}
	d.showSync()
	return nil
}

// showSync says how the sync's last run ended.
func (d *demo) showSync() {
	for _, sync := range d.stack.Infisical.Snapshot().Syncs {
		colour := good
		if sync.Status == "failed" {
			colour = bad
		}
		d.say("  secret sync %s to %s/%s: %s", sync.Name, sync.Destination.Workspace, sync.Destination.Repository, d.paint(colour, sync.Status))
	}
}

// connect has the connections function make the connection of a tagged secret, and puts
// a sync onto it.
func (d *demo) connect(ctx context.Context) error {
	state := d.stack.Infisical.Snapshot()
	identity := state.Identities[0]
	identity.Projects = map[string][]siminfisical.Action{project: siminfisical.Everything()}
	if err := d.stack.Infisical.Seed(siminfisical.State{
		Projects:   []siminfisical.Project{{ID: project, OrgID: identity.OrgID, Name: "Deployments", Type: "secret-manager"}},
		Identities: []siminfisical.Identity{identity},
	}); err != nil {
		return err
	}
	if err := d.putToken(ctx); err != nil {
		return err
	}
	return d.stack.Infisical.Seed(siminfisical.State{Syncs: []siminfisical.Sync{{
		ID: syncID, Name: "deploy-secrets", ProjectID: project, ConnectionID: d.found().ID, Environment: "prod", SecretPath: "/", AutoSync: true,
		Status: "succeeded", SyncedAt: time.Now(), Destination: siminfisical.Destination{Workspace: name, Repository: "app"},
	}}})
}

// found is the connection at Infisical, empty when there is none.
func (d *demo) found() siminfisical.Connection {
	for _, c := range d.stack.Infisical.Snapshot().Connections {
		if c.Name == connection {
			return c
		}
	}
	return siminfisical.Connection{}
}

// renewToken is what the account's owner does at Atlassian: the old token is no good
// any more, and there is a new one.
func (d *demo) renewToken(token string) error {
	user := d.stack.Bitbucket.Snapshot().Users[0]
	user.Tokens = []simbitbucket.Token{{Value: token, Scopes: user.Tokens[0].Scopes}}
	d.token = token
	return d.stack.Bitbucket.Seed(simbitbucket.State{Users: []simbitbucket.User{user}})
}

// putToken writes the secret that the connections function watches, and waits until the
// connection has the token and its sync, if there is one, has run.
func (d *demo) putToken(ctx context.Context) error {
	config, err := d.stack.AWSConfig()
	if err != nil {
		return err
	}
	value, err := json.Marshal(map[string]string{"email": stack.Email, "token": d.token, "connection": connection})
	if err != nil {
		return fmt.Errorf("encode the secret: %w", err)
	}
	secrets, text := secretsmanager.NewFromConfig(config), aws.String(string(value))
	if d.found().ID == "" {
		_, err = secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name: aws.String(tokenSecret), SecretString: text,
			Tags: []types.Tag{{Key: aws.String("linkersync:connection"), Value: aws.String("true")}},
		})
	} else {
		_, err = secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String(tokenSecret), SecretString: text})
	}
	if err != nil {
		return fmt.Errorf("put the token into its secret: %w", err)
	}
	if err := d.until(ctx, "the connection has the token", func() (bool, error) { return d.found().APIToken == d.token, nil }); err != nil {
		return err
	}
	if len(d.stack.Infisical.Snapshot().Syncs) == 0 {
		return nil
	}
	return d.syncEnds(ctx, "succeeded")
}

// runSync runs the sync as Infisical does by itself when a secret changes.
func (d *demo) runSync(ctx context.Context) error {
	if _, err := d.infisical().RunSync(ctx, syncID); err != nil {
		return err
	}
	return d.syncEnds(ctx, "succeeded", "failed")
}

// syncEnds waits until the sync has one of the statuses.
func (d *demo) syncEnds(ctx context.Context, statuses ...string) error {
	client := d.infisical()
	return d.until(ctx, "the sync has run", func() (bool, error) {
		sync, err := client.Sync(ctx, syncID)
		return slices.Contains(statuses, sync.Status), err
	})
}

// infisical is a client of its own, for what a person would look up in Infisical.
func (d *demo) infisical() *infisical.Client {
	return &infisical.Client{BaseURL: d.stack.Infisical.URL(), Login: infisical.UniversalAuth{
		ClientID: stack.ClientID, ClientSecret: redact.New(stack.ClientSecret),
	}}
}
