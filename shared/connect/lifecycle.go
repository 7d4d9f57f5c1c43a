package connect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/linkersync/linkersync/shared/redact"
)

// EventType is what happened to an installation.
type EventType string

// The lifecycle events. Bitbucket documents the first two; the others belong to
// Connect in general.
const (
	EventInstalled   EventType = "installed"
	EventUninstalled EventType = "uninstalled"
	EventEnabled     EventType = "enabled"
	EventDisabled    EventType = "disabled"
)

// Principal is the workspace or personal account of an installation.
type Principal struct {
	// UUID is the workspace's or the account's.
	UUID WorkspaceUUID
	// Type is "team" for a workspace and "user" for a personal account.
	Type string
	// DisplayName is for people; it may be empty, and it identifies nothing.
	DisplayName string
}

// Event is a lifecycle callback's body, as far as it is used. It does not prove who
// sent it. Other members of the payload are ignored. Its baseUrl and baseApiUrl in
// particular must not be called, because a forged payload could name any host.
// Source: https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
type Event struct {
	Type   EventType
	AppKey string
	// ClientKey has its UUID in lower case.
	ClientKey string
	// SharedSecret is the new secret in an installed event. It is empty in all
	// others, even if the body has one.
	SharedSecret redact.Secret
	Principal    Principal
}

// maxSharedSecret leaves room above the 128 characters that Atlassian documents.
const maxSharedSecret = 1024

// ParseEvent reads a lifecycle callback's body. want is the route's event type; a body
// of another type is refused. Errors wrap [ErrInvalidPayload]. An installed event that
// lacks only the shared secret is returned together with [ErrNoSharedSecret]: a
// registered app uses its own secret then.
func ParseEvent(want EventType, body []byte) (Event, error) {
	payload, err := parseBody(body)
	if err != nil {
		return Event{}, err
	}
	eventType, err := payload.required("eventType")
	if err != nil {
		return Event{}, err
	}
	if EventType(eventType) != want {
		return Event{}, fmt.Errorf("%w: eventType is not %s", ErrInvalidPayload, want)
	}
	event, err := parseKeys(payload)
	if err != nil {
		return Event{}, err
	}
	event.Type = want
	if want == EventInstalled {
		event.SharedSecret, err = parseSharedSecret(payload)
	}
	if err != nil && !errors.Is(err, ErrNoSharedSecret) {
		return Event{}, err
	}
	return event, err
}

func parseKeys(payload members) (Event, error) {
	appKey, err := payload.required("key")
	if err != nil {
		return Event{}, err
	}
	clientKey, err := payload.required("clientKey")
	if err != nil {
		return Event{}, err
	}
	if !validClientKey(clientKey) {
		return Event{}, fmt.Errorf("%w: clientKey is too long or has unprintable characters", ErrInvalidPayload)
	}
	principal, err := parsePrincipal(payload)
	if err != nil {
		return Event{}, err
	}
	return Event{AppKey: appKey, ClientKey: CanonicalClientKey(clientKey), Principal: principal}, nil
}

func parsePrincipal(payload members) (Principal, error) {
	raw, found := payload.values["principal"]
	if !found {
		return Principal{}, fmt.Errorf("%w: principal is missing", ErrInvalidPayload)
	}
	object, err := parseMembers("principal", "principal.", raw)
	if err != nil {
		return Principal{}, err
	}
	uuid, err := object.required("uuid")
	if err != nil {
		return Principal{}, err
	}
	if !validUUID(uuid) {
		return Principal{}, fmt.Errorf("%w: principal.uuid is not a UUID in braces", ErrInvalidPayload)
	}
	kind, err := object.optional("type")
	if err != nil {
		return Principal{}, err
	}
	displayName, err := object.optional("display_name")
	if err != nil {
		return Principal{}, err
	}
	return Principal{UUID: WorkspaceUUID(strings.ToLower(uuid)), Type: kind, DisplayName: displayName}, nil
}

func parseSharedSecret(payload members) (redact.Secret, error) {
	secret, err := payload.optional("sharedSecret")
	switch {
	case err != nil:
		return redact.Secret{}, err
	case secret == "":
		return redact.Secret{}, ErrNoSharedSecret
	case len(secret) > maxSharedSecret:
		return redact.Secret{}, fmt.Errorf("%w: sharedSecret is longer than %d bytes", ErrInvalidPayload, maxSharedSecret)
	}
	return redact.New(secret), nil
}

// CheckKeys checks that the event's keys agree with each other and with our app. A
// client key of an old form, such as connection:479, names neither a workspace nor an
// app and is accepted. To store a first install, also ask [ClientKeyWorkspace] whether
// the client key names a workspace. Errors wrap [ErrInvalidPayload].
func (e Event) CheckKeys(appKey string) error {
	if e.AppKey != appKey {
		return fmt.Errorf("%w: key is not this app's", ErrInvalidPayload)
	}
	workspace, named, ok := ClientKeyWorkspace(e.ClientKey)
	switch {
	case !ok && strings.HasPrefix(e.ClientKey, clientKeyPrefix):
		return fmt.Errorf("%w: clientKey is malformed", ErrInvalidPayload)
	case ok && named != appKey:
		return fmt.Errorf("%w: clientKey names another app", ErrInvalidPayload)
	case ok && workspace != e.Principal.UUID:
		return fmt.Errorf("%w: clientKey names another principal", ErrInvalidPayload)
	}
	return nil
}
