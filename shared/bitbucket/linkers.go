package bitbucket

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
)

// LinkersPath is the list of linkers. It and everything below it is deprecated, "will be
// removed by May 2026".
const LinkersPath = "/2.0/addon/linkers"

// Linkers lists the linkers of the app's descriptor, as the installation has it.
// It stops at the first error, an *APIError or ErrUnknownShape.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-get
func (c *Client) Linkers(ctx context.Context) iter.Seq2[Linker, error] {
	return list(ctx, c, LinkersPath, decodeLinker)
}

// Linker returns one linker. A key that the descriptor doesn't have is ErrNotFound.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-linker-key-get
func (c *Client) Linker(ctx context.Context, key string) (Linker, error) {
	r, err := c.linkerRequest(http.MethodGet, key, "")
	if err != nil {
		return Linker{}, err
	}
	body, err := c.call(ctx, r)
	if err != nil {
		return Linker{}, err
	}
	var raw json.RawMessage
	if err := decode(r, body, &raw); err != nil {
		return Linker{}, err
	}
	linker, err := decodeLinker(raw)
	if err != nil {
		return Linker{}, fmt.Errorf("GET %s: %w", r.url.EscapedPath(), err)
	}
	return linker, nil
}

// linkerRequest addresses a linker, or what is below it. The key is escaped, and
// one that would change the path's meaning is refused before any call.
func (c *Client) linkerRequest(method, key, below string) (request, error) {
	if key == "" || key == "." || key == ".." {
		return request{}, fmt.Errorf("linker key %q: %w", key, ErrInvalid)
	}
	u, err := c.endpoint(LinkersPath+"/"+url.PathEscape(key)+below, "")
	return request{method: method, url: u}, err
}
