package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/rollout"
)

// envelope is an EventBridge event. A direct invoke sends a rollout.Change alone,
// which has none of these members.
type envelope struct {
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Time       time.Time       `json:"time"`
	Detail     json.RawMessage `json:"detail"`
}

// at is when the event was sent: now for a direct invoke. The sender may set the time. A
// time in the future counts as now, or no later event could replace this one's manifest.
func (e envelope) at(now time.Time) time.Time {
	if e.Time.IsZero() || e.Time.After(now) {
		return now
	}
	return e.Time
}

// order is what an event asks for, checked and in one form.
type order struct {
	// run is the run's id: the event's, so that the same event twice is one run.
	run  string
	task queue.Task
	// at is when it was asked for.
	at time.Time
	// scheduled is true for the daily schedule, which also closes old runs.
	scheduled bool
	// stored is set when the manifest is in the bucket already.
	stored *rollout.Location
	// manifest is a new desired state, to be kept in the bucket first.
	manifest string
	// allowPrune permits a large prune, for the order's manifest.
	allowPrune bool
	// workspaces are those asked for; empty means all.
	workspaces []string
	// addon is what a TaskAddon message says.
	addon queue.Message
}

// deployment is what events must agree with.
type deployment struct{ app, bucket string }

// serves refuses an event that names another app.
func (d deployment) serves(app string) error {
	if app != "" && app != d.app {
		return fmt.Errorf("%w: the event is for the app %q, this deployment is for %q", rollout.ErrRefused, app, d.app)
	}
	return nil
}

// errIgnored: the event is not for us, such as an object that is no manifest.
var errIgnored = errors.New("nothing to do for this event")

// read decodes any event that the function is invoked with. Errors are
// rollout.ErrRefused, or errIgnored; the order then has the run's id, if there is one.
func read(raw []byte, requestID string, now time.Time, d deployment) (order, error) {
	var event envelope
	if err := json.Unmarshal(raw, &event); err != nil {
		return order{}, fmt.Errorf("%w: the event is not a JSON object", rollout.ErrRefused)
	}
	direct := event.DetailType == "" && event.Source == ""
	// The id becomes the run's.
	if !direct && event.ID == "" {
		return order{}, fmt.Errorf("%w: the event has no id", rollout.ErrRefused)
	}
	var o order
	var err error
	switch {
	case direct:
		o, err = readChange(raw, d)
		o.run, o.at = requestID, event.at(now)
		return o, err
	case event.Source == rollout.Source && event.DetailType == rollout.DetailChanged:
		o, err = readChange(event.Detail, d)
	case event.Source == rollout.Source && event.DetailType == rollout.DetailAddon:
		o, err = readAddon(event.Detail, d)
	case event.Source == "aws.s3" && event.DetailType == "Object Created":
		o, err = readObject(event.Detail, d)
	case event.DetailType == "Scheduled Event":
		o = order{task: queue.TaskValues, scheduled: true}
	default:
		err = fmt.Errorf("%w: no rule of ours sends %q from %q", rollout.ErrRefused, event.DetailType, event.Source)
	}
	o.run, o.at = event.ID, event.at(now)
	return o, err
}

func readChange(detail []byte, d deployment) (order, error) {
	change, err := rollout.Decode[rollout.Change](detail)
	if err != nil {
		return order{}, err
	}
	if err := errors.Join(d.serves(change.App), rollout.CheckInstallations(change.Installations)); err != nil {
		return order{}, err
	}
	o := order{
		task: queue.TaskValues, workspaces: change.Installations,
		manifest: change.Manifest, stored: change.Location, allowPrune: change.AllowPrune,
	}
	switch {
	case o.manifest != "" && o.stored != nil:
		return order{}, fmt.Errorf("%w: the event has a manifest and a location, one of them is enough", rollout.ErrRefused)
	case o.allowPrune && o.manifest == "" && o.stored == nil:
		return order{}, fmt.Errorf("%w: allow_prune is a yes to one manifest: send it, or name its location", rollout.ErrRefused)
	case o.stored != nil && o.stored.Bucket != "" && o.stored.Bucket != d.bucket:
		return order{}, fmt.Errorf("%w: the location is not in this deployment's manifest bucket", rollout.ErrRefused)
	}
	return o, nil
}

func readAddon(detail []byte, d deployment) (order, error) {
	update, err := rollout.Decode[rollout.AddonUpdate](detail)
	if err != nil {
		return order{}, err
	}
	if err := errors.Join(d.serves(update.App), rollout.CheckInstallations(update.Installations)); err != nil {
		return order{}, err
	}
	o := order{task: queue.TaskAddon, workspaces: update.Installations}
	o.addon.DescriptorURL, o.addon.Descriptor = update.DescriptorURL, update.Descriptor
	switch {
	case len(update.Descriptor) > 0 && update.DescriptorURL != "":
		return order{}, fmt.Errorf("%w: the event has a descriptor and a descriptor_url, one of them is enough", rollout.ErrRefused)
	case update.ForgeAppLink == "":
		return o, nil
	case len(update.Descriptor) == 0:
		return order{}, fmt.Errorf("%w: forge_app_link is written into a descriptor: send the descriptor with it", rollout.ErrRefused)
	}
	descriptor, err := connect.ParseDescriptor(update.Descriptor)
	if err != nil {
		return order{}, fmt.Errorf("%w: descriptor: %w", rollout.ErrRefused, err)
	}
	o.addon.Descriptor, err = json.Marshal(descriptor.WithForgeAppLink(update.ForgeAppLink))
	return o, err
}

// objectCreated is the part of S3's event that is used.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
type objectCreated struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key       string `json:"key"`
		VersionID string `json:"version-id"`
	} `json:"object"`
}

func readObject(detail []byte, d deployment) (order, error) {
	var created objectCreated
	if err := json.Unmarshal(detail, &created); err != nil {
		return order{}, fmt.Errorf("%w: the S3 event's detail can't be read", rollout.ErrRefused)
	}
	// Keys come as they are in EventBridge events, and escaped in older ones.
	key := created.Object.Key
	if unescaped, err := url.QueryUnescape(key); err == nil {
		key = unescaped
	}
	if created.Bucket.Name != d.bucket {
		return order{}, fmt.Errorf("%w: %q is in another bucket", errIgnored, key)
	}
	switch _, err := rollout.ScopeWorkspace(key); {
	case errors.Is(err, rollout.ErrNotManifest):
		return order{}, fmt.Errorf("%w: %w", errIgnored, err)
	case err != nil:
		return order{}, err
	}
	return order{task: queue.TaskValues, stored: &rollout.Location{Key: key, VersionID: created.Object.VersionID}}, nil
}
