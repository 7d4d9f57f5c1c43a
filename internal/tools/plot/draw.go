package main

import (
	"fmt"
	"io"
	"math"
	"time"
)

// The picture, in SVG's units: two panels side by side for each growth.
const (
	width, height = 965, 700
	panelWidth    = 350.0
	panelHeight   = 210.0
	left, top     = 80.0, 110.0
	columnStep    = 475.0
	rowStep       = 310.0
)

// style has colours for light and dark pages; a viewer that can't tell draws the
// light ones on the page's own ground, hence the ground of our own.
const style = `<style>
  .ground { fill: #ffffff } text { fill: #1f2328; font: 13px system-ui, sans-serif }
  .title { font-size: 15px; font-weight: 600 } .tick { font-size: 12px }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .unchanged { stroke: #0969da; fill: #0969da } .first { stroke: #bc4c00; fill: #bc4c00 }
  .line { fill: none; stroke-width: 2 } .unchanged.line { stroke-dasharray: 6 4 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d }
    .unchanged { stroke: #58a6ff; fill: #58a6ff } .first { stroke: #f0883e; fill: #f0883e }
    .line { fill: none }
  }
</style>
`

func draw(out io.Writer, all []growth) {
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title">`+"\n", width, height)
	printf("<title id=\"title\">How the cost of an apply grows with values and with installations</title>\n")
	printf("%s<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n", style, width, height)
	legend(printf)
	for i, g := range all {
		y := top + float64(i)*rowStep
		panel{x: left, y: y, title: "Calls to Bitbucket", of: g, value: func(c cost) float64 { return float64(c.calls) }, label: count}.draw(printf)
		panel{x: left + columnStep, y: y, title: "Our own time, without the network's", of: g, value: func(c cost) float64 { return float64(c.own) }, label: duration}.draw(printf)
	}
	printf("</svg>\n")
}

type printer func(format string, args ...any)

func legend(printf printer) {
	printf("<text class=\"title\" x=\"%g\" y=\"30\">One apply, both axes logarithmic</text>\n", left)
	for i, entry := range []struct{ class, text string }{{"first", "first push"}, {"unchanged", "nothing to change"}} {
		x := left + float64(i)*150
		printf(`<path class="%s line" d="M%g 52h34"/>`, entry.class, x)
		mark(printf, entry.class, x+17, 52)
		printf("<text x=\"%g\" y=\"57\">%s</text>\n", x+42, entry.text)
	}
}

// mark is round for one series and square for the other, for whoever can't tell
// the colours.
func mark(printf printer, class string, x, y float64) {
	if class == "first" {
		printf(`<circle class="first" cx="%.1f" cy="%.1f" r="4"/>`, x, y)
		return
	}
	printf(`<rect class="unchanged" x="%.1f" y="%.1f" width="7" height="7"/>`, x-3.5, y-3.5)
}

// panel is one diagram.
type panel struct {
	x, y  float64
	title string
	of    growth
	value func(cost) float64
	label func(float64) string
}

func (p panel) draw(printf printer) {
	printf("<text class=\"title\" x=\"%g\" y=\"%g\">%s</text>\n", p.x, p.y-14, p.title)
	across := decades(float64(p.of.sizes[0]), float64(p.of.sizes[len(p.of.sizes)-1]))
	lowest, highest := math.Inf(1), 0.0
	for _, c := range append(append([]cost{}, p.of.unchanged...), p.of.first...) {
		lowest, highest = min(lowest, p.value(c)), max(highest, p.value(c))
	}
	up := decades(lowest, highest)
	for power := across.from; power <= across.to; power++ {
		x := p.x + across.at(math.Pow10(power))*panelWidth
		printf("<path class=\"grid\" d=\"M%.1f %.1fv%.1f\"/><text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			x, p.y, panelHeight, x, p.y+panelHeight+17, count(math.Pow10(power)))
	}
	for power := up.from; power <= up.to; power++ {
		y := p.y + (1-up.at(math.Pow10(power)))*panelHeight
		printf("<path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/><text class=\"tick\" text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			p.x, y, panelWidth, p.x-8, y+4, p.label(math.Pow10(power)))
	}
	printf("<text text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", p.x+panelWidth/2, p.y+panelHeight+38, p.of.of)
	p.series(printf, "first", p.of.first, across, up)
	p.series(printf, "unchanged", p.of.unchanged, across, up)
}

func (p panel) series(printf printer, class string, costs []cost, across, up scale) {
	path := ""
	for i, c := range costs {
		x := p.x + across.at(float64(p.of.sizes[i]))*panelWidth
		y := p.y + (1-up.at(p.value(c)))*panelHeight
		path += fmt.Sprintf("%c%.1f %.1f", "ML"[min(i, 1)], x, y)
		mark(printf, class, x, y)
		if i < len(costs)-1 {
			continue
		}
		shift := -3.0 // the dearer series is labelled a little higher, as both may end in one place
		if class == "unchanged" {
			shift = 11
		}
		printf("<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>", x+8, y+shift, p.label(p.value(c)))
	}
	printf("<path class=\"%s line\" d=\"%s\"/>\n", class, path)
}

// scale is a logarithmic axis from one power of ten to another.
type scale struct{ from, to int }

func decades(lowest, highest float64) scale {
	s := scale{from: int(math.Floor(math.Log10(lowest))), to: int(math.Ceil(math.Log10(highest)))}
	if s.from == s.to {
		s.to++
	}
	return s
}

// at is 0 at the axis' start and 1 at its end.
func (s scale) at(value float64) float64 {
	return (math.Log10(value) - float64(s.from)) / float64(s.to-s.from)
}

func count(value float64) string { return thousands(int(math.Round(value))) }

// duration of a number of nanoseconds, to three digits.
func duration(nanoseconds float64) string {
	switch {
	case nanoseconds >= float64(time.Second):
		return fmt.Sprintf("%.3g s", nanoseconds/float64(time.Second))
	case nanoseconds >= float64(time.Millisecond):
		return fmt.Sprintf("%.3g ms", nanoseconds/float64(time.Millisecond))
	default:
		return fmt.Sprintf("%.3g µs", nanoseconds/float64(time.Microsecond))
	}
}
