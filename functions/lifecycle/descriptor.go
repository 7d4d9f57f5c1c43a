package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/linkersync/linkersync/shared/connect"
)

// served is what comes of the descriptor: its bytes, and the callbacks that it
// promises Bitbucket.
type served struct {
	body []byte
	// callbacks has the event type of each path below the base URL. The route fixes
	// the type; a body that says otherwise is refused.
	callbacks map[string]connect.EventType
}

// loadDescriptor reads the app's descriptor and gives it this deployment's base URL.
func loadDescriptor(readFile func(string) ([]byte, error), file, appKey, baseURL string) (served, error) {
	data, err := readFile(file)
	if err != nil {
		return served{}, fmt.Errorf("read descriptor: %w", err)
	}
	descriptor, err := connect.ParseDescriptor(data)
	if err != nil {
		return served{}, fmt.Errorf("%s: %w", file, err)
	}
	descriptor = descriptor.WithBaseURL(baseURL)
	err = descriptor.Validate()
	if descriptor.Key != appKey {
		err = errors.Join(err, fmt.Errorf("it is for the app %q, LINKERSYNC_APP_KEY says %q", descriptor.Key, appKey))
	}
	callbacks, problem := callbacks(descriptor)
	if err = errors.Join(err, problem); err != nil {
		return served{}, fmt.Errorf("%s: %w", file, err)
	}
	body, err := descriptor.MarshalJSON()
	if err != nil {
		return served{}, fmt.Errorf("encode descriptor: %w", err)
	}
	return served{body: body, callbacks: callbacks}, nil
}

// callbacks takes the routes from the descriptor, because apps that exist have
// chosen their paths long ago.
func callbacks(descriptor connect.Descriptor) (map[string]connect.EventType, error) {
	found := map[string]connect.EventType{}
	for eventType, target := range map[connect.EventType]string{
		connect.EventInstalled:   descriptor.Lifecycle.Installed,
		connect.EventUninstalled: descriptor.Lifecycle.Uninstalled,
		connect.EventEnabled:     descriptor.Lifecycle.Enabled,
		connect.EventDisabled:    descriptor.Lifecycle.Disabled,
	} {
		if target == "" {
			continue
		}
		path := strings.TrimPrefix(target, descriptor.BaseURL)
		if strings.ContainsAny(path, "?#%") {
			return nil, fmt.Errorf("lifecycle.%s: want a path without query and percent-encoding", eventType)
		}
		if other, taken := found[path]; taken {
			return nil, fmt.Errorf("lifecycle.%s and lifecycle.%s have the same path; the path tells one event from the other", eventType, other)
		}
		found[path] = eventType
	}
	return found, nil
}
