package status

import (
	"crypto/sha256"
	_ "embed" // the page's three parts
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"time"
)

// Style and script are in the page, so that it is one file that asks no network.
var (
	//go:embed page.gohtml
	pageText string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string
)

// page is what the template shows.
type page struct {
	Report
	// Rows are the installations in the table: none in an update of a page.
	Rows     []Installation
	Summary  Summary
	Healths  []Health
	Expiries *expiries
	Outcomes *outcomes
	// Policy is the content security policy: this style, this script, nothing else.
	Policy string
	// Events is the address of server-sent events, empty for a file.
	Events string
	Style  template.CSS
	Script template.JS
}

// WriteHTML writes the report as one self-contained page.
func (r Report) WriteHTML(w io.Writer) error { return r.writePage(w, "", true) }

// writePage writes the page. An update has no rows of installations, because only its
// head and its runs are looked at.
func (r Report) writePage(w io.Writer, events string, rows bool) error {
	parsed, err := template.New("page").Funcs(formats()).Parse(pageText)
	if err != nil {
		return fmt.Errorf("parse the page: %w", err)
	}
	r.Installations, r.Connections, r.Runs = slices.Clone(r.Installations), slices.Clone(r.Connections), slices.Clone(r.Runs)
	r.Sort()
	var listed []Installation
	if rows {
		listed = r.Installations
	}
	err = parsed.Execute(w, page{
		Report: r, Rows: listed, Summary: r.Summary(), Healths: []Health{Failed, Attention, Unknown, OK},
		Expiries: drawExpiries(r), Outcomes: drawOutcomes(r.Runs), Policy: policy(events != ""), Events: events,
		Style: template.CSS(pageStyle), Script: template.JS(pageScript), //nolint:gosec // G203: both are ours
	})
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// policy allows the page's own style and script, by their hashes. A page that a
// server feeds may also ask that server.
func policy(live bool) string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	allowed := "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + hash(pageStyle) + "; script-src " + hash(pageScript)
	if live {
		allowed += "; connect-src 'self'"
	}
	return allowed
}

func formats() template.FuncMap {
	layout := func(layout string) func(time.Time) string {
		return func(t time.Time) string {
			if t.IsZero() {
				return "unknown"
			}
			return t.UTC().Format(layout)
		}
	}
	return template.FuncMap{
		"rfc": layout(time.RFC3339), "moment": layout("2 January 2006 15:04 UTC"), "minute": layout("2006-01-02 15:04"), "day": layout(time.DateOnly),
		"health": healthName,
		"rank":   func(h Health) string { return strconv.Itoa(slices.Index([]Health{Failed, Attention, Unknown, OK}, h)) },
	}
}

// healthName is a health in a word that needs no colour.
func healthName(h Health) string {
	switch h {
	case OK:
		return "in order"
	case Attention:
		return "needs attention"
	case Failed:
		return "fails"
	}
	return "unknown"
}
