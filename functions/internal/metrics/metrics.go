// Package metrics writes counts in CloudWatch's embedded metric format: one JSON
// line of the log, no call, no cost per metric. The names are stable; alarms and
// dashboards of operators hang on them (docs/operate.md).
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
package metrics

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Namespace of every metric.
const Namespace = "linkersync"

// Name of a metric; its unit is Count.
type Name string

// The metrics.
const (
	InstallationsChanged   Name = "InstallationsChanged"
	InstallationsUnchanged Name = "InstallationsUnchanged"
	InstallationsFailed    Name = "InstallationsFailed"
	InstallationsSkipped   Name = "InstallationsSkipped"
	MessagesDeferred       Name = "MessagesDeferred"
	MessagesQueued         Name = "MessagesQueued"
	ValuesAdded            Name = "ValuesAdded"
	ValuesRemoved          Name = "ValuesRemoved"
	EndpointRemoved        Name = "EndpointRemoved"
	ConnectionsChanged     Name = "ConnectionsChanged"
	ConnectionsFailed      Name = "ConnectionsFailed"
	// SyncsFailed counts secret syncs and scans whose last run failed.
	SyncsFailed    Name = "SyncsFailed"
	TokensExpiring Name = "TokensExpiring"
)

// Writer writes metrics for one app. Safe for concurrent use.
type Writer struct {
	App string
	Out io.Writer
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu sync.Mutex
}

type definition struct {
	Name Name   `json:"Name"`
	Unit string `json:"Unit"`
}

type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []definition `json:"Metrics"`
}

// Count writes the counts that are not zero, as one line.
func (w *Writer) Count(counts map[Name]int) error {
	now := time.Now
	if w.Now != nil {
		now = w.Now
	}
	line := map[string]any{"app": w.App}
	group := directive{Namespace: Namespace, Dimensions: [][]string{{"app"}}}
	for name, count := range counts {
		if count != 0 {
			line[string(name)] = count
			group.Metrics = append(group.Metrics, definition{name, "Count"})
		}
	}
	if len(group.Metrics) == 0 {
		return nil
	}
	// The same counts make the same line.
	slices.SortFunc(group.Metrics, func(a, b definition) int { return cmp.Compare(a.Name, b.Name) })
	line["_aws"] = map[string]any{"Timestamp": now().UnixMilli(), "CloudWatchMetrics": []directive{group}}
	encoded, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode metrics: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.Out.Write(append(encoded, '\n'))
	return err
}
