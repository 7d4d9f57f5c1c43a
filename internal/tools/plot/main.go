// Command plot measures how the cost of an apply grows with values and with
// installations, and draws it: calls to Bitbucket, which a real network multiplies
// with its round trip, and the time that our own code takes, which is added once.
// The simulated Bitbucket runs in the same process and its time is taken off.
//
//	go run ./internal/tools/plot docs/growth.svg
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("got %d arguments, want the one file to write, such as docs/growth.svg", len(args))
	}
	values, err := grow(ctx, "values of one linker", []int{10, 100, 1000, 10_000, 100_000}, func(n int) size { return size{installations: 1, values: n} })
	if err != nil {
		return err
	}
	installations, err := grow(ctx, "installations with 100 values each", []int{1, 10, 100, 1000}, func(n int) size { return size{installations: n, values: 100} })
	if err != nil {
		return err
	}
	if err := write(args[0], []growth{values, installations}); err != nil {
		return err
	}
	return print(out, values, installations)
}

func write(path string, all []growth) error {
	var picture bytes.Buffer
	draw(&picture, all)
	if err := os.WriteFile(path, picture.Bytes(), 0o644); err != nil { //nolint:gosec // a picture in the documentation, for everybody to read
		return fmt.Errorf("write the picture: %w", err)
	}
	return nil
}

func print(out io.Writer, all ...growth) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, g := range all {
		_, _ = fmt.Fprintf(table, "%s\tunchanged: calls\town time\tfirst push: calls\town time\t\n", g.of)
		for i, n := range g.sizes {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t\n", thousands(n),
				thousands(g.unchanged[i].calls), duration(float64(g.unchanged[i].own)), thousands(g.first[i].calls), duration(float64(g.first[i].own)))
		}
	}
	return table.Flush()
}

// thousands writes 10000 as 10,000.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
