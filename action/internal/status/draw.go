package status

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// Bounds of the two pictures.
const (
	maxBars    = 12 // connections in the picture of expiries
	maxColumns = 30 // runs in the picture of outcomes
	horizon    = 365
	nameWidth  = 160
	barWidth   = 540 // the width of horizon days
	drawWidth  = 720
)

// drawExpiries draws the tokens that expire next; nil when no expiry is known.
func drawExpiries(r Report) g.Node {
	var known []Connection
	for _, c := range r.Connections {
		if !c.Expires.IsZero() {
			known = append(known, c)
		}
	}
	if len(known) == 0 {
		return nil
	}
	slices.SortFunc(known, func(a, b Connection) int { return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.Name, b.Name)) })
	known = known[:min(len(known), maxBars)]
	axis := 22*len(known) + 4
	var shapes g.Group
	for _, days := range []int{0, 90, 180, 270, horizon} {
		x := nameWidth + days*barWidth/horizon
		shapes = append(shapes, line(x, 0, x, axis), label(x, axis+16, "middle", strconv.Itoa(days)))
	}
	words := make([]string, len(known))
	for i, c := range known {
		days := int(c.Expires.Sub(r.At) / (24 * time.Hour))
		width := max(4, min(days, horizon)*barWidth/horizon)
		shapes = append(shapes, rect(c.expiry(r.At), nameWidth, 22*i+4, width, 14), label(nameWidth-8, 22*i+15, "end", shorten(c.Name, 22)))
		words[i] = fmt.Sprintf("%s %d", c.Name, days)
	}
	return figure(axis+22, "Days until tokens expire: "+strings.Join(words, ", "),
		fmt.Sprintf("Days until each token expires, the next %d first.", len(known)), shapes)
}

// drawOutcomes stacks the outcomes of the last runs; nil without runs. runs has the
// newest first.
func drawOutcomes(runs []Run) g.Node {
	runs = slices.Clone(runs[:min(len(runs), maxColumns)])
	slices.Reverse(runs)
	most, failed := 0, 0
	for _, run := range runs {
		most = max(most, run.Total)
		if run.Failed > 0 {
			failed++
		}
	}
	if most == 0 {
		return nil
	}
	shapes := g.Group{line(0, 100, drawWidth, 100)}
	for i, run := range runs {
		top := 100
		for _, part := range []struct {
			count  int
			health Health
		}{{run.Changed + run.Unchanged, OK}, {run.Skipped, Unknown}, {run.Failed, Failed}} {
			if part.count == 0 {
				continue
			}
			height := max(2, part.count*92/most)
			top -= height
			shapes = append(shapes, rect(part.health, i*drawWidth/maxColumns, top, 18, height))
		}
	}
	return figure(120, fmt.Sprintf("Outcomes of the last %d runs: %d with failures", len(runs), failed),
		fmt.Sprintf("Installations of the last %d runs by outcome, the newest at the right: unchanged or changed below, failed on top.", len(runs)), shapes)
}

// figure is a picture with a label for who can't see it, and a caption.
func figure(height int, words, caption string, shapes g.Group) g.Node {
	return h.Figure(
		h.SVG(g.Attr("viewBox", fmt.Sprintf("0 0 %d %d", drawWidth, height)), h.Role("img"), h.Aria("label", words), shapes),
		h.FigCaption(g.Text(caption)),
	)
}

func line(x1, y1, x2, y2 int) g.Node {
	return g.El("line", h.Class("line"), at("x1", x1), at("y1", y1), at("x2", x2), at("y2", y2))
}

func rect(health Health, x, y, width, height int) g.Node {
	return g.El("rect", h.Class("fill-"+string(health)), at("x", x), at("y", y), at("width", width), at("height", height))
}

func label(x, y int, anchor, text string) g.Node {
	return g.El("text", at("x", x), at("y", y), g.Attr("text-anchor", anchor), g.Text(text))
}

func at(name string, n int) g.Node { return g.Attr(name, strconv.Itoa(n)) }

// shorten cuts a name for a picture.
func shorten(name string, most int) string {
	runes := []rune(name)
	if len(runes) <= most {
		return name
	}
	return string(runes[:most-1]) + "…"
}
