package summary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// table is the rows of one rank. Those that will not be shown are only counted.
type table struct {
	rows        []string
	size, count int
}

func (t *table) add(rows []string) {
	for _, row := range rows {
		if t.count++; len(t.rows) < maxRows && t.size+len(row) <= maxSize {
			t.rows, t.size = append(t.rows, row), t.size+len(row)
		}
	}
}

// ranks is how many there are. The rows of the first come first, because the end of
// a fleet's table is cut.
const ranks = 3

// rank orders parts by how much they matter to who reads on.
func rank(part apply.Part) int {
	switch sum := part.Summary(); {
	case sum.Failed > 0:
		return 0
	case sum.Changed:
		return 1
	}
	return 2
}

// rows are the table's lines of a part, one for each linker and connection.
func rows(part apply.Part) []string {
	where := "Infisical"
	if target := part.Plan.Installation; target != nil {
		where = strings.TrimSpace(escape(target.Name) + " " + escape(target.Workspace))
	}
	if part.Applied {
		return append(resultRows(part.Result, where), failedRows(part, where)...)
	}
	return append(planRows(part.Plan, where), failedRows(part, where)...)
}

func planRows(plan reconcile.Plan, where string) []string {
	var rows []string
	for _, linker := range plan.Linkers {
		if linker.Error != "" {
			continue // it is among the failures
		}
		note := ""
		if linker.NeedsYes {
			note = " (removes more than half: needs `prune: true`)"
		}
		rows = append(rows, row(sign(linker.Changed()), "linker "+code(linker.Linker)+note, where, values(linker.Add), values(linker.Remove), fmt.Sprint(linker.Keep)))
	}
	for _, connection := range plan.Connections {
		rows = append(rows, infisicalRow("connection", connection.Action, connection.Name, connection.ProjectID, connection.Fields))
	}
	for _, sync := range plan.Syncs {
		if sync.Error == "" {
			rows = append(rows, infisicalRow("sync", sync.Action, sync.Name, sync.ProjectID, sync.Fields, slices.Concat(sync.Risks, sync.Unknown)...))
		}
	}
	return rows
}

func resultRows(result reconcile.Result, where string) []string {
	var rows []string
	for _, linker := range result.Linkers {
		if linker.Error == "" || linker.Changed() {
			rows = append(rows, row(sign(linker.Changed()), "linker "+code(linker.Linker), where, values(linker.Added), values(linker.Removed), fmt.Sprint(linker.Kept)))
		}
	}
	for _, connection := range result.Connections {
		if connection.Error == "" {
			rows = append(rows, infisicalRow("connection", connection.Action, connection.Name, connection.ProjectID, connection.Fields))
		}
	}
	for _, sync := range result.Syncs {
		if sync.Error == "" {
			rows = append(rows, infisicalRow("sync", sync.Action, sync.Name, sync.ProjectID, sync.Fields, sync.Risks...))
		}
	}
	return rows
}

func failedRows(part apply.Part, where string) []string {
	var rows []string
	for _, failure := range part.Failures {
		rows = append(rows, row("❌", escape(failure.Subject), where, "", "", ""))
	}
	return rows
}

func infisicalRow(kind string, action reconcile.Action, name, project string, fields []string, notes ...string) string {
	where := "Infisical"
	if project != "" {
		where += ", project " + escape(project)
	}
	what := kind + " " + code(name)
	if action != reconcile.None {
		what += ": " + string(action)
	}
	if len(fields) > 0 {
		what += " (" + strings.Join(fields, ", ") + ")"
	}
	for _, note := range notes {
		what += "; " + escape(note)
	}
	return row(sign(action != reconcile.None), what, where, "", "", "")
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

func sign(changed bool) string {
	if changed {
		return "✏️"
	}
	return "✅"
}

// values shows a few values as they are and folds more.
func values(list []string) string {
	if len(list) == 0 {
		return ""
	}
	quoted := make([]string, 0, min(len(list), maxFolded))
	for _, value := range list[:min(len(list), maxFolded)] {
		quoted = append(quoted, code(value))
	}
	text := strings.Join(quoted, " ")
	if more := len(list) - maxFolded; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(list) <= maxListed {
		return text
	}
	return fmt.Sprintf("<details><summary>%d</summary>%s</details>", len(list), text)
}

// Replacers are made once: a fleet's summary escapes a quarter of a million values.
var (
	inText = strings.NewReplacer(
		"|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "'", "\r", " ", "\n", " ", "@", "@\u200b",
		"[", "&#91;", "]", "&#93;", "*", "&#42;", "_", "&#95;", "\\", "&#92;", "~", "&#126;", "://", ":\u200b//",
	)
	inCode = strings.NewReplacer("|", "\\|", "`", "'", "\r", " ", "\n", " ")
)

// escape keeps text of others from being Markdown, HTML, a mention or a table's border:
// a workspace's name is whatever its owner likes.
func escape(text string) string { return inText.Replace(text) }

// code is text as a code span, in which only a backtick and a table's border mean anything.
func code(text string) string { return "`" + inCode.Replace(text) + "`" }
