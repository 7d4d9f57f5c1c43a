package connect

import (
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
	// UUID has braces, as Bitbucket sends it.
	UUID string
	// Type is "team" for a workspace, "user" for a personal account.
	Type string
	// DisplayName is for people; it may be empty and identifies nothing.
	DisplayName string
}

// Event is a lifecycle callback's body: what we use of it. It says nothing about
// who sent it.
type Event struct {
	Type      EventType
	AppKey    string
	ClientKey string
	// SharedSecret is the new secret of an installed event, and empty in all others
	// even if the body had one.
	SharedSecret redact.Secret
	Principal    Principal
}

// ParseInstalled reads the body of an installed callback. Without a shared secret
// it returns the event together with an error that wraps [ErrNoSharedSecret].
func ParseInstalled(body []byte) (Event, error) { return ParseEvent(EventInstalled, body) }

// ParseUninstalled reads the body of an uninstalled callback.
func ParseUninstalled(body []byte) (Event, error) { return ParseEvent(EventUninstalled, body) }

// ParseEvent reads the body of the callback that the route says it is.
func ParseEvent(want EventType, body []byte) (Event, error) { return Event{}, ErrInvalidPayload }

// CheckKeys tells whether the event is about an installation of the app appKey.
func (e Event) CheckKeys(appKey string) error { return ErrInvalidPayload }
