package status

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/linkersync/linkersync/action/internal/platform"
)

// section is a part of the page with a heading.
func section(id, title string, content ...g.Node) g.Node {
	return h.Section(h.Aria("labelledby", "h-"+id), h.H2(h.ID("h-"+id), g.Text(title)), g.Group(content))
}

// table is a section with a table, below what comes before it. A column whose name
// begins with a dash can't be sorted.
func table(id, title string, before g.Node, caption string, columns []string, rows g.Group) g.Node {
	return h.Section(h.ID(id), g.Attr("data-table"), h.Aria("labelledby", "h-"+id),
		h.H2(h.ID("h-"+id), g.Text(title)), before,
		h.Div(h.Class("scroll"), h.Role("region"), h.Aria("label", "Table of "+id), h.TabIndex("0"), h.Table(
			h.Caption(g.Text(caption)),
			h.THead(h.Tr(g.Map(columns, func(name string) g.Node {
				if name[0] == '-' {
					return h.Th(h.Scope("col"), g.Text(name[1:]))
				}
				return h.Th(h.Scope("col"), h.Button(g.Text(name)))
			}))),
			h.TBody(rows),
		)),
	)
}

// cell is a cell that is sorted by its text.
func cell(text string) g.Node { return h.Td(g.Text(text)) }

func number(n int) g.Node { return h.Td(h.Class("number"), g.Text(strconv.Itoa(n))) }

// moment is a cell that is sorted by a time.
func moment(t time.Time, layout string) g.Node {
	text := "unknown"
	if !t.IsZero() {
		text = t.UTC().Format(layout)
	}
	return h.Td(h.Data("key", t.UTC().Format(time.RFC3339)), g.Text(text))
}

// mark is a cell with a health, sorted from the worst to the best, and what to know of it.
func mark(health Health, detail string) g.Node {
	return h.Td(h.Data("key", strconv.Itoa(slices.Index(worstFirst(), health))),
		h.Span(h.Class("mark "+string(health)), g.Text(healthName(health))), below(detail))
}

func worstFirst() []Health { return []Health{Failed, Attention, Unknown, OK} }

func below(detail string) g.Node { return g.If(detail != "", g.Group{h.Br(), g.Text(detail)}) }

func (p page) connections() g.Node {
	rows := g.Map(p.Connections, func(c Connection) g.Node {
		health, project := c.Of(p.At), c.Project
		if project == "" {
			project = "organization"
		}
		return h.Tr(h.Data("health", string(health)), mark(health, c.Detail), cell(c.Name), cell(project),
			moment(c.Expires, time.DateOnly), h.Td(usersOf(c)), cell(c.Owner))
	})
	return table("connections", "Connections", drawExpiries(p.Report),
		platform.Counted(len(p.Connections), "app connection")+" of Infisical, and what uses them",
		[]string{"Health", "Name", "Project", "Token expires", "-Used by", "Owner"}, rows)
}

func usersOf(c Connection) g.Node {
	if len(c.Users) == 0 {
		return g.Text("nothing known")
	}
	return h.Ul(h.Class("users"), g.Map(c.Users, func(user User) g.Node {
		return h.Li(h.Span(h.Class(string(user.Health)), g.Text(user.Kind+" "+user.Name)),
			g.If(user.Repository != "", g.Text(" → "+user.Repository)), g.If(user.Detail != "", g.Text(": "+user.Detail)))
	}))
}

func (p page) installations() g.Node {
	rows := g.Map(p.rows, func(in Installation) g.Node {
		state := in.State
		if in.Moved {
			state += ", moved to Forge"
		}
		return h.Tr(h.Data("health", string(in.Linkers)), mark(in.Linkers, in.Detail), cell(in.Name), h.Td(h.Code(g.Text(in.Workspace))),
			cell(state), cell(in.Outcome), cell(in.Updated.UTC().Format("2006-01-02 15:04")))
	})
	tools := h.Div(h.Class("tools"),
		h.Div(h.Label(h.For("filter"), g.Text("Name, workspace or text")), h.Input(h.ID("filter"), h.Type("search"), h.AutoComplete("off"))),
		h.Div(h.Label(h.For("health"), g.Text("Linkers")), h.Select(h.ID("health"), h.Option(h.Value(""), g.Text("all")),
			g.Map(worstFirst(), func(health Health) g.Node { return h.Option(h.Value(string(health)), g.Text(healthName(health))) }))),
		h.Span(h.Class("quiet"), h.Role("status"), g.Textf("%d of %d shown", len(p.Installations), len(p.Installations))),
	)
	return table("installations", "Installations", tools, platform.Counted(len(p.Installations), "workspace")+" with the app, now or before",
		[]string{"Linkers", "Name", "Workspace", "State", "Last outcome", "Updated"}, rows)
}

func (p page) runs() g.Node {
	rows := g.Map(p.Runs, func(run Run) g.Node {
		return h.Tr(h.Data("health", string(run.Health())), moment(run.Started, "2006-01-02 15:04"), h.Td(h.Code(g.Text(run.ID)), below(run.Note)),
			cell(run.Phase), number(run.Changed), number(run.Unchanged),
			h.Td(h.Class("number "+string(run.Health())), g.Text(strconv.Itoa(run.Failed))), number(run.Skipped), number(run.Total))
	})
	return table("runs", "Runs", drawOutcomes(p.Runs), fmt.Sprintf("The last %d runs", len(p.Runs)),
		[]string{"Started", "Run", "Phase", "Changed", "Unchanged", "Failed", "Skipped", "Total"}, rows)
}
