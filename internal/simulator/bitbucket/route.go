package bitbucket

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// operation answers one call of the Addon API for the installation that signed it.
type operation func(call *call) *refusal

// call is one authenticated call of the Addon API.
type call struct {
	w         http.ResponseWriter
	r         *http.Request
	clientKey string
	switches  Switches
	// linker and value are the path's parameters, where it has them.
	linker string
	value  int64
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	// What support asks for; the webhooks have it, too.
	w.Header().Set("X-B3-Traceid", traceID())
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	// The raw path: a segment may have an escaped slash in it.
	rawPath, _, _ := strings.Cut(r.RequestURI, "?")
	segments := strings.Split(strings.TrimPrefix(rawPath, "/"), "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			unknownURL().write(w)
			return
		}
		segments[i] = decoded
	}
	if no := s.dispatch(w, r, segments); no != nil {
		no.write(w)
	}
}

func (s *Server) dispatch(w http.ResponseWriter, r *http.Request, segments []string) *refusal {
	switch {
	case len(segments) >= 2 && segments[0] == "2.0" && segments[1] == "addon":
		return s.addon(w, r, segments[2:])
	case len(segments) == 3 && segments[0] == "2.0" && segments[1] == "workspaces":
		return s.only(http.MethodGet, w, r, func() *refusal { return s.getWorkspace(w, r, segments[2]) })
	case len(segments) == 2 && segments[0] == "2.0" && segments[1] == "user":
		return s.only(http.MethodGet, w, r, func() *refusal { return s.getUser(w, r) })
	case strings.Join(segments, "/") == "site/oauth2/access_token":
		return s.only(http.MethodPost, w, r, func() *refusal { return s.issueAccessToken(w, r) })
	case len(segments) > 2 && segments[0] == "2.0":
		if no, known := s.scopedList(w, r, segments[1:]); known {
			return no
		}
		if len(segments) >= 4 && segments[1] == "repositories" {
			return s.only(http.MethodGet, w, r, func() *refusal { return s.getRepository(w, r, segments[2:]) })
		}
	}
	return unknownURL()
}

func (s *Server) only(method string, w http.ResponseWriter, r *http.Request, handle func() *refusal) *refusal {
	if r.Method != method {
		return notAllowed(w, method)
	}
	return handle()
}

func notAllowed(w http.ResponseWriter, allowed ...string) *refusal {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return &refusal{status: http.StatusMethodNotAllowed, message: "Method not allowed"}
}

// addon authenticates and limits every call under /2.0/addon in one place.
func (s *Server) addon(w http.ResponseWriter, r *http.Request, rest []string) *refusal {
	switches := s.Switches()
	if len(rest) > 0 && rest[0] == "linkers" {
		// Before authentication: the live service was seen to tell any caller.
		if no := switches.Removed.refusal(); no != nil {
			return no
		}
	}
	c := &call{w: w, r: r, switches: switches}
	operations, no := s.operations(rest, c)
	if no != nil {
		return no
	}
	c.clientKey, no = s.authenticateApp(r)
	if no != nil {
		return no
	}
	if !s.spend(c.clientKey, switches.HourlyBudget) {
		writeRateLimited(w)
		return nil
	}
	run := operations[r.Method]
	if run == nil {
		return notAllowed(w, methodsOf(operations)...)
	}
	return run(c)
}

// operations finds the resource below /2.0/addon and fills in the path's parameters.
func (s *Server) operations(rest []string, c *call) (map[string]operation, *refusal) {
	switch {
	case len(rest) == 0:
		return map[string]operation{http.MethodPut: s.updateAddon, http.MethodDelete: s.deleteAddon}, nil
	case rest[0] != "linkers" || len(rest) > 4 || len(rest) >= 3 && rest[2] != "values":
		return nil, unknownURL()
	case len(rest) == 1:
		return map[string]operation{http.MethodGet: s.listLinkers}, nil
	}
	c.linker = rest[1]
	switch len(rest) {
	case 2:
		return map[string]operation{http.MethodGet: s.getLinker}, nil
	case 3:
		return map[string]operation{
			http.MethodGet: s.listValues, http.MethodPost: s.createValue,
			http.MethodPut: s.updateValues, http.MethodDelete: s.deleteValues,
		}, nil
	}
	// The id is an integer in the API's schema, so another text is another URL.
	id, err := strconv.ParseUint(rest[3], 10, 63)
	if err != nil {
		return nil, unknownURL()
	}
	c.value = int64(id)
	return map[string]operation{http.MethodGet: s.getValue, http.MethodDelete: s.deleteValue}, nil
}

func methodsOf(operations map[string]operation) []string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if operations[method] != nil {
			methods = append(methods, method)
		}
	}
	return methods
}

func (removed Removal) refusal() *refusal {
	switch removed {
	case RemovedGone:
		return gone(http.StatusGone)
	case RemovedNotFound:
		return gone(http.StatusNotFound)
	case RemovedUnknownURL:
		return unknownURL()
	default:
		return nil
	}
}

func traceID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: it aborts the program instead
	return hex.EncodeToString(id[:])
}
