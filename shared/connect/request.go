package connect

import (
	"net/http"
	"strings"
)

// Request is the part of an HTTP request that verification needs.
type Request struct {
	// Method is the HTTP method.
	Method string
	// RawPath is the path as it was on the wire, not decoded, with any base path or
	// stage prefix. RawQuery is what follows the question mark.
	RawPath, RawQuery string
	// Authorization is the value of that header. Several values are joined with a
	// comma, as API Gateway does, and then refused.
	Authorization string
}

// token returns the one token of the request. It comes in the Authorization header. A
// GET, which a browser may send for a link, can have it in the parameter jwt instead. A
// request with both must have the same token in both.
func (r Request) token() (string, Reason) {
	fromHeader, reason := r.headerToken()
	if reason != "" {
		return "", reason
	}
	fromQuery, reason := r.queryToken()
	if reason != "" {
		return "", reason
	}
	switch {
	case fromHeader != "" && fromQuery != "" && fromHeader != fromQuery:
		return "", ReasonAmbiguousToken
	case fromHeader != "":
		return fromHeader, ""
	case fromQuery != "" && r.Method == http.MethodGet:
		return fromQuery, ""
	default:
		return "", ReasonNoToken
	}
}

func (r Request) headerToken() (string, Reason) {
	const scheme = "JWT "
	if r.Authorization == "" {
		return "", ""
	}
	if len(r.Authorization) <= len(scheme) || !strings.EqualFold(r.Authorization[:len(scheme)], scheme) {
		return "", ReasonScheme
	}
	return r.Authorization[len(scheme):], ""
}

func (r Request) queryToken() (string, Reason) {
	var found []string
	var buffer [8]parameter
	for _, p := range parseQuery(buffer[:0], r.RawQuery) {
		if p.name == "jwt" {
			found = append(found, p.value)
		}
	}
	switch len(found) {
	case 0:
		return "", ""
	case 1:
		return found[0], ""
	default:
		return "", ReasonAmbiguousToken
	}
}
