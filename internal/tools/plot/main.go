// Command plot draws the measurements of internal/tools/growth. It is a module of
// its own, so that the product's go.mod doesn't know a plotting library.
//
//	go run . growth.csv growth.svg
package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"image/color"
	"os"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("want the CSV file to read and the SVG file to write")
	}
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return err
	}
	panels, err := panels(rows)
	if err != nil {
		return err
	}
	canvas := vgsvg.New(24*vg.Centimeter, 18*vg.Centimeter)
	tiles := draw.Tiles{Rows: len(panels), Cols: 2, PadX: vg.Centimeter, PadY: vg.Centimeter, PadTop: vg.Millimeter * 5, PadRight: vg.Millimeter * 5}
	for i, row := range plot.Align(panels, tiles, draw.New(canvas)) {
		for j, tile := range row {
			panels[i][j].Draw(tile)
		}
	}
	out, err := os.Create(args[1])
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(out); err != nil {
		return err
	}
	return out.Close()
}

// panels makes a row for each growth, with its calls and its own time.
func panels(rows [][]string) ([][]*plot.Plot, error) {
	type key struct {
		of, series string
		own        bool
	}
	points := map[key]plotter.XYs{}
	var grown []string
	for _, row := range rows[min(1, len(rows)):] {
		numbers := [3]float64{}
		for i, column := range []int{1, 3, 4} {
			n, err := strconv.ParseFloat(row[column], 64)
			if err != nil {
				return nil, fmt.Errorf("row %q: %w", row, err)
			}
			numbers[i] = n
		}
		if len(grown) == 0 || grown[len(grown)-1] != row[0] {
			grown = append(grown, row[0])
		}
		calls, own := key{row[0], row[2], false}, key{row[0], row[2], true}
		points[calls] = append(points[calls], plotter.XY{X: numbers[0], Y: numbers[1]})
		points[own] = append(points[own], plotter.XY{X: numbers[0], Y: numbers[2] / 1e6})
	}
	if len(grown) == 0 {
		return nil, errors.New("the file has no measurements")
	}
	var all [][]*plot.Plot
	for _, of := range grown {
		var row []*plot.Plot
		for _, own := range []bool{false, true} {
			p := logarithmic(of, own)
			for i, series := range []string{"first push", "nothing to change"} {
				line, marks, err := plotter.NewLinePoints(points[key{of, series, own}])
				if err != nil {
					return nil, fmt.Errorf("%s of %s: %w", series, of, err)
				}
				line.Color = []color.Color{color.RGBA{188, 76, 0, 255}, color.RGBA{9, 105, 218, 255}}[i]
				marks.Color = line.Color
				marks.Shape = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}}[i]
				p.Add(line, marks)
				p.Legend.Add(series, line, marks)
			}
			row = append(row, p)
		}
		all = append(all, row)
	}
	return all, nil
}

func logarithmic(of string, own bool) *plot.Plot {
	p := plot.New()
	p.Title.Text = "Calls to Bitbucket"
	if own {
		p.Title.Text = "Our own time in ms, without the network's"
	}
	p.X.Label.Text = of
	p.Legend.Top, p.Legend.Left = true, true
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Scale, axis.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	p.Add(plotter.NewGrid())
	return p
}
