package bitbucket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// updateAddon is PUT /2.0/addon: {} reads the known descriptor URL again,
// {"descriptor": …} brings the new one along, and {"descriptor_url": …}, alone,
// moves the installation to the app's newly registered location.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-put
func (s *Server) updateAddon(c *call) *refusal {
	body, no := readJSON(c.r)
	if no != nil {
		return no
	}
	var request map[string]json.RawMessage
	if err := json.Unmarshal(body, &request); err != nil || request == nil {
		return invalid("the body is not an object")
	}
	if len(request) > 1 {
		return invalid("the body may have descriptor or descriptor_url, not both and nothing else")
	}
	if raw, found := request["descriptor"]; found {
		return c.noContent(s.install(c, raw, ""))
	}
	location, no := s.descriptorLocation(c, request)
	if no != nil {
		return no
	}
	raw, err := s.fetchDescriptor(c.r.Context(), location)
	if err != nil {
		return invalid(err.Error())
	}
	return c.noContent(s.install(c, raw, location))
}

// descriptorLocation is the URL to read the descriptor from.
func (s *Server) descriptorLocation(c *call, request map[string]json.RawMessage) (string, *refusal) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	in := s.installations[c.clientKey]
	if in == nil {
		return "", unauthorized(textUninstalled)
	}
	if len(request) == 0 {
		if in.descriptorURL == "" {
			return "", invalid("the installation has no descriptor URL")
		}
		return in.descriptorURL, nil
	}
	var asked string
	if err := json.Unmarshal(request["descriptor_url"], &asked); err != nil || asked == "" {
		return "", invalid("the body has neither a descriptor nor a descriptor_url")
	}
	if asked != in.app.DescriptorURL {
		return "", invalid("descriptor_url is not the one that the app is registered with")
	}
	return asked, nil
}

// install gives the installation another descriptor, and another location of it
// when there is one.
func (s *Server) install(c *call, raw json.RawMessage, location string) *refusal {
	next, err := parseDescriptor(raw)
	if err != nil {
		return invalid(err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.installations[c.clientKey]
	switch {
	case in == nil:
		return unauthorized(textUninstalled)
	case next.Key != in.app.Key:
		return invalid("the descriptor's key is not the app's")
	case !in.descriptor.scopesMayBecome(next):
		return &refusal{status: http.StatusBadRequest, message: "Scopes have increased or decreased to none."}
	}
	in.descriptor = s.shared(in.app, next)
	if location != "" {
		in.descriptorURL = location
	}
	// The values of a linker that is gone go with it.
	in.linkers = slices.DeleteFunc(slices.Clone(in.linkers), func(state *linkerState) bool { return !next.hasLinker(state.key) })
	return nil
}

// shared returns the descriptor that the app got last when it is the same one, so
// that updating every installation keeps one copy.
func (s *Server) shared(app *App, next *descriptor) *descriptor {
	if last := s.lastDescriptors[app.Key]; last != nil && string(last.raw) == string(next.raw) {
		return last
	}
	s.lastDescriptors[app.Key] = next
	return next
}

func (s *Server) deleteAddon(c *call) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.installations[c.clientKey]
	if in == nil {
		return unauthorized(textUninstalled)
	}
	in.uninstall()
	return c.noContent(nil)
}

func (s *Server) fetchDescriptor(ctx context.Context, location string) (json.RawMessage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, fmt.Errorf("read descriptor: %w", err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read descriptor: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read descriptor: %s answered %d", location, response.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read descriptor: %w", err)
	}
	if !json.Valid(raw) {
		return nil, errors.New("read descriptor: it is not JSON")
	}
	return raw, nil
}
