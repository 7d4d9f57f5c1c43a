package bitbucket

import (
	"net/http"
	"net/url"
	"strconv"
)

// Page sizes of the API.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination
const (
	defaultPageLen = 10
	maxPageLen     = 100
)

// page is the paging envelope. All but values and next may be missing.
type page struct {
	Size     *int   `json:"size,omitempty"`
	Page     int    `json:"page,omitempty"`
	PageLen  int    `json:"pagelen,omitempty"`
	Next     string `json:"next,omitempty"`
	Previous string `json:"previous,omitempty"`
	Values   []any  `json:"values"`
}

// writeList answers with the asked-for page of a list of size items; slice
// returns the items from and up to.
func (c *call) writeList(size int, slice func(from, to int) []any) *refusal {
	query := c.r.URL.Query()
	pageLen, err := positive(query, "pagelen", defaultPageLen)
	if err != nil || pageLen > maxPageLen {
		return &refusal{status: http.StatusBadRequest, message: "Invalid pagelen"}
	}
	number, err := positive(query, "page", 1)
	if err != nil {
		return &refusal{status: http.StatusBadRequest, message: "Invalid page"}
	}
	if c.switches.List == ListBare {
		writeJSON(c.w, http.StatusOK, slice(0, size))
		return nil
	}
	from := min((number-1)*pageLen, size)
	to := min(from+pageLen, size)
	answer := page{Values: slice(from, to)}
	if to < size {
		answer.Next = c.pageURL(number+1, pageLen)
	}
	if c.switches.List == ListEnvelope {
		answer.Size, answer.Page, answer.PageLen = &size, number, pageLen
		if number > 1 {
			answer.Previous = c.pageURL(number-1, pageLen)
		}
	}
	writeJSON(c.w, http.StatusOK, answer)
	return nil
}

// pageURL is absolute, on the host that the caller asked.
func (c *call) pageURL(number, pageLen int) string {
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	query := url.Values{"page": {strconv.Itoa(number)}, "pagelen": {strconv.Itoa(pageLen)}}
	link := url.URL{Scheme: scheme, Host: c.r.Host, Path: c.r.URL.Path, RawPath: c.r.URL.RawPath, RawQuery: query.Encode()}
	return link.String()
}

// positive reads a query parameter that is 1 to a million when it is there at all.
func positive(query url.Values, name string, fallback int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return fallback, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, err
	}
	if number < 1 || number > 1_000_000 {
		return 0, strconv.ErrRange
	}
	return number, nil
}
