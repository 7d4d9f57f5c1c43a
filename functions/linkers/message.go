package main

import (
	"encoding/json"
	"fmt"

	"github.com/linkersync/linkersync/shared/rollout"
)

// decode reads a message. Errors are rollout.ErrRefused: no attempt can do better.
func decode(body []byte) (rollout.Message, error) {
	var message rollout.Message
	if err := json.Unmarshal(body, &message); err != nil {
		return message, fmt.Errorf("%w: the message is not as documented", rollout.ErrRefused)
	}
	if message.ClientKey == "" || (message.Task != rollout.TaskValues && message.Task != rollout.TaskAddon) {
		return message, fmt.Errorf("%w: the message names no client key, or no task that is known", rollout.ErrRefused)
	}
	return message, nil
}
