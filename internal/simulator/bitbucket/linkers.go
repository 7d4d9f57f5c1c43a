package bitbucket

import (
	"net/http"
	"slices"
)

// The texts that the API's description gives for the addon resources.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/
const (
	textNoLinker    = "The linker does not exist."
	textNoValue     = "The linker value does not exist."
	textHasValue    = "The linker already has the value being added."
	textUninstalled = "the app is not installed any more"
)

func (s *Server) listLinkers(c *call) *refusal {
	linkers, no := s.linkers(c)
	if no != nil {
		return no
	}
	items := make([]any, len(linkers))
	for i, linker := range linkers {
		items[i] = linker
	}
	return c.writeList(len(items), func(from, to int) []any { return items[from:to] })
}

func (s *Server) getLinker(c *call) *refusal {
	linkers, no := s.linkers(c)
	if no != nil {
		return no
	}
	for _, linker := range linkers {
		if linker.Key == c.linker {
			writeJSON(c.w, http.StatusOK, linker)
			return nil
		}
	}
	return notFound(textNoLinker)
}

// linkers are those of the installation's descriptor, which never changes in place.
func (s *Server) linkers(c *call) ([]linker, *refusal) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	in := s.installations[c.clientKey]
	if in == nil {
		return nil, unauthorized(textUninstalled)
	}
	return in.descriptor.Modules.Linkers, nil
}

// change runs under the lock with the state of the call's linker.
func (s *Server) change(c *call, do func(*linkerState) *refusal) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.installations[c.clientKey]
	if in == nil {
		return unauthorized(textUninstalled) // uninstalled while the call was on its way
	}
	if !in.descriptor.hasLinker(c.linker) {
		return notFound(textNoLinker)
	}
	return do(s.linkerState(in, c.linker))
}

// read returns the set of the call's linker as it is now, and its base for ids.
func (s *Server) read(c *call) (set valueSet, base int64, no *refusal) {
	no = s.change(c, func(state *linkerState) *refusal {
		set, base = state.set, state.base
		return nil
	})
	return set, base, no
}

func (s *Server) listValues(c *call) *refusal {
	set, base, no := s.read(c)
	if no != nil {
		return no
	}
	values := s.listed.list(set)
	return c.writeList(len(values), func(from, to int) []any {
		items := make([]any, 0, to-from)
		for _, v := range values[from:to] {
			items = append(items, c.switches.Item.render(base+v.number, v.value))
		}
		return items
	})
}

func (s *Server) getValue(c *call) *refusal {
	set, base, no := s.read(c)
	if no != nil {
		return no
	}
	value, found := set.find(c.value - base)
	if !found {
		return notFound(textNoValue)
	}
	writeJSON(c.w, http.StatusOK, c.switches.Item.render(c.value, value))
	return nil
}

func (s *Server) createValue(c *call) *refusal {
	body, no := readJSON(c.r)
	if no != nil {
		return no
	}
	value, err := c.switches.Item.parse(body)
	if err != nil {
		return invalid(err.Error())
	}
	var id int64
	no = s.change(c, func(state *linkerState) *refusal {
		if slices.Contains(state.set.values(), value) {
			return &refusal{status: http.StatusConflict, message: textHasValue}
		}
		var err error
		if state.set, err = state.set.update([]string{value}, false); err != nil {
			return invalid(err.Error())
		}
		id = state.base + state.set.last
		return nil
	})
	if no == nil {
		writeJSON(c.w, http.StatusCreated, c.switches.Item.render(id, value))
	}
	return no
}

func (s *Server) updateValues(c *call) *refusal {
	body, no := readJSON(c.r)
	if no != nil {
		return no
	}
	values, err := c.switches.Bulk.parse(body, c.switches.Item)
	if err != nil {
		return invalid(err.Error())
	}
	return c.noContent(s.change(c, func(state *linkerState) *refusal {
		next, err := state.set.update(values, c.switches.Put == PutReplace)
		if err != nil {
			return invalid(err.Error())
		}
		state.set = next
		return nil
	}))
}

func (s *Server) deleteValues(c *call) *refusal {
	return c.noContent(s.change(c, func(state *linkerState) *refusal {
		state.set = newValueSet(nil, state.set.last)
		return nil
	}))
}

func (s *Server) deleteValue(c *call) *refusal {
	return c.noContent(s.change(c, func(state *linkerState) *refusal {
		if _, found := state.set.find(c.value - state.base); !found {
			return notFound(textNoValue)
		}
		state.set = state.set.without(c.value - state.base)
		return nil
	}))
}

// noContent answers 204 unless there was a refusal, which it passes on.
func (c *call) noContent(no *refusal) *refusal {
	if no == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return no
}

// render returns a value in the chosen shape.
func (s ItemShape) render(id int64, value string) any {
	if s == ItemString {
		return value
	}
	return map[string]any{"id": id, s.field(): value}
}
