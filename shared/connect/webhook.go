package connect

import (
	"encoding/json"
	"fmt"
)

// Webhook is a webhook's body without its envelope.
type Webhook struct {
	// Event is the event key, such as "repo:push".
	Event string
	// Data is the payload, a JSON object. It shares memory with the body it was read from.
	Data json.RawMessage
}

// ParseWebhook reads a webhook's body. Connect apps get {"event":…,"data":{…}}. The bare
// payload, which other webhooks get, is accepted too. Its event key is in the header
// X-Event-Key: pass it as eventKey, empty if there is none. Errors wrap
// [ErrInvalidPayload].
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/webhook/
func ParseWebhook(eventKey string, body []byte) (Webhook, error) {
	payload, err := parseBody(body)
	if err != nil {
		return Webhook{}, err
	}
	data, enveloped := payload.values["data"]
	if !enveloped {
		return newWebhook(eventKey, body)
	}
	event, err := payload.required("event")
	if err != nil {
		return Webhook{}, err
	}
	if eventKey != "" && eventKey != event {
		return Webhook{}, fmt.Errorf("%w: event is not the one of the header", ErrInvalidPayload)
	}
	if _, err := parseMembers("data", "data.", data); err != nil {
		return Webhook{}, err
	}
	return newWebhook(event, data)
}

func newWebhook(event string, data []byte) (Webhook, error) {
	if event == "" {
		return Webhook{}, fmt.Errorf("%w: neither body nor header names the event", ErrInvalidPayload)
	}
	return Webhook{Event: event, Data: data}, nil
}
