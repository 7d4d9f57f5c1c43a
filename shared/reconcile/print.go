package reconcile

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A line of a printed plan or result starts with a sign for eyes and grep.
const (
	signAdd    = "+"
	signRemove = "-"
	signChange = "~"
	signSame   = "="
	signFailed = "!"
)

// ansi is a sign's colour: additions green, removals red, changes yellow,
// failures bold red, what stays dim. Source: ECMA-48, 8.3.117
func ansi(sign string) string {
	switch sign {
	case signAdd:
		return "32"
	case signRemove:
		return "31"
	case signChange:
		return "33"
	case signFailed:
		return "1;31"
	default:
		return "2"
	}
}

// line is one linker or connection, and the values below it.
type line struct {
	sign, kind, name, text string
	added, removed         []string
}

// WriteText prints the plan for people: a line for each linker and connection,
// at most [MaxShown] values of each kind below it, and a sum. Colours are ANSI
// codes, for a terminal.
func (p Plan) WriteText(w io.Writer, colour bool) error {
	var lines []line
	for _, linker := range p.Linkers {
		lines = append(lines, linker.line())
	}
	for _, connection := range p.Connections {
		lines = append(lines, connection.line())
	}
	for _, sync := range p.Syncs {
		lines = append(lines, sync.line())
	}
	return printLines(w, colour, p.Installation, lines, p.sentence())
}

// WriteText prints the result as [Plan.WriteText] does a plan.
func (r Result) WriteText(w io.Writer, colour bool) error {
	var lines []line
	for _, linker := range r.Linkers {
		lines = append(lines, linker.line())
	}
	for _, connection := range r.Connections {
		lines = append(lines, connection.line())
	}
	for _, sync := range r.Syncs {
		lines = append(lines, sync.line())
	}
	return printLines(w, colour, r.Installation, lines, r.sentence())
}

func printLines(w io.Writer, colour bool, of *Target, lines []line, sum string) error {
	paint := func(sign, text string) string {
		if !colour {
			return text
		}
		return "\x1b[" + ansi(sign) + "m" + text + "\x1b[0m"
	}
	var out bytes.Buffer
	if of != nil {
		fmt.Fprintf(&out, "%s\n", strings.TrimSpace(visible(of.Name)+" "+visible(of.Workspace)))
	}
	widest := 0
	for _, l := range lines {
		widest = max(widest, utf8.RuneCountInString(l.name))
	}
	for _, l := range lines {
		padding := strings.Repeat(" ", widest-utf8.RuneCountInString(l.name))
		fmt.Fprintf(&out, "  %s\n", paint(l.sign, fmt.Sprintf("%s %-10s  %s%s  %s", l.sign, l.kind, l.name, padding, l.text)))
		for _, text := range append(folded(signAdd, l.added), folded(signRemove, l.removed)...) {
			fmt.Fprintf(&out, "      %s\n", paint(text[:1], text))
		}
	}
	fmt.Fprintln(&out, sum)
	_, err := w.Write(out.Bytes())
	return err
}

// folded is a line for each of the first values, and one that counts the rest.
func folded(sign string, values []string) []string {
	var lines []string
	for _, value := range values[:min(len(values), MaxShown)] {
		lines = append(lines, sign+" "+visible(value))
	}
	if more := andMore(len(values)); more != "" {
		lines = append(lines, sign+more)
	}
	return lines
}

// visible escapes what could steer a terminal: names and values come from others.
func visible(text string) string {
	var out strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			out.WriteRune(r)
			continue
		}
		out.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return out.String()
}

func (p LinkerPlan) line() line {
	l := line{sign: signSame, kind: "linker", name: visible(p.Linker), added: p.Add, removed: p.Remove}
	switch {
	case p.Error != "":
		l.sign, l.text = signFailed, "failed: "+visible(p.Error)
	case !p.Changed():
		l.text = fmt.Sprintf("no change, %s", stay(p.Keep))
	default:
		l.sign = signChange
		l.text = fmt.Sprintf("%d to add, %d to remove, %s", len(p.Add), len(p.Remove), stay(p.Keep))
	}
	if p.Unlisted > 0 {
		l.text += fmt.Sprintf(" (%d not in the manifest)", p.Unlisted)
	}
	if p.NeedsYes {
		l.text += "; removes more than half: needs an explicit yes"
	}
	return l
}

func (r LinkerResult) line() line {
	l := line{sign: signSame, kind: "linker", name: visible(r.Linker), added: r.Added, removed: r.Removed}
	if r.Changed() {
		l.sign = signChange
		l.text = fmt.Sprintf("%d added, %d removed, %s", len(r.Added), len(r.Removed), stay(r.Kept))
	} else {
		l.text = fmt.Sprintf("no change, %s", stay(r.Kept))
	}
	if r.Error != "" {
		l.sign, l.text = signFailed, "failed: "+visible(r.Error)
	}
	return l
}

func (p ConnectionPlan) line() line {
	l := connectionLine(p.Name, p.ProjectID, p.Action, string(p.Action), p.Fields)
	if p.Error != "" {
		l.sign, l.text = signFailed, "failed: "+visible(p.Error)
		return l
	}
	if p.Drift != "" {
		l.text += "; " + p.Drift
	}
	switch {
	case p.NeedsYes && p.Owner != "":
		l.text += "; " + visible(p.Owner) + " owns it: needs an explicit yes"
	case p.NeedsYes:
		l.text += "; linkersync did not make it: needs an explicit yes"
	}
	switch {
	case p.TokenUnknown && p.writesCredentials():
		l.text += "; it needs the token, which wasn't given"
	case p.TokenUnknown:
		l.text += "; the token wasn't given, so it may differ, too"
	}
	return l
}

func (r ConnectionResult) line() line {
	l := connectionLine(r.Name, r.ProjectID, r.Action, r.Action.done(), r.Fields)
	if r.Error != "" {
		l.sign, l.text = signFailed, fmt.Sprintf("failed to %s: %s", r.Action.verb(), visible(r.Error))
	}
	return l
}

func connectionLine(name, projectID string, action Action, what string, fields []string) line {
	l := line{sign: signChange, kind: "connection", name: visible(name), text: what}
	switch action {
	case None:
		l.sign, l.text = signSame, "no change"
	case Create:
		l.sign = signAdd
	}
	if len(fields) > 0 {
		l.text += " (" + strings.Join(fields, ", ") + ")"
	}
	if projectID != "" {
		l.text += ", project " + visible(projectID)
	}
	return l
}

func stay(kept int) string {
	if kept == 1 {
		return "1 value stays"
	}
	return fmt.Sprintf("%d values stay", kept)
}
