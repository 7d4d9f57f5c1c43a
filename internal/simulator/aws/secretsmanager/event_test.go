package secretsmanager_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
)

func TestLabelsThatMoveAreTold(t *testing.T) {
	t.Parallel()
	w := start(t)
	var mu sync.Mutex
	var got []string
	_, err := w.cloud.Events.On(eventbridge.DefaultBus, `{"source":["aws.secretsmanager"],"detail-type":["Secret Label Updated"]}`,
		func(_ context.Context, event eventbridge.Event) {
			var detail struct{ Name, LabelUpdated, VersionID string }
			problem := json.Unmarshal(event.Detail, &detail)
			mu.Lock()
			defer mu.Unlock()
			if problem != nil || detail.Name != name || len(event.Resources) != 1 || !strings.Contains(event.Resources[0], ":secret:"+name+"-") {
				t.Errorf("event %+v, error %v", event, problem)
			}
			got = append(got, detail.LabelUpdated+" "+strings.TrimRight(detail.VersionID, "-"))
		})
	if err != nil {
		t.Fatal(err)
	}
	w.create(t, name, "one", "one")
	for _, step := range []step{
		{put: "two", labels: []string{pending}},
		{move: current, from: "one", to: "two"},
		{move: current, from: "one", to: "two", want: "InvalidParameterException"},
		{move: pending, from: "two"},
		{put: "two"},
		{put: "three"},
		{move: "x", to: "three"},
		{move: "x", to: "three"},
	} {
		w.do(t, step)
	}
	w.cloud.Events.Wait()
	slices.Sort(got) // deliveries have no order
	if diff := cmp.Diff([]string{"AWSCURRENT one", "AWSCURRENT three", "AWSCURRENT two", "x three"}, got); diff != "" {
		t.Errorf("labels told (-want +got):\n%s", diff)
	}
}
