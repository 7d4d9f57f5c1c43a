package transport

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// ErrInsecureEndpoint says that a base URL isn't one that credentials may be sent to.
var ErrInsecureEndpoint = errors.New("base URL must be https, or http on a loopback address")

// Endpoint parses the base URL of an API and refuses what credentials must not be
// sent to: anything but https (plain http only to this machine), a URL with user
// information, a query or a fragment. A trailing slash is dropped.
func Endpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats its input, which may hold user information.
		return nil, fmt.Errorf("parse base URL: %w", ErrInsecureEndpoint)
	}
	if u.Hostname() == "" && !strings.ContainsAny(raw, "@?#") { // behind which a secret may stand
		return nil, fmt.Errorf("base URL %q: want one with a host, as in https://api.example.com: %w", raw, ErrInsecureEndpoint)
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Hostname() == "" {
		return nil, fmt.Errorf("base URL with host %q: want scheme and host only, without user, query or fragment: %w", u.Host, ErrInsecureEndpoint)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("base URL %s://%s: %w", u.Scheme, u.Host, ErrInsecureEndpoint)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// isLoopback goes by the written name only: a look-up could answer differently
// when the connection is made.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
