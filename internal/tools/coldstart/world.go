package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	appKey    = "example-linker-app"
	workspace = "{11111111-2222-4333-8444-555555555555}"
	clientKey = "ari:cloud:bitbucket::app/" + workspace + "/" + appKey
	secret    = "not-a-real-shared-secret"
)

// world is what the functions need around them: a Secrets Manager with one
// installation.
type world struct{ cloud *simaws.Server }

func newWorld(ctx context.Context) (*world, error) {
	w := &world{cloud: simaws.New(simaws.Options{})}
	store := installation.NewSecretsManager(secretsmanager.NewFromConfig(w.cloud.Config()), installation.Options{AppKey: appKey})
	_, err := store.Create(ctx, installation.Installation{
		AppKey: appKey, ClientKey: clientKey, SharedSecret: redact.New(secret), State: installation.Installed,
		Principal: installation.Principal{UUID: workspace, Type: "team"},
	}, "bench")
	if err != nil {
		w.close()
		return nil, fmt.Errorf("store the installation: %w", err)
	}
	return w, nil
}

func (w *world) close() { w.cloud.Close() }

// subjects are the empty handler and our functions, each with an event that it
// handles without a call to anybody, once it is warm.
func (w *world) subjects() ([]*subject, error) {
	verified, err := verifiedCallback()
	if err != nil {
		return nil, err
	}
	descriptor, err := filepath.Abs("examples/atlassian-connect.json")
	if err != nil {
		return nil, err
	}
	env := map[string]string{
		"AWS_ENDPOINT_URL": w.cloud.URL, "LINKERSYNC_APP_KEY": appKey, "LINKERSYNC_BASE_URL": "https://app.example.com",
		"LINKERSYNC_DESCRIPTOR_FILE": descriptor, "LINKERSYNC_BUS": "bus", "LINKERSYNC_BUCKET": "bucket", "LINKERSYNC_TABLE": "table",
		"LINKERSYNC_QUEUE_URL": w.cloud.URL + "/queue", "LINKERSYNC_DEAD_LETTERS_URL": w.cloud.URL + "/dead", "LINKERSYNC_LOG_LEVEL": "error",
		"LINKERSYNC_SYNC_QUEUE_URL":   w.cloud.URL + "/syncs",
		"LINKERSYNC_INFISICAL_METHOD": "aws", "LINKERSYNC_INFISICAL_IDENTITY_ID": "99999999-aaaa-4bbb-8ccc-dddddddddddd", "LINKERSYNC_INFISICAL_URL": "https://app.infisical.com",
	}
	refused := []byte(`{"source":"nobody","detail-type":"nothing","detail":{}}`)
	subjects := []*subject{{function: lambda.Function{Name: "empty", Binary: "bin/empty/bootstrap"}, payload: refused}}
	for _, name := range []string{"lifecycle", "dispatch", "linkers", "connections"} {
		payload := refused
		if name == "lifecycle" {
			payload = verified
		}
		subjects = append(subjects, &subject{payload: payload, function: lambda.Function{
			Name: name, Binary: "bin/functions/" + name + "/bootstrap", Env: env, Region: simaws.Region, Timeout: 10 * time.Second,
			Credentials: lambda.Credentials{AccessKeyID: simaws.AccessKeyID, SecretAccessKey: redact.New(simaws.SecretAccessKey)},
		}})
	}
	for _, s := range subjects {
		if s.function.Binary, err = filepath.Abs(s.function.Binary); err != nil {
			return nil, err
		}
	}
	return subjects, nil
}

// verifiedCallback is an enabled callback as API Gateway hands it on, signed as
// Bitbucket signs.
func verifiedCallback() ([]byte, error) {
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": clientKey, "aud": clientKey, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"qsh": connect.QueryStringHash("POST", "/enabled", "", ""),
	}).SignedString([]byte(secret))
	if err != nil {
		return nil, fmt.Errorf("sign the callback: %w", err)
	}
	body, err := json.Marshal(map[string]any{
		"eventType": "enabled", "key": appKey, "clientKey": clientKey, "productType": "bitbucket",
		"principal": map[string]string{"uuid": workspace, "type": "team"},
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/enabled", "rawQueryString": "",
		"headers":        map[string]string{"authorization": "JWT " + token, "content-type": "application/json"},
		"requestContext": map[string]any{"requestId": "bench", "http": map[string]string{"method": "POST", "path": "/enabled"}},
		"body":           string(body), "isBase64Encoded": false,
	})
}
