package status

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Bounds of the two pictures.
const (
	maxBars    = 12 // connections in the picture of expiries
	maxColumns = 30 // runs in the picture of outcomes
	horizon    = 365
	nameWidth  = 160
	barWidth   = 540 // the width of horizon days
)

// expiries is the picture of when tokens expire.
type expiries struct {
	Height, Axis, Text int
	Label              string
	Ticks              []tick
	Bars               []bar
}

type tick struct {
	X     int
	Label string
}

type bar struct {
	Name                      string
	Health                    Health
	X, Y, Base, Width, Height int
}

// drawExpiries draws the tokens that expire next; nil when no expiry is known.
func drawExpiries(r Report) *expiries {
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
	picture := &expiries{Axis: 22*len(known) + 4, Label: "Days until tokens expire: "}
	picture.Text, picture.Height = picture.Axis+16, picture.Axis+22
	for _, days := range []int{0, 90, 180, 270, horizon} {
		picture.Ticks = append(picture.Ticks, tick{nameWidth + days*barWidth/horizon, fmt.Sprint(days)})
	}
	for i, c := range known {
		days := int(c.Expires.Sub(r.At) / (24 * time.Hour))
		health := OK
		if c.Expires.Sub(r.At) <= ExpirySoon {
			health = Attention
		}
		if !r.At.Before(c.Expires) {
			health = Failed
		}
		picture.Bars = append(picture.Bars, bar{
			Name: shorten(c.Name, 22), Health: health, Y: 22*i + 4, Base: 22*i + 15,
			Width: max(4, min(days, horizon)*barWidth/horizon),
		})
		picture.Label += fmt.Sprintf("%s %d, ", c.Name, days)
	}
	picture.Label = picture.Label[:len(picture.Label)-2]
	return picture
}

// outcomes is the picture of how the last runs ended.
type outcomes struct {
	Label string
	Count int
	Bars  []bar
}

// drawOutcomes stacks the outcomes of the last runs; nil without runs. runs has the
// newest first.
func drawOutcomes(runs []Run) *outcomes {
	runs = slices.Clone(runs[:min(len(runs), maxColumns)])
	slices.Reverse(runs)
	most := 0
	for _, run := range runs {
		most = max(most, run.Total)
	}
	if most == 0 {
		return nil
	}
	failed := 0
	picture := &outcomes{Count: len(runs)}
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
			picture.Bars = append(picture.Bars, bar{Health: part.health, X: i * 720 / maxColumns, Y: top, Width: 18, Height: height})
		}
		if run.Failed > 0 {
			failed++
		}
	}
	picture.Label = fmt.Sprintf("Outcomes of the last %d runs: %d with failures", len(runs), failed)
	return picture
}

// shorten cuts a name for a picture.
func shorten(name string, most int) string {
	runes := []rune(name)
	if len(runes) <= most {
		return name
	}
	return string(runes[:most-1]) + "…"
}
