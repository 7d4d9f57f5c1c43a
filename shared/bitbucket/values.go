package bitbucket

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"
)

const valuesBelow = "/values"

// LinkerValues lists the values of a linker, a hundred per call, in Bitbucket's
// order. One that is added or deleted between two pages may be missed, or make
// another come twice. It stops at the first error: ErrNotFound for a linker that the descriptor
// doesn't have, ErrEndpointRemoved, another *APIError, or ErrUnknownShape.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-linker-key-values-get
func (c *Client) LinkerValues(ctx context.Context, linkerKey string) iter.Seq2[LinkerValue, error] {
	r, err := c.linkerRequest(http.MethodGet, linkerKey, valuesBelow)
	if err != nil {
		return func(yield func(LinkerValue, error) bool) { yield(LinkerValue{}, err) }
	}
	return list(ctx, c, r.url.EscapedPath(), c.codec().decodeValue)
}

// LinkerValue returns one value by its number; ErrNotFound when there is none.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-linker-key-values-value-id-get
func (c *Client) LinkerValue(ctx context.Context, linkerKey string, id int64) (LinkerValue, error) {
	r, err := c.valueRequest(http.MethodGet, linkerKey, id)
	if err != nil {
		return LinkerValue{}, err
	}
	body, err := c.call(ctx, r)
	if err != nil {
		return LinkerValue{}, err
	}
	var raw json.RawMessage
	if err := decode(r, body, &raw); err != nil {
		return LinkerValue{}, err
	}
	value, err := c.codec().decodeValue(raw)
	if err != nil {
		return LinkerValue{}, fmt.Errorf("GET %s: %w", r.url.EscapedPath(), err)
	}
	if value.ID == 0 {
		value.ID = id // a plain string doesn't tell it
	}
	return value, nil
}

// CreateLinkerValue adds one value; ErrExists when the linker has it already. It
// is not repeated unless the context says so ([transport.Repeatable]); callers for
// whom ErrExists is as good as success should say so. The ID is zero when
// Bitbucket's answer doesn't tell it.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-linker-key-values-post
func (c *Client) CreateLinkerValue(ctx context.Context, linkerKey, value string) (LinkerValue, error) {
	r, err := c.linkerRequest(http.MethodPost, linkerKey, valuesBelow)
	if err != nil {
		return LinkerValue{}, err
	}
	answer, err := c.write(ctx, r, createBody, []string{value})
	if err != nil {
		return LinkerValue{}, err
	}
	if created, err := c.codec().decodeValue(answer); err == nil {
		return created, nil
	}
	// It was created. That the answer can't be read is no reason to say otherwise.
	return LinkerValue{Value: value}, nil
}

// UpdateLinkerValues sends all values in one call. No document says whether those
// that aren't named stay ("Bulk update"), so read again afterwards.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-linker-key-values-put
func (c *Client) UpdateLinkerValues(ctx context.Context, linkerKey string, values []string) error {
	r, err := c.linkerRequest(http.MethodPut, linkerKey, valuesBelow)
	if err != nil {
		return err
	}
	_, err = c.write(ctx, r, bulkBody, values)
	return err
}

// DeleteLinkerValues deletes all values of a linker.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-linker-key-values-delete
func (c *Client) DeleteLinkerValues(ctx context.Context, linkerKey string) error {
	r, err := c.linkerRequest(http.MethodDelete, linkerKey, valuesBelow)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, r)
	return err
}

// DeleteLinkerValue deletes one value by its number; ErrNotFound when it is gone
// already.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-linker-key-values-value-id-delete
func (c *Client) DeleteLinkerValue(ctx context.Context, linkerKey string, id int64) error {
	r, err := c.valueRequest(http.MethodDelete, linkerKey, id)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, r)
	return err
}

// valueRequest refuses the zero id of a value whose number isn't known.
func (c *Client) valueRequest(method, linkerKey string, id int64) (request, error) {
	if id <= 0 {
		return request{}, fmt.Errorf("value id %d of linker %q: %w", id, linkerKey, ErrInvalid)
	}
	return c.linkerRequest(method, linkerKey, valuesBelow+"/"+strconv.FormatInt(id, 10))
}

// write sends values in the shape that the codec knows or finds out.
func (c *Client) write(ctx context.Context, r request, kind bodyKind, values []string) ([]byte, error) {
	r.contentType = contentJSON
	var answer []byte
	err := c.codec().write(kind, values, func(body []byte) (err error) {
		r.body = body
		answer, err = c.call(ctx, r)
		return err
	})
	return answer, err
}
