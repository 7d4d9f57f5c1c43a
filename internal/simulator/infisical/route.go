package infisical

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxBody bounds every request body.
const maxBody = 1 << 20

// exchange is one call, with what the earlier stages found out.
type exchange struct {
	r     *http.Request
	actor *actor
	// body is the decoded body, or absent.
	body any
	// id is the path's last segment, where it is a parameter.
	id string
}

// endpoint answers a call with the body of a 200, or refuses it.
type endpoint struct {
	// public endpoints are the logins and revoke.
	public bool
	// people endpoints take no machine identity.
	people bool
	handle func(*exchange) (any, *refusal)
}

// route runs the server's stages in their order: token, body, limits, and then,
// in the endpoint, validation, permissions and work.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	x := &exchange{r: r}
	answer, no := s.stages(w, x)
	if no != nil {
		no.write(w)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) stages(w http.ResponseWriter, x *exchange) (any, *refusal) {
	// A token that is no good is refused even where none is needed.
	caller, no := s.authenticate(x.r)
	if no != nil {
		return nil, no
	}
	x.actor = caller
	found := s.endpoint(x)
	switch {
	case found == nil:
		return nil, &refusal{
			status: http.StatusNotFound, name: "Not Found", message: "Route " + x.r.Method + ":" + x.r.URL.Path + " not found",
		}
	case !found.public && caller == nil:
		return nil, unauthorized("Token missing")
	case found.people:
		no := forbidden("You are not allowed to access this resource")
		no.name = "Forbidden access to " + x.r.RequestURI
		return nil, no
	}
	if x.body, no = readBody(w, x.r); no != nil {
		return nil, no
	}
	if no := s.limited(w, x.r); no != nil {
		return nil, no
	}
	return found.handle(x)
}

func (s *Server) endpoint(x *exchange) *endpoint {
	path, first := strings.CutPrefix(x.r.URL.EscapedPath(), "/api/v1/")
	path, second := strings.CutPrefix(path, "/api/v2/")
	if !first && !second {
		return nil
	}
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return nil
		}
		segments[i] = decoded
	}
	call := x.r.Method + " " + segments[0]
	switch {
	case second:
		return s.scanningEndpoint(x, segments)
	case call == "POST auth" && len(segments) == 3:
		return s.authEndpoint(segments[1] + "/" + segments[2])
	case segments[0] == "app-connections":
		return s.connectionEndpoint(x, segments[1:])
	case segments[0] == "secret-syncs":
		return s.syncEndpoint(x, segments[1:])
	case call == "GET projects" && len(segments) == 1:
		return &endpoint{handle: s.listProjects}
	default:
		return nil
	}
}

func (s *Server) authEndpoint(name string) *endpoint {
	handle := map[string]func(*exchange) (any, *refusal){
		"universal-auth/login": s.loginUniversal,
		"oidc-auth/login":      s.loginOIDC,
		"aws-auth/login":       s.loginAWS,
		"token/revoke":         s.revoke,
	}[name]
	if handle == nil {
		return nil
	}
	return &endpoint{public: true, handle: handle}
}

func (s *Server) connectionEndpoint(x *exchange, rest []string) *endpoint {
	x.id = ""
	if len(rest) > 0 {
		x.id = rest[len(rest)-1]
	}
	switch shape := strings.Join(append([]string{x.r.Method}, rest...), " "); {
	case shape == "GET":
		return &endpoint{handle: s.listAll}
	case shape == "GET options":
		return &endpoint{handle: s.listOptions}
	case len(rest) == 0 || rest[0] != bitbucketApp || len(rest) > 3:
		return nil
	case shape == "GET bitbucket":
		return &endpoint{handle: s.listBitbucket}
	case shape == "POST bitbucket":
		return &endpoint{handle: s.create}
	case shape == "GET bitbucket available":
		return &endpoint{handle: s.listAvailable}
	case len(rest) == 3 && x.r.Method == http.MethodGet && rest[1] == "connection-name":
		return &endpoint{handle: s.getByName}
	case len(rest) == 3 && x.r.Method == http.MethodGet:
		if rest[2] == "workspaces" || rest[2] == "repositories" || rest[2] == "environments" {
			return &endpoint{people: true}
		}
	case len(rest) == 2:
		handle := map[string]func(*exchange) (any, *refusal){
			http.MethodGet: s.getByID, http.MethodPatch: s.update, http.MethodDelete: s.remove,
		}[x.r.Method]
		if handle != nil {
			return &endpoint{handle: handle}
		}
	}
	return nil
}

// readBody decodes JSON or a form. What isn't what its Content-Type says, and an
// empty body that claims to be JSON, is an error that the server has no answer for.
func readBody(w http.ResponseWriter, r *http.Request) (any, *refusal) {
	if r.Method == http.MethodGet {
		return absent{}, nil
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, name: "Payload Too Large", message: "Request body is too large"}
	}
	if err != nil {
		return nil, internal()
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case media == "application/json" && r.Method == http.MethodDelete && len(content) == 0 && r.Header.Get("Content-Length") == "":
		return absent{}, nil
	case media == "application/json":
		var body any
		if json.Unmarshal(content, &body) != nil {
			return nil, internal()
		}
		return body, nil
	case media == "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(content))
		if err != nil {
			return nil, internal()
		}
		body := map[string]any{}
		for name := range values {
			body[name] = values.Get(name)
		}
		return body, nil
	case len(content) == 0:
		return any(nil), nil // what the server makes of no body
	default:
		return nil, internal()
	}
}
