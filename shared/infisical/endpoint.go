package infisical

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	// requestTimeout is long because a write makes Infisical call Bitbucket, up
	// to four times with growing pauses, before it answers.
	requestTimeout = time.Minute
	// maxAnswer bounds a body: lists aren't paged, and a connection takes about
	// 1 KB in them.
	maxAnswer = 8 << 20
	// maxCAFile is far above the 230 KB of a whole system's bundle.
	maxCAFile = 1 << 20
)

// endpoint is where requests go and what carries them.
type endpoint struct {
	base *url.URL
	http *http.Client
	// rest closes idle connections, unless they are the caller's, who may share them.
	// A frozen Lambda function finds them cut when it is woken, and its next login,
	// which may not be repeated, would fail.
	//
	// It is a function, and not the transport, because fmt would look into that.
	// Source: https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html
	rest func()
}

// newEndpoint reports every problem of the client's configuration at once.
func (c *Client) newEndpoint() (endpoint, error) {
	var issues []Issue
	base, err := parseBaseURL(c.BaseURL)
	if err != nil {
		issues = append(issues, Issue{Path: "base_url", Message: err.Error()})
	}
	if c.Login == nil {
		issues = append(issues, Issue{Path: "login", Message: "is required: Universal Auth, OIDC or AWS"})
	}
	if c.HTTP != nil && c.RootCAs != nil {
		issues = append(issues, Issue{Path: "root_cas", Message: "can't be combined with an HTTP client of its own"})
	}
	if c.OrganizationSlug != "" {
		issues = appendIssue(issues, "organization", checkSlug(c.OrganizationSlug))
	}
	if len(issues) > 0 {
		return endpoint{}, &InputError{What: "Infisical client", Issues: issues}
	}
	if c.HTTP != nil {
		return endpoint{base: base, http: withoutRedirects(*c.HTTP), rest: func() {}}, nil
	}
	pool := transport.Base()
	pool.TLSClientConfig.RootCAs = c.RootCAs
	pool.ResponseHeaderTimeout = requestTimeout
	return endpoint{base: base, http: c.newHTTPClient(pool), rest: pool.CloseIdleConnections}, nil
}

// withoutRedirects changes a copy of the caller's client: a redirect would carry
// credentials on.
func withoutRedirects(given http.Client) *http.Client {
	if given.Transport == nil {
		given.Transport = http.DefaultTransport
	}
	given.Transport = transport.NoRedirect(given.Transport)
	return &given
}

func (c *Client) newHTTPClient(pool *http.Transport) *http.Client {
	return &http.Client{Transport: transport.New(transport.Options{
		Timeout: requestTimeout,
		MaxBody: maxAnswer,
		// A 429 is waited for in [Client.send], which may repeat every method.
		FailFastOn429: true,
		Watch:         c.Watch,
		Now:           c.Now,
		Sleep:         c.Sleep,
		Next:          pool,
	})}
}

// parseBaseURL takes the address of the site and, because Infisical's own CLI
// wants it that way, the address with "/api" at its end.
func parseBaseURL(raw string) (*url.URL, error) {
	if raw == "" {
		raw = DefaultBaseURL
	}
	base, err := transport.Endpoint(raw)
	if err != nil {
		return nil, fmt.Errorf("%w; use one like %s", err, DefaultBaseURL)
	}
	base.Path = strings.TrimSuffix(base.Path, "/api")
	base.RawPath = strings.TrimSuffix(base.RawPath, "/api")
	return base, nil
}

// LoadRootCAs reads certificate authorities in PEM from a file (at most 1 MiB)
// and returns them together with the system's, for a self-hosted Infisical whose
// certificate a company's own authority signed.
func LoadRootCAs(path string) (*x509.CertPool, error) {
	pem, err := input.ReadFile(path, maxCAFile)
	if err != nil {
		return nil, fmt.Errorf("read CA file %s: %s", path, input.Reason(err))
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // an image from scratch has none; the file's own still count
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read CA file %s: it holds no PEM certificate (-----BEGIN CERTIFICATE-----)", path)
	}
	return pool, nil
}
