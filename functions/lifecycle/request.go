package main

import (
	"encoding/base64"
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
