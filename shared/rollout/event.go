package rollout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/queue"
)

// Source is the source of every event on the bus, ours and the operator's.
const Source = "linkersync"

// Detail types of the events on the bus.
const (
	// DetailChanged asks for a run; its detail is a [Change].
	DetailChanged = "Linker Values Changed"
	// DetailAddon asks to update the app itself; its detail is an [AddonUpdate].
	DetailAddon = "Addon Update Requested"
	// DetailApplied tells how one installation's task ended; its detail is an [Applied].
	DetailApplied = "Linker Values Applied"
	// DetailFinished tells how a run ended; its detail is a [Finished].
	DetailFinished = "Run Finished"
)

// MaxInstallations is the most installations that one event may name; "all" has no limit.
const MaxInstallations = 1000

// Change is the detail of a DetailChanged event. Manifest and Location are two
// ways to say the new desired state; without either, the stored one is applied again.
type Change struct {
	// App, when set, must be the deployment's app key.
	App string `json:"app,omitempty"`
	// Installations are workspace UUIDs with braces; empty means all.
	Installations []string `json:"installations,omitempty"`
	// Manifest is a linkersync.yaml, self-contained (no values_file).
	Manifest string `json:"manifest,omitempty"`
	// Location is a manifest in the deployment's bucket.
	Location *Location `json:"location,omitempty"`
	// AllowPrune is the explicit yes to a prune of more than half of a linker's values.
	// It counts for the version of Manifest or Location, one of which it needs, in this
	// run alone.
	AllowPrune bool `json:"allow_prune,omitempty"`
}

// Location names a version of an object in the manifest bucket.
type Location struct {
	// Bucket, when set, must be the deployment's.
	Bucket string `json:"bucket,omitempty"`
	Key    string `json:"key"`
	// VersionID is empty for the current version.
	VersionID string `json:"version_id,omitempty"`
}

// AddonUpdate is the detail of a DetailAddon event.
type AddonUpdate struct {
	App           string   `json:"app,omitempty"`
	Installations []string `json:"installations,omitempty"`
	// DescriptorURL must match the app's registration. Without it and Descriptor,
	// Bitbucket reads the registered descriptor again.
	DescriptorURL string `json:"descriptor_url,omitempty"`
	// Descriptor is sent itself.
	Descriptor json.RawMessage `json:"descriptor,omitempty"`
	// ForgeAppLink is written into Descriptor, which it needs: the Forge app that
	// workspaces are led on to.
	ForgeAppLink string `json:"forge_app_link,omitempty"`
}

// Applied is the detail of a DetailApplied event.
type Applied struct {
	Run       string          `json:"run,omitempty"`
	App       string          `json:"app"`
	ClientKey string          `json:"client_key"`
	Workspace string          `json:"workspace,omitempty"`
	Task      queue.Task      `json:"task"`
	Outcome   Outcome         `json:"outcome"`
	Reason    string          `json:"reason,omitempty"`
	Linkers   []AppliedLinker `json:"linkers,omitempty"`
}

// AppliedLinker counts what changed in one linker.
type AppliedLinker struct {
	Linker  string `json:"linker"`
	Added   int    `json:"added"`
	Removed int    `json:"removed"`
	Kept    int    `json:"kept"`
	Error   string `json:"error,omitempty"`
}

// Finished is the detail of a DetailFinished event. A change that was refused counts
// as one failure, and Refused says why. Note is what else whoever waits has to know.
type Finished struct {
	Run       string `json:"run"`
	App       string `json:"app"`
	Total     int    `json:"total"`
	Changed   int    `json:"changed"`
	Unchanged int    `json:"unchanged"`
	Failed    int    `json:"failed"`
	Skipped   int    `json:"skipped"`
	// Added and Removed count linker values, see [Result].
	Added   int       `json:"added"`
	Removed int       `json:"removed"`
	Refused string    `json:"refused,omitempty"`
	Note    string    `json:"note,omitempty"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
}

// isWorkspace tells a workspace's UUID with its braces, in any case.
func isWorkspace(text string) bool {
	_, err := connect.ParseWorkspaceUUID(text)
	return err == nil && text[0] == '{'
}

// Decode reads a detail strictly: an unknown member is an error, because a typo
// in "installations" would otherwise mean all of them. Errors are ErrRefused.
func Decode[T Change | AddonUpdate](detail []byte) (T, error) {
	var decoded T
	if !bytes.HasPrefix(bytes.TrimSpace(detail), []byte("{")) {
		return decoded, fmt.Errorf("%w: the event's detail is no JSON object", ErrRefused) // null would mean all of them, too
	}
	decoder := json.NewDecoder(bytes.NewReader(detail))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&decoded); err != nil {
		return decoded, fmt.Errorf("%w: the event's detail is not as documented: %w", ErrRefused, err)
	}
	if decoder.More() {
		return decoded, fmt.Errorf("%w: the event's detail has more than one value", ErrRefused)
	}
	return decoded, nil
}

// CheckInstallations refuses a list that is too long or holds something else
// than workspace UUIDs.
func CheckInstallations(uuids []string) error {
	if uuids != nil && len(uuids) == 0 {
		return fmt.Errorf("%w: the list of installations is empty: leave it out for all", ErrRefused)
	}
	if len(uuids) > MaxInstallations {
		return fmt.Errorf("%w: %d installations in one event, at most %d: leave the list out for all", ErrRefused, len(uuids), MaxInstallations)
	}
	for _, uuid := range uuids {
		if !isWorkspace(uuid) {
			return fmt.Errorf("%w: %q is no workspace UUID, such as {11111111-2222-4333-8444-555555555555}", ErrRefused, uuid)
		}
	}
	return nil
}
