package main

import (
	"encoding/base64"
	"errors"
	"mime"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/functions/internal/answer"
	"github.com/linkersync/linkersync/shared/connect"
)

// signed is what verification needs of an API Gateway event: method, raw path and
// raw query, the one header.
func signed(event events.APIGatewayV2HTTPRequest) connect.Request {
	return connect.Request{
		Method: event.RequestContext.HTTP.Method, RawPath: event.RawPath, RawQuery: event.RawQueryString,
		Authorization: event.Headers["authorization"],
	}
}

// carriesToken tells whether the request claims to be signed, well or badly. A
// query counts, in whatever encoding it hides a token: Bitbucket's callbacks have
// none, so nothing with one is a plain first install.
func carriesToken(request connect.Request) bool {
	return request.Authorization != "" || request.RawQuery != ""
}

// body returns the request's body as it was sent, bounded. Anything but plain
// JSON is refused before it is looked at.
func body(event events.APIGatewayV2HTTPRequest) ([]byte, error) {
	mediaType, _, err := mime.ParseMediaType(event.Headers["content-type"])
	if err != nil || mediaType != "application/json" || event.Headers["content-encoding"] != "" {
		return nil, answer.ErrMediaType
	}
	// Base64 makes four bytes of three.
	if len(event.Body) > connect.MaxPayload/3*4+4 {
		return nil, answer.ErrTooLarge
	}
	decoded := []byte(event.Body)
	if event.IsBase64Encoded {
		if decoded, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
			return nil, connect.ErrInvalidPayload
		}
	}
	if len(decoded) > connect.MaxPayload {
		return nil, answer.ErrTooLarge
	}
	return decoded, nil
}

// parseEvent reads an event as it is, or in the envelope that Connect puts around
// webhooks: whether lifecycle events ever come in one is documented nowhere.
func parseEvent(want connect.EventType, data []byte) (connect.Event, error) {
	event, err := connect.ParseEvent(want, data)
	if err == nil || errors.Is(err, connect.ErrNoSharedSecret) {
		return event, err
	}
	// Without a key of its own, only an envelope names the event.
	hook, notEnveloped := connect.ParseWebhook("", data)
	if notEnveloped != nil || hook.Event != string(want) {
		return event, err
	}
	return connect.ParseEvent(want, hook.Data)
}
