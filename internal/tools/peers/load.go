package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/shared/connect"
)

const (
	appKey    = "example-linker-app"
	appSecret = "not-a-real-app-secret"
)

// callback is one request, signed before the clock starts.
type callback struct {
	path, token string
	body        []byte
}

// load sends every callback, those of one installation in their order, and returns
// how long each answer took.
func load(ctx context.Context, url string) ([]time.Duration, error) {
	var prepared [][]callback
	for i := range installations {
		callbacks, err := life(i)
		if err != nil {
			return nil, err
		}
		prepared = append(prepared, callbacks)
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	latencies := make([]time.Duration, 0, 3*installations)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(clients)
	for _, callbacks := range prepared {
		group.Go(func() error {
			for _, c := range callbacks {
				took, err := send(ctx, client, url, c)
				if err != nil {
					return err
				}
				mu.Lock()
				latencies = append(latencies, took)
				mu.Unlock()
			}
			return nil
		})
	}
	err := group.Wait()
	return latencies, err
}

func send(ctx context.Context, client *http.Client, url string, c callback) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+c.path, bytes.NewReader(c.body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "JWT "+c.token)
	began := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	took := time.Since(began)
	_ = res.Body.Close() // read to its end
	if res.StatusCode/100 != 2 {
		return 0, fmt.Errorf("%s answered %d", c.path, res.StatusCode)
	}
	return took, err
}

// life is the three callbacks of one installation: the first install is signed with
// the app's secret, the reinstall with the first secret, the uninstall with the second.
func life(i int) ([]callback, error) {
	uuid := fmt.Sprintf("{%08x-2222-4333-8444-555555555555}", i)
	clientKey := "ari:cloud:bitbucket::app/" + uuid + "/" + appKey
	var callbacks []callback
	for _, step := range []struct{ path, event, signedWith, offers string }{
		{"/installed", "installed", appSecret, "first-secret"},
		{"/installed", "installed", "first-secret", "second-secret"},
		{"/uninstalled", "uninstalled", "second-secret", ""},
	} {
		now := time.Now()
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"iss": clientKey, "aud": clientKey, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
			"qsh": connect.QueryStringHash(http.MethodPost, step.path, "", ""),
		}).SignedString([]byte(step.signedWith))
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		principal := map[string]any{"uuid": uuid, "type": "team", "username": "w", "display_name": "w"}
		payload := map[string]any{
			"productType": "bitbucket", "eventType": step.event, "key": appKey, "clientKey": clientKey,
			"baseUrl": "https://bitbucket.org", "baseApiUrl": "https://api.bitbucket.org", "principal": principal, "user": principal,
		}
		if step.offers != "" {
			payload["sharedSecret"] = step.offers
		}
		body, err := json.Marshal(payload)
		if err != nil {
			return nil, err
		}
		callbacks = append(callbacks, callback{path: step.path, token: token, body: body})
	}
	return callbacks, nil
}
