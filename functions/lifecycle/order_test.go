package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// The secrets of an installation whose secret was rotated once.
const (
	secretCurrent  = "not-a-real-current"
	secretPrevious = "not-a-real-previous"
	secretNext     = "not-a-real-next"
)

// base is the state that events of TestEventOrder arrive at. The latest event was
// applied at recordedAt: the rotation to the current secret, or one since.
func base(state installation.State, since bool) installation.Installation {
	in := installation.Installation{
		AppKey: appKey, ClientKey: one, Version: "v", State: state, EventAt: recordedAt,
		Principal:    installation.Principal{UUID: workspaceOne},
		SharedSecret: redact.New(secretCurrent), PreviousSecret: redact.New(secretPrevious),
	}
	if since {
		in.SignedAt = recordedAt
	}
	return in
}

// TestEventOrder has each order of event time and signing secret, for each event,
// on an installation and on a tombstone.
func TestEventOrder(t *testing.T) {
	t.Parallel()
	const (
		current, previous, app = secretCurrent, secretPrevious, appSecret
		kept, next             = "installed " + secretCurrent, "installed " + secretNext
		gone                   = "uninstalled " + secretCurrent
	)
	installed, tombstone := base(installation.Installed, false), base(installation.Uninstalled, true)
	used := base(installation.Installed, true)
	for _, test := range []struct {
		name   string
		in     installation.Installation
		event  string
		offers string
		signed string
		// truth are the secrets that Bitbucket accepts.
		truth string
		// want is the state and the secret afterwards, for an event time before, at and
		// after the latest event's.
		want [3]string
	}{
		{"rotation by the current secret", installed, "installed", secretNext, current, "", [3]string{next, next, next}},
		{"rotation by the current secret, used before", used, "installed", secretNext, current, "", [3]string{next, next, next}},
		{"rotation by the app", installed, "installed", secretNext, app, "", [3]string{kept, next, next}},
		{"rotation by the previous secret", installed, "installed", secretNext, previous, current + secretNext, [3]string{kept, next, next}},
		{"install that repeats the current secret, by it", installed, "installed", current, current, "", [3]string{kept, kept, kept}},
		{"install that repeats the current secret, by the previous", installed, "installed", current, previous, "", [3]string{kept, kept, kept}},
		{"uninstall by the current secret", installed, "uninstalled", "", current, "", [3]string{gone, gone, gone}},
		{"uninstall by the current secret, used before", used, "uninstalled", "", current, "", [3]string{kept, gone, gone}},
		{"uninstall by the app", installed, "uninstalled", "", app, "", [3]string{kept, gone, gone}},
		{"uninstall by the previous secret, the current in force", installed, "uninstalled", "", previous, current, [3]string{kept, kept, kept}},
		{
			"uninstall by the previous secret, the current unknown to Bitbucket", installed, "uninstalled", "", previous, previous,
			[3]string{kept, "uninstalled " + secretPrevious, "uninstalled " + secretPrevious},
		},
		{"return by the current secret", tombstone, "installed", current, current, "", [3]string{gone, kept, kept}},
		{"return with a rotation by the current secret", tombstone, "installed", secretNext, current, "", [3]string{next, next, next}},
		{"return with a rotation by the app", tombstone, "installed", secretNext, app, "", [3]string{gone, next, next}},
		{"return with a rotation by the previous secret", tombstone, "installed", secretNext, previous, secretNext, [3]string{gone, next, next}},
		{"late install by the previous secret", tombstone, "installed", current, previous, "", [3]string{gone, gone, gone}},
		{"return by the previous secret", tombstone, "installed", current, previous, current, [3]string{gone, kept, kept}},
		{"second uninstall by the current secret", tombstone, "uninstalled", "", current, "", [3]string{gone, gone, gone}},
		{"second uninstall by the previous secret", tombstone, "uninstalled", "", previous, "", [3]string{gone, gone, gone}},
		{"second uninstall by the app", tombstone, "uninstalled", "", app, "", [3]string{gone, gone, gone}},
		{"enabled by the previous secret", tombstone, "enabled", "", previous, "", [3]string{gone, gone, gone}},
		{"disabled by the current secret", installed, "disabled", "", current, "", [3]string{kept, kept, kept}},
	} {
		for i, when := range []string{"before", "at", "after"} {
			t.Run(test.name+", "+when+" the latest event", func(t *testing.T) {
				t.Parallel()
				h, store := isolated(t)
				h.authorizer.appSecret = &appSecretSource{now: h.authorizer.prover.now, value: redact.New(appSecret), until: recordedAt.Add(time.Hour)}
				h.authorizer.appSecret.reference.Scheme = "aws-secret"
				h.authorizer.prover.http.Transport = bitbucketAcceptsOnly(test.truth)
				store.known[one] = test.in
				response := store.deliver(t, h, test.event, test.offers, test.signed, time.Duration(i-1)*5*time.Second)
				after := store.known[one]
				if got := string(after.State) + " " + after.SharedSecret.Reveal(); response.StatusCode != http.StatusNoContent || got != test.want[i] {
					t.Errorf("answered %d, stored %q, want %q", response.StatusCode, got, test.want[i])
				}
				if after.EventAt.Before(test.in.EventAt) {
					t.Errorf("the time of the latest event went back to %s", after.EventAt)
				}
			})
		}
	}
}

// TestOrderAcrossEvents: the store keeps what the order goes by. An uninstall that is
// signed with the new secret is later than the rotation, though Bitbucket's clocks
// differ by a second. One that is older than a first install by the same secret is late.
func TestOrderAcrossEvents(t *testing.T) {
	t.Parallel()
	plain, registered := newWorld(t, deployment{}), newWorld(t, deployment{registered: true})
	for _, test := range []struct {
		w             *world
		clientKey     string
		events        []message
		state, secret string
	}{
		{plain, one, []message{
			installed(one, secretNew).signed(sign(hs256, plain.claims(one, "/installed").at(time.Second), secretOne)),
			plain.signed(uninstalled(one), secretNew),
		}, "uninstalled", secretNew},
		{registered, stranger, []message{
			registered.signed(installed(stranger, appSecret), appSecret),
			uninstalled(stranger).signed(sign(hs256, registered.claims(stranger, "/uninstalled").at(-time.Second), appSecret)),
		}, "installed", appSecret},
	} {
		for _, m := range test.events {
			if status, answer := test.w.send(t, m); status != 204 {
				t.Fatalf("%s: %d %q; log:\n%s", m.path, status, answer, test.w.logs)
			}
		}
		if in := test.w.read(t, test.clientKey); in.State != test.state || in.Secret != test.secret {
			t.Errorf("stored %+v, want %s with %s", in, test.state, test.secret)
		}
	}
}

// deliver sends an event of one that was made d after recordedAt.
func (m *memory) deliver(t *testing.T, h *handler, eventType, offers, secret string, d time.Duration) events.APIGatewayV2HTTPResponse {
	t.Helper()
	w := &world{clock: &clock{now: recordedAt}}
	token := sign(hs256, w.claims(one, "/"+eventType).at(d), secret)
	response, err := h.Handle(t.Context(), posted(message{path: "/" + eventType, body: payload(eventType, one, offers).json()}.signed(token)))
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// posted is a message as API Gateway hands it over.
func posted(m message) events.APIGatewayV2HTTPRequest {
	headers := map[string]string{"content-type": "application/json"}
	if m.authorization != "" {
		headers["authorization"] = m.authorization
	}
	return events.APIGatewayV2HTTPRequest{
		RawPath: m.path, Body: string(m.body), Headers: headers,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RequestID: "r", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: http.MethodPost},
		},
	}
}

// bitbucketAcceptsOnly accepts tokens that are signed with one of the test's secrets
// that is part of truth.
func bitbucketAcceptsOnly(truth string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		status, body := http.StatusUnauthorized, "{}"
		for _, secret := range []string{secretCurrent, secretPrevious, secretNext} {
			if strings.Contains(truth, secret) && signedWith(token, secret) {
				status, body = http.StatusOK, `{"access_token":"not-a-real-token","uuid":"`+workspaceOne+`"}`
			}
		}
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(body))), Request: r}, nil
	}
}
