package connect

import "encoding/json"

// Webhook is a webhook's body without its envelope.
type Webhook struct {
	// Event is the event key, such as "repo:push".
	Event string
	// Data is the payload.
	Data json.RawMessage
}

// ParseWebhook reads a webhook's body, in Connect's envelope {"event", "data"} or
// bare. eventKey is the value of the X-Event-Key header.
func ParseWebhook(eventKey string, body []byte) (Webhook, error) {
	return Webhook{}, ErrInvalidPayload
}
