package reconcile

import (
	"bytes"
	"fmt"
	"io"
	"slices"
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

// line is one linker or connection, and below it notes and values.
type line struct {
	sign, kind, name, text string
	notes, added, removed  []string
}

// Style is how a plan or a result is printed.
type Style struct {
	// Colour uses ANSI codes, for a terminal.
	Colour bool
	// All shows every value, instead of [MaxShown] of each kind.
	All bool
	// Quiet leaves out what needs nothing.
	Quiet bool
	// AllowPrune, Adopt and AllowSyncRisks say how the reader permits what needs a yes,
	// such as "--allow-prune".
	AllowPrune, Adopt, AllowSyncRisks string
}

// WriteText prints the plan for people: a line for each linker and connection, what
// changes first, and its values below it. What could not be planned is left out: its
// error says it.
func (p Plan) WriteText(w io.Writer, style Style) error {
	var lines []line
	for _, linker := range p.Linkers {
		if linker.Error == "" {
			lines = append(lines, linker.line(style))
		}
	}
	for _, connection := range p.Connections {
		if connection.Error == "" {
			lines = append(lines, connection.line(style))
		}
	}
	for _, sync := range p.Syncs {
		if sync.Error == "" {
			lines = append(lines, sync.line(style))
		}
	}
	return style.print(w, p.Installation, lines)
}

// WriteText prints the result as [Plan.WriteText] does a plan. What failed is there
// when something was written before.
func (r Result) WriteText(w io.Writer, style Style) error {
	var lines []line
	for _, linker := range r.Linkers {
		if linker.Error == "" || linker.Writes > 0 {
			lines = append(lines, linker.line())
		}
	}
	for _, connection := range r.Connections {
		if connection.Error == "" {
			lines = append(lines, connection.line())
		}
	}
	for _, sync := range r.Syncs {
		if sync.Error == "" {
			lines = append(lines, sync.line())
		}
	}
	return style.print(w, r.Installation, lines)
}

// paint colours a text by its sign.
func (s Style) paint(sign, text string) string {
	if !s.Colour {
		return text
	}
	return "\x1b[" + ansi(sign) + "m" + text + "\x1b[0m"
}

// print prints what changes before what stays; without lines it prints nothing.
func (s Style) print(w io.Writer, of *Target, lines []line) error {
	stays := func(l line) bool { return l.sign == signSame }
	if s.Quiet {
		lines = slices.DeleteFunc(lines, stays)
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		switch {
		case stays(a) == stays(b):
			return 0
		case stays(a):
			return 1
		}
		return -1
	})
	if len(lines) == 0 {
		return nil
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
		fmt.Fprintf(&out, "  %s\n", s.paint(l.sign, fmt.Sprintf("%s %-10s  %s%s  %s", l.sign, l.kind, l.name, padding, l.text)))
		for _, note := range l.notes {
			fmt.Fprintf(&out, "      %s\n", s.paint(signFailed, signFailed+" "+note))
		}
		for _, text := range append(s.folded(signAdd, l.added), s.folded(signRemove, l.removed)...) {
			fmt.Fprintf(&out, "      %s\n", s.paint(text[:1], text))
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// folded is a line for each of the first values, and one that counts the rest.
func (s Style) folded(sign string, values []string) []string {
	shown := len(values)
	if !s.All {
		shown = min(shown, MaxShown)
	}
	var lines []string
	for _, value := range values[:shown] {
		lines = append(lines, sign+" "+visible(value))
	}
	if more := len(values) - shown; more > 0 {
		lines = append(lines, fmt.Sprintf("%s and %d more", sign, more))
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

func (p LinkerPlan) line(style Style) line {
	l := line{sign: signSame, kind: "linker", name: visible(p.Linker), added: p.Add, removed: p.Remove}
	if !p.Changed() {
		l.text = fmt.Sprintf("no change, %s", stay(p.Keep))
	} else {
		l.sign = signChange
		l.text = fmt.Sprintf("%d to add, %d to remove, %s", len(p.Add), len(p.Remove), stay(p.Keep))
	}
	if p.Unlisted > 0 {
		l.text += fmt.Sprintf(" (%d not in the manifest)", p.Unlisted)
	}
	if p.NeedsYes {
		l.notes = append(l.notes, "removes more than half: needs "+style.AllowPrune)
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
	switch {
	case r.Error != "" && !r.Verified:
		l.sign, l.text = signFailed, fmt.Sprintf("%d added, %d removed, then failed", len(r.Added), len(r.Removed))
		l.notes = append(l.notes, "the last write was not read back: it may have changed more")
	case r.Error != "":
		l.sign, l.text = signFailed, fmt.Sprintf("%d added, %d removed, then failed", len(r.Added), len(r.Removed))
	}
	return l
}

func (p ConnectionPlan) line(style Style) line {
	l := connectionLine(p.Name, p.ProjectID, p.Action, string(p.Action), p.Fields)
	if p.Drift != "" {
		l.notes = append(l.notes, p.Drift)
	}
	switch {
	case p.Action == Delete && p.NeedsYes:
		l.notes = append(l.notes, "removes more than half: needs "+style.AllowPrune)
	case p.Kept != "":
		l.notes = append(l.notes, visible(p.Kept))
	case p.NeedsYes && p.Owner != "":
		l.notes = append(l.notes, visible(p.Owner)+" owns it: needs "+style.Adopt)
	case p.NeedsYes:
		l.notes = append(l.notes, "linkersync did not make it: needs "+style.Adopt)
	}
	switch {
	case p.TokenUnknown && p.writesCredentials():
		l.notes = append(l.notes, "it needs the token, which wasn't given")
	case p.TokenUnknown:
		l.notes = append(l.notes, "the token wasn't given, so it may differ, too")
	}
	return l
}

func (r ConnectionResult) line() line {
	l := connectionLine(r.Name, r.ProjectID, r.Action, r.Action.done(), r.Fields)
	if r.Kept != "" {
		l.notes = append(l.notes, visible(r.Kept))
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
	case Delete:
		l.sign = signRemove
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
