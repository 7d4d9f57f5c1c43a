package status

import (
	"crypto/sha256"
	_ "embed" // the page's style and script
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// Style and script are in the page, so that it is one file that asks no network.
//
// The page is made of Go functions and not of a template: a program that has a template
// keeps every method of every AWS client, which is 6 MB of the command.
var (
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string
)

// page is what the page shows.
type page struct {
	Report
	summary Summary
	// rows are the installations in the table: none in an update of a page.
	rows []Installation
	// events is the address of server-sent events, empty for a file.
	events string
}

// WriteHTML writes the report as one self-contained page.
func (r Report) WriteHTML(w io.Writer) error { return r.writePage(w, "", true) }

// writePage writes the page. An update has no rows of installations, because only its
// head and its runs are looked at.
func (r Report) writePage(w io.Writer, events string, rows bool) error {
	r.Installations, r.Connections, r.Runs = slices.Clone(r.Installations), slices.Clone(r.Connections), slices.Clone(r.Runs)
	r.Sort()
	p := page{Report: r, summary: r.Summary(), events: events}
	if rows {
		p.rows = r.Installations
	}
	if err := h.Doctype(h.HTML(h.Lang("en"), p.head(), p.body())).Render(w); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func (p page) head() g.Node {
	return h.Head(
		h.Meta(h.Charset("utf-8")),
		h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
		h.Meta(g.Attr("http-equiv", "Content-Security-Policy"), h.Content(policy(p.events != ""))),
		h.Meta(h.Name("referrer"), h.Content("no-referrer")),
		h.TitleEl(g.Text("linkersync: "+p.summary.Sentence)),
		h.StyleEl(g.Raw(pageStyle)),
	)
}

func (p page) body() g.Node {
	return h.Body(
		g.If(p.events != "", h.Data("events", p.events)),
		h.A(h.Class("skip"), h.Href("#main"), g.Text("Skip to the tables")),
		p.header(),
		h.Main(h.ID("main"), h.TabIndex("-1"),
			g.If(len(p.Errors) > 0, section("errors", "What could not be read", h.Ul(g.Map(p.Errors, func(text string) g.Node { return h.Li(g.Text(text)) })))),
			g.If(p.Endpoints.Detail != "", section("endpoints", "Linker endpoints", h.P(g.Text(p.Endpoints.Detail)))),
			p.connections(), p.installations(), p.runs(),
		),
		h.Footer(h.Class("quiet"), h.P(g.Text("Made by linkersync. The page holds no secret."))),
		h.Script(g.Raw(pageScript)),
	)
}

func (p page) header() g.Node {
	card := func(count, name string) g.Node {
		return h.Li(h.B(g.Text(count)), g.Text(" "), h.A(h.Href("#"+name), g.Text(name)))
	}
	letters := "–"
	if p.DeadLetters != nil {
		letters = strconv.Itoa(p.summary.DeadLetters)
	}
	return h.Header(
		h.H1(g.Text("linkersync status")),
		h.P(h.Class("quiet"),
			g.If(p.App != "", g.Group{g.Text("App "), h.Code(g.Text(p.App)), g.Text(", ")}),
			g.Text("as of "), h.Time(h.DateTime(p.At.UTC().Format(time.RFC3339)), g.Text(p.At.UTC().Format("2 January 2006 15:04 UTC"))), g.Text("."),
			g.If(p.events != "", g.Group{g.Text(" "), h.Span(h.ID("live"), h.Role("status"), g.Text("Waiting for the first update"))}),
		),
		h.P(h.ID("verdict"), h.Class("verdict "+string(p.summary.Health)), g.Text(p.summary.Sentence)),
		h.Ul(h.ID("cards"), h.Class("cards"),
			card(strconv.Itoa(len(p.Installations)), "installations"),
			card(strconv.Itoa(len(p.Connections)), "connections"),
			card(strconv.Itoa(len(p.Runs)), "runs"),
			h.Li(h.B(g.Text(letters)), g.Text(" dead letters")),
			h.Li(h.B(h.Class(string(p.Endpoints.Health)), g.Text(healthName(p.Endpoints.Health))), g.Text(" linker endpoints")),
		),
	)
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
