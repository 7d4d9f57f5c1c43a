package bitbucket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

const (
	// firstPage asks for the most that a page can have.
	// Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination
	firstPage = "pagelen=100"
	// maxPages bounds a listing whose pages never end: 120,000 items, a fifth more than
	// a manifest may list, so that values which others added can be read and pruned.
	maxPages = 1200
	// maxNext bounds the URL of a next page, which ends up in requests and errors.
	maxNext = 8 << 10
)

// page is a page of a list. Only values and next are promised; size, the number of
// items on all pages, may be left out.
type page struct {
	Values []json.RawMessage `json:"values"`
	Next   string            `json:"next"`
	Size   json.RawMessage   `json:"size"`
}

// list yields the items of all pages. It ends after the first error.
func list[T any](ctx context.Context, c *Client, escapedPath string, item func(json.RawMessage) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for page, err := range c.pages(ctx, escapedPath) {
			if err != nil {
				yield(none, err)
				return
			}
			for _, raw := range page {
				value, err := item(raw)
				if err != nil {
					yield(none, fmt.Errorf("GET %s: %w", escapedPath, err))
					return
				}
				if !yield(value, nil) {
					return
				}
			}
		}
	}
}

// pages reads one page when it is asked for, and never one twice.
func (c *Client) pages(ctx context.Context, escapedPath string) iter.Seq2[[]json.RawMessage, error] {
	return func(yield func([]json.RawMessage, error) bool) {
		u, err := c.endpoint(escapedPath, firstPage)
		read, size := 0, 0
		for seen := map[string]bool{}; u != nil && err == nil; {
			if seen[u.String()] || len(seen) == maxPages {
				err = fmt.Errorf("GET %s: gave up after %d pages, which never end or go round in a circle: %w", escapedPath, len(seen), ErrUnknownShape)
				break
			}
			seen[u.String()] = true
			var items []json.RawMessage
			var told int
			items, told, u, err = c.page(ctx, u)
			if len(seen) > 1 {
				err = laterPage(escapedPath, err)
			}
			if told > 0 {
				size = told // the latest, as values may be deleted meanwhile
			}
			read += len(items)
			if err == nil && !yield(items, nil) {
				return
			}
		}
		if err == nil && read < size {
			// A caller that takes this for the whole list would overwrite what is missing.
			err = fmt.Errorf("GET %s: %w: %d of %d items", escapedPath, ErrIncomplete, read, size)
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// laterPage is the error of a page after the first. An endpoint that has just answered
// isn't gone: the URL of the next page is wrong, or a brownout began in between.
// Bitbucket was seen to write & for ? there, which makes the query part of the path.
func laterPage(escapedPath string, err error) error {
	if !errors.Is(err, ErrEndpointRemoved) && !errors.Is(err, ErrNotFound) {
		return err
	}
	return fmt.Errorf("GET %s: the next page is not there: %w (%s)", escapedPath, ErrIncomplete, err.Error())
}

// page reads one page and returns the size of the whole list, zero when it isn't
// told, and the next page's URL, nil after the last.
func (c *Client) page(ctx context.Context, u *url.URL) ([]json.RawMessage, int, *url.URL, error) {
	r := request{method: http.MethodGet, url: u}
	body, err := c.call(ctx, r)
	if err != nil {
		return nil, 0, nil, err
	}
	if body := bytes.TrimSpace(body); len(body) > 0 && body[0] == '[' {
		var items []json.RawMessage
		return items, 0, nil, decode(r, body, &items)
	}
	var p page
	if err := decode(r, body, &p); err != nil {
		return nil, 0, nil, err
	}
	if p.Values == nil {
		// Taking this for an empty list would make a caller fill it again.
		return nil, 0, nil, fmt.Errorf("GET %s: no list of values: %w", u.EscapedPath(), ErrUnknownShape)
	}
	next, err := nextPage(u, p.Next)
	size, _ := strconv.Atoi(string(p.Size)) // zero for what is no number: it isn't promised
	return p.Values, size, next, err
}

// nextPage takes next as it is, but only on the host that we are talking to: it
// will get a signature of ours.
func nextPage(current *url.URL, next string) (*url.URL, error) {
	if next == "" {
		return nil, nil
	}
	u, err := current.Parse(next)
	if err != nil || len(next) > maxNext {
		return nil, fmt.Errorf("GET %s: the next page's URL can't be read: %w", current.EscapedPath(), ErrUnknownShape)
	}
	if u.Scheme != current.Scheme || u.Host != current.Host || u.User != nil {
		return nil, fmt.Errorf("GET %s: the next page is at %q, not at %q: %w", current.EscapedPath(), u.Host, current.Host, ErrForeignPage)
	}
	return u, nil
}
