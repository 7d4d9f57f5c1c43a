package bitbucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	// DefaultBaseURL is the only host of the REST API. What an installation's
	// payload says about hosts is never used.
	DefaultBaseURL = "https://api.bitbucket.org"
	// DefaultAuthURL has the OAuth endpoint, which isn't on the API's host.
	DefaultAuthURL = "https://bitbucket.org"

	contentJSON = "application/json"
	contentForm = "application/x-www-form-urlencoded"
)

// Client calls Bitbucket on behalf of one installation. Only Sign is required;
// don't change a field after the first call. It is safe for concurrent use.
type Client struct {
	// BaseURL is the API without its /2.0, DefaultBaseURL when empty. It must be
	// https, or http on a loopback address.
	BaseURL string
	// AuthURL is where AccessToken asks, DefaultAuthURL when empty.
	AuthURL string
	// HTTP sends the requests; share it between clients. Nil means a stack of its
	// own with the defaults of package transport. Redirects are never followed.
	HTTP *http.Client
	// Sign makes the JWT for a request, as connect.Signer does.
	Sign func(method string, u *url.URL) (redact.Secret, error)
	// Codec knows the undocumented bodies; share it between clients, so that what
	// one learns the others know. Nil means one of its own.
	Codec *Codec
	// Now is the clock, for Retry-After dates; nil means time.Now.
	Now func() time.Time

	once    sync.Once
	ownHTTP *http.Client
	own     Codec
}

// request is a call of one endpoint.
type request struct {
	method string
	// url is absolute, its path escaped exactly as it will be sent and signed.
	url         *url.URL
	contentType string
	body        []byte
}

// call signs and sends a request to the API and returns the body of a 2xx answer.
func (c *Client) call(ctx context.Context, r request) ([]byte, error) {
	if c.Sign == nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.url.EscapedPath(), errNoSigner)
	}
	header := func(*http.Request) (string, error) {
		token, err := c.Sign(r.method, r.url)
		if err != nil {
			return "", err // which says what it was about
		}
		// Case-sensitive, and Bearer would get a 200 with empty lists.
		return "JWT " + token.Reveal(), nil
	}
	req, err := http.NewRequestWithContext(transport.WithAuthorization(ctx, header), r.method, r.url.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	// Package transport signs each attempt anew. Signing here, too, means that no
	// other http.Client can send a request unsigned.
	authorization, err := header(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.url.EscapedPath(), err)
	}
	req.Header.Set("Authorization", authorization)
	return send(c.http(), req, c.Now)
}

var errNoSigner = errors.New("the client has no signer")

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	c.once.Do(func() { c.ownHTTP = &http.Client{Transport: transport.New(transport.Options{})} })
	return c.ownHTTP
}

func (c *Client) codec() *Codec {
	if c.Codec != nil {
		return c.Codec
	}
	return &c.own
}

// endpoint is the URL of an escaped path on the API's host.
func (c *Client) endpoint(escapedPath, rawQuery string) (*url.URL, error) {
	return resolve(c.BaseURL, DefaultBaseURL, escapedPath, rawQuery)
}

func resolve(base, fallback, escapedPath, rawQuery string) (*url.URL, error) {
	if base == "" {
		base = fallback
	}
	u, err := transport.Endpoint(base)
	if err != nil {
		return nil, fmt.Errorf("address Bitbucket: %w", err)
	}
	if u.Path != "" {
		// A signature covers the path from the host on; one behind a prefix would never match.
		return nil, fmt.Errorf("address Bitbucket: base URL %s: want no path", u)
	}
	u.Path, err = url.PathUnescape(escapedPath)
	if err != nil {
		return nil, fmt.Errorf("address Bitbucket: %w", err)
	}
	u.RawPath, u.RawQuery = escapedPath, rawQuery
	return u, nil
}
