package installation

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// MaxValue is the size limit of a secret's value, in bytes. AWS refuses larger
// ones, with a code that it uses for many things, so they are refused here.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const MaxValue = 65536

// documentVersion is raised when an older linkersync could misread a document.
const documentVersion = 1

// keptEvents is how many past events a document remembers. A redelivered event
// is known by it even when others were applied since; lifecycle tokens expire
// after an hour, and no workspace installs and uninstalls that often in one.
const keptEvents = 32

// document is the value of an installation's secret. Its secrets are plain
// strings, so it lives only inside encode and decode.
type document struct {
	Version        int       `json:"version"`
	AppKey         string    `json:"app_key"`
	ClientKey      string    `json:"client_key"`
	SharedSecret   string    `json:"shared_secret"`
	PreviousSecret string    `json:"previous_secret,omitempty"`
	Principal      Principal `json:"principal"`
	State          State     `json:"state"`
	InstalledAt    time.Time `json:"installed_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	EventAt        time.Time `json:"event_at,omitzero"`
	SignedAt       time.Time `json:"signed_at,omitzero"`
	Events         []string  `json:"events,omitempty"`
}

// record is an installation with what the store alone needs to know.
type record struct {
	Installation
	// events are digests of the events that led to this state, the latest last.
	events []string
}

// saw tells whether the event led to this state or to one before it.
func (r record) saw(event string) bool { return slices.Contains(r.events, eventDigest(event)) }

// remember adds the event and forgets the oldest beyond keptEvents.
func (r record) remember(event string) []string {
	events := append(slices.Clone(r.events), eventDigest(event))
	return events[max(0, len(events)-keptEvents):]
}

// sameContent compares what two writers of one event on one state must agree on.
// The time of writing differs between them; keys, previous secret and events
// follow from the state and the event, of which the version's id is made.
func (r record) sameContent(other record) bool {
	return r.Principal == other.Principal && r.State == other.State &&
		r.SharedSecret.Equal(other.SharedSecret) && r.EventAt.Equal(other.EventAt) && r.SignedAt.Equal(other.SignedAt)
}

// encode returns the secret's value; it wraps [ErrTooLarge].
func (r record) encode() (string, error) {
	// This is the one place where the secrets are written out, for Secrets Manager.
	body, err := json.Marshal(document{
		Version: documentVersion, AppKey: r.AppKey, ClientKey: r.ClientKey,
		SharedSecret: r.SharedSecret.Reveal(), PreviousSecret: r.PreviousSecret.Reveal(),
		Principal: r.Principal, State: r.State, InstalledAt: r.InstalledAt, UpdatedAt: r.UpdatedAt,
		EventAt: r.EventAt, SignedAt: r.SignedAt, Events: r.events,
	})
	if err != nil {
		// Only a time beyond the year 9999 gets here; the error may quote a field.
		return "", errors.New("encode installation: a field has no JSON form")
	}
	if len(body) > MaxValue {
		return "", fmt.Errorf("encode installation: %d bytes: %w", len(body), ErrTooLarge)
	}
	return string(body), nil
}

// decode reads a secret's value and checks that it belongs under the name that
// it was read from, so that no mistake made by hand can lend one workspace
// another's secret. Errors never quote the value; they wrap [ErrDamaged] or [ErrNewer].
func decode(value, appKey, clientKey, version string) (record, error) {
	var doc document
	if json.Unmarshal([]byte(value), &doc) != nil {
		return record{}, fmt.Errorf("%w: no JSON document of the expected form", ErrDamaged)
	}
	if doc.Version > documentVersion {
		return record{}, ErrNewer
	}
	problem := ""
	switch {
	case doc.Version < 1:
		problem = "no document version"
	case doc.AppKey != appKey || doc.ClientKey != clientKey:
		problem = "the app key or client key inside differs from the secret's name"
	case doc.SharedSecret == "":
		problem = "no shared secret"
	case doc.State != Installed && doc.State != Uninstalled:
		problem = "unknown state"
	}
	if problem != "" {
		return record{}, fmt.Errorf("%w: %s", ErrDamaged, problem)
	}
	return record{
		Installation: Installation{
			AppKey: doc.AppKey, ClientKey: doc.ClientKey, Principal: doc.Principal.stored(), State: doc.State,
			SharedSecret: redact.New(doc.SharedSecret), PreviousSecret: redact.New(doc.PreviousSecret),
			InstalledAt: doc.InstalledAt, UpdatedAt: doc.UpdatedAt, EventAt: doc.EventAt, SignedAt: doc.SignedAt, Version: version,
		},
		events: doc.Events,
	}, nil
}
