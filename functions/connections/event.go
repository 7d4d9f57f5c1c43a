package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/linkersync/linkersync/shared/tagged"
)

// envelope is an EventBridge event. A direct invoke has none of these members.
type envelope struct {
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// order is what an event asks for.
type order struct {
	// secret is the name or ARN of the one secret to look at; empty means all.
	secret string
	// explicit: a person named the secret, and wants to hear that it can't be used.
	explicit bool
}

// errRefused marks an event that no repetition makes right.
var errRefused = errors.New("refused")

// read decodes any event that the function is invoked with.
func read(raw []byte) (order, error) {
	var event envelope
	if err := json.Unmarshal(raw, &event); err != nil {
		return order{}, fmt.Errorf("%w: the event is not a JSON object", errRefused)
	}
	switch {
	case event.Source == "" && event.DetailType == "":
		return readInvoke(raw)
	case event.Source == "aws.secretsmanager" && event.DetailType == "Secret Label Updated":
		secret, err := rotated(event)
		return order{secret: secret}, err
	case event.DetailType == "Scheduled Event":
		return order{}, nil
	}
	return order{}, fmt.Errorf("%w: no rule of ours sends %q from %q", errRefused, event.DetailType, event.Source)
}

// rotated returns the secret whose current version has changed: the documented
// detail has its name, the label that moved, and the version that it moved to.
//
// The version is not used: what is current when the event is handled counts, and
// that may be a later one. No such event of a live account was seen yet, so all
// that is assumed about one is here.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
func rotated(event envelope) (string, error) {
	var detail struct {
		Name         string `json:"name"`
		LabelUpdated string `json:"labelUpdated"`
	}
	if err := json.Unmarshal(event.Detail, &detail); err != nil {
		return "", fmt.Errorf("%w: the Secrets Manager event's detail can't be read", errRefused)
	}
	if detail.LabelUpdated == "" {
		return "", fmt.Errorf("%w: the Secrets Manager event does not say which label moved", errRefused)
	}
	if detail.LabelUpdated != "AWSCURRENT" {
		return "", fmt.Errorf("%w: the label %s moved, the current version is the same", tagged.ErrIgnored, detail.LabelUpdated)
	}
	if detail.Name != "" {
		return detail.Name, nil
	}
	for _, resource := range event.Resources {
		if strings.Contains(resource, ":secretsmanager:") {
			return resource, nil
		}
	}
	return "", fmt.Errorf("%w: the Secrets Manager event names no secret", errRefused)
}

// readInvoke reads what a person sends, strictly: a misspelt member would look
// like nothing at all.
func readInvoke(raw []byte) (order, error) {
	var invoke map[string]string
	if err := json.Unmarshal(raw, &invoke); err != nil || len(invoke) != 1 || invoke["secret_id"] == "" {
		return order{}, fmt.Errorf(`%w: invoke it with {"secret_id": "<name or ARN>"}`, errRefused)
	}
	return order{secret: invoke["secret_id"], explicit: true}, nil
}
