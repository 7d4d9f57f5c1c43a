package rollout_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/schema"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/rollout"
)

const eventsSchema = "../../docs/events.schema.json"

// TestEventsAreAsTheSchemaSays: what is put on the bus is valid, and what is refused
// there is refused by the schema.
func TestEventsAreAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	compiled, err := schema.Compile(eventsSchema)
	if err != nil {
		t.Fatal(err)
	}
	workspaces := []string{"{11111111-2222-4333-8444-555555555555}"}
	for name, test := range map[string]struct {
		detailType string
		detail     any
		valid      bool
	}{
		"everything again": {rollout.DetailChanged, rollout.Change{}, true},
		"a manifest":       {rollout.DetailChanged, rollout.Change{App: "a", Installations: workspaces, Manifest: "version: 1", AllowPrune: true}, true},
		"a location":       {rollout.DetailChanged, rollout.Change{Location: &rollout.Location{Key: "default.yaml"}}, true},
		"both":             {rollout.DetailChanged, rollout.Change{Manifest: "version: 1", Location: &rollout.Location{Key: "default.yaml"}}, false},
		"a typing mistake": {rollout.DetailChanged, map[string]any{"instalations": workspaces}, false},
		"a name":           {rollout.DetailChanged, rollout.Change{Installations: []string{"acme"}}, false},
		"a descriptor":     {rollout.DetailAddon, rollout.AddonUpdate{Descriptor: json.RawMessage("{}"), ForgeAppLink: "https://example.com"}, true},
		"a link to none":   {rollout.DetailAddon, rollout.AddonUpdate{ForgeAppLink: "https://example.com"}, false},
		"an outcome": {rollout.DetailApplied, rollout.Applied{
			App: "a", ClientKey: "connection:1", Task: queue.TaskValues, Outcome: rollout.Changed, Linkers: []rollout.AppliedLinker{{Linker: "issues", Added: 1}},
		}, true},
		"no outcome":      {rollout.DetailApplied, rollout.Applied{App: "a", ClientKey: "connection:1", Task: queue.TaskValues}, false},
		"the end":         {rollout.DetailFinished, rollout.Finished{Run: "r", App: "a", Started: time.Now(), Ended: time.Now()}, true},
		"an unknown kind": {"Something Else", struct{}{}, false},
	} {
		encoded, err := json.Marshal(map[string]any{"source": rollout.Source, "detail-type": test.detailType, "detail": test.detail})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schema.CheckAll(compiled, encoded); (err == nil) != test.valid {
			t.Errorf("%s: valid is wanted %t: %v", name, test.valid, err)
		}
	}
}

// TestTheSchemaListsEveryMember of the events, and no other.
func TestTheSchemaListsEveryMember(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(eventsSchema)
	var published struct {
		Defs map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err == nil {
		err = json.Unmarshal(data, &published)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []any{rollout.Change{}, rollout.Location{}, rollout.AddonUpdate{}, rollout.Applied{}, rollout.AppliedLinker{}, rollout.Finished{}} {
		var members, listed []string
		kind := reflect.TypeOf(event)
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			members = append(members, name)
		}
		for name := range published.Defs[kind.Name()].Properties {
			listed = append(listed, name)
		}
		slices.Sort(members)
		slices.Sort(listed)
		if diff := cmp.Diff(members, listed); diff != "" {
			t.Errorf("%s (-code +schema):\n%s", kind.Name(), diff)
		}
	}
}
