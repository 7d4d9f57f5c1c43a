package bitbucket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// deliveryTimeout is that of Bitbucket's webhooks; none is documented for callbacks.
const deliveryTimeout = 10 * time.Second

// callbackLifetime is the exp-iat of the tokens on recorded callbacks.
const callbackLifetime = time.Hour

// maxAnswer bounds what a [Delivery] keeps of the app's answer.
const maxAnswer = 64 << 10

// callback makes the request for an event. A registered app's is signed with the
// app's secret; another's with the installation's last one, which a first install
// doesn't have.
func (s *Server) callback(in *installation, event string) (Delivery, error) {
	base := in.baseURL
	if base == "" {
		base = in.descriptor.BaseURL
	}
	path := in.descriptor.Lifecycle[event]
	if path == "" {
		return Delivery{}, fmt.Errorf("deliver %s: the descriptor has no lifecycle URL for it", event)
	}
	target, err := url.Parse(path)
	if err == nil && !target.IsAbs() {
		target, err = url.Parse(base + "/" + strings.TrimPrefix(path, "/"))
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("deliver %s: %w", event, err)
	}
	delivery := Delivery{Event: event, ClientKey: in.clientKey, URL: target.String(), Body: payload(in, event)}
	signWith := in.app.Secret
	if signWith == "" {
		signWith = in.secret
	}
	if signWith != "" {
		delivery.Authorization, err = s.signCallback(in.clientKey, signWith, target, base)
	}
	return delivery, err
}

// signCallback makes the token of a callback: iss and aud are the client key,
// there is no sub, and the path of qsh is relative to the app's base URL.
func (s *Server) signCallback(clientKey, secret string, target *url.URL, base string) (string, error) {
	baseURL, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("sign callback: %w", err)
	}
	now := s.now().Unix()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": clientKey, "aud": clientKey, "iat": now, "exp": now + int64(callbackLifetime.Seconds()),
		"qsh": QueryStringHash(http.MethodPost, target.EscapedPath(), target.RawQuery, baseURL.EscapedPath()),
	}).SignedString([]byte(secret))
	if err != nil {
		return "", fmt.Errorf("sign callback: %w", err)
	}
	return "JWT " + signed, nil
}

func (s *Server) send(ctx context.Context, delivery *Delivery) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, delivery.URL, bytes.NewReader(delivery.Body))
	if err != nil {
		return fmt.Errorf("deliver %s: %w", delivery.Event, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "python-requests/2.22.0") // as recorded
	if delivery.Authorization != "" {
		request.Header.Set("Authorization", delivery.Authorization)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("deliver %s: %w", delivery.Event, err)
	}
	defer response.Body.Close()
	delivery.Status = response.StatusCode
	if delivery.Answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return fmt.Errorf("deliver %s: read answer: %w", delivery.Event, err)
	}
	return nil
}
