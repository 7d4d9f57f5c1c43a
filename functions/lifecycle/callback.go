package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/linkersync/linkersync/shared/connect"
)

// callback is a request to one of the routes of events. Nothing in it is proven.
type callback struct {
	// eventType is what the route says.
	eventType connect.EventType
	request   connect.Request
	body      []byte
	requestID string
}

// carriesToken tells whether the request claims to be signed, well or badly. A
// query counts, in whatever encoding it hides a token: Bitbucket's callbacks have
// none, so nothing with one is a plain first install.
func (c callback) carriesToken() bool {
	return c.request.Authorization != "" || c.request.RawQuery != ""
}

// delivery identifies a callback by its token, which has to be verified before. A
// token doesn't cover the body, so this is also what makes it work once: a stolen
// token can't bring another secret. The scheme is left out, because
// it has more than one spelling; verification lets no other part have one.
func (c callback) delivery() string {
	_, token, _ := strings.Cut(c.request.Authorization, " ")
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// event reads the body, and checks that it agrees with the route and with our
// app. With ErrNoSharedSecret, and only that, the event is complete otherwise.
func (c callback) event(appKey string) (connect.Event, error) {
	event, err := connect.ParseEvent(c.eventType, c.body)
	if err != nil && !errors.Is(err, connect.ErrNoSharedSecret) {
		if event, err = c.enveloped(err); err != nil && !errors.Is(err, connect.ErrNoSharedSecret) {
			return connect.Event{}, err
		}
	}
	if disagrees := event.CheckKeys(appKey); disagrees != nil {
		return connect.Event{}, disagrees
	}
	return event, err
}

// enveloped reads an event in the envelope that Connect puts around webhooks. No document
// says whether lifecycle events come in one. notPlain is the error of reading the body as
// an event without an envelope; it is returned when the body has no envelope either.
func (c callback) enveloped(notPlain error) (connect.Event, error) {
	// Without a key of its own, only an envelope names the event.
	hook, err := connect.ParseWebhook("", c.body)
	if err != nil || hook.Event != string(c.eventType) {
		return connect.Event{}, notPlain
	}
	return connect.ParseEvent(c.eventType, hook.Data)
}
