package installation

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linkersync/linkersync/shared/input"
)

// csvRow is a row with the two columns that only settings have.
type csvRow struct {
	fields
	key, val string
}

// set puts a value where its column's normalised name says. Other columns, such
// as publicKey, are passed over.
func (row *csvRow) set(column, value string) (err error) {
	switch column {
	case "clientkey":
		row.clientKey = value
	case "sharedsecret":
		row.secret = value
	case "appkey":
		row.appKey = value
	case "key":
		row.key = value
	case "val":
		row.val = value
	case "uuid", "workspace":
		row.workspace = value
	case "type":
		row.principal.Type = value
	case "displayname":
		row.principal.DisplayName = value
	case "state":
		row.state = State(value)
	case "addoninstalled", "installed":
		row.state, err = installedFlag(value)
	case "installedat":
		if value != "" {
			row.installedAt, err = time.Parse(time.RFC3339, value)
		}
	}
	return err
}

// readCSV reads a header and the rows after it; the header stands on the given line.
func (r *rowReader) readCSV(in *bufio.Reader, first int) {
	limited := &rowLimit{Reader: in}
	file := csv.NewReader(limited)
	file.Comma = separator(in)
	file.ReuseRecord = true
	header, err := file.Read()
	if err != nil {
		r.hand(Row{}, csvProblem(err, first))
		return
	}
	names := normalised(header)
	if problem := missingColumns(names); problem != "" {
		r.refuse(first, problem)
		return
	}
	for {
		limited.used = 0
		record, err := file.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			if !r.hand(Row{}, csvProblem(err, first)) || !errors.Is(err, csv.ErrFieldCount) {
				return
			}
			continue
		}
		line, _ := file.FieldPos(0)
		if !r.record(names, record, line+first-1) {
			return
		}
	}
}

// separator returns the character that the header's names are separated with:
// spreadsheets write semicolons where a comma is the decimal sign.
func separator(in *bufio.Reader) rune {
	start, _ := in.Peek(peeked) // a shorter file gives less
	header, _, _ := bytes.Cut(start, []byte("\n"))
	most := ','
	for _, char := range ";\t|" {
		if bytes.Count(header, []byte(string(char))) > bytes.Count(header, []byte(string(most))) {
			most = char
		}
	}
	return most
}

// normalised makes Client_Key, clientKey and "client key" the same.
func normalised(header []string) []string {
	names := make([]string, len(header))
	for i, name := range header {
		names[i] = strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(name))
		// Exports of a query name nested fields by their path.
		names[i] = strings.TrimPrefix(input.Trim(names[i]), "principal")
		if names[i] == "value" {
			names[i] = "val"
		}
	}
	return names
}

func missingColumns(names []string) string {
	count := map[string]int{}
	for _, name := range names {
		count[name]++
	}
	for _, name := range []string{"clientkey", "sharedsecret", "key", "val"} {
		if count[name] > 1 {
			return "the header names the column " + name + " twice"
		}
	}
	switch {
	case count["clientkey"] == 1 && count["sharedsecret"] == 1, count["key"] == 1 && count["val"] == 1:
		return ""
	case len(names) == 1:
		return "neither JSON nor columns with a header"
	}
	return "the header needs the columns clientKey and sharedSecret, or key and val"
}

// record hands on the installation of one row of a CSV file.
func (r *rowReader) record(names, record []string, line int) bool {
	var row csvRow
	for i, name := range names {
		if !utf8.ValidString(record[i]) {
			return r.refuse(line, notUTF8)
		}
		if row.set(name, input.Trim(record[i])) != nil {
			return r.refuse(line, fmt.Sprintf("column %d, %s, has a value of the wrong kind", i+1, name))
		}
	}
	if !slices.Contains(names, "val") {
		row.appKey = firstOf(row.appKey, row.key)
		return r.row(row.fields, line)
	}
	return r.setting(row.clientKey, row.key, json.RawMessage(row.val), line)
}

// csvProblem keeps what encoding/csv says, which quotes nothing. A row with too
// many or too few fields doesn't hinder reading the next one. After a stray quote
// the start of the next row is unknown.
func csvProblem(err error, first int) error {
	var parse *csv.ParseError
	switch {
	case errors.Is(err, csv.ErrFieldCount) && errors.As(err, &parse):
		return &RowError{parse.StartLine + first - 1, "not as many fields as the header has"}
	case errors.As(err, &parse):
		return fmt.Errorf("read import: line %d: %w: the rows from there on were not read", parse.StartLine+first-1, parse.Err)
	case errors.Is(err, errLongRow):
		return err
	}
	return fmt.Errorf("read import: %w", err)
}

var errLongRow = fmt.Errorf("read import: a row of more than %d bytes: is a quote missing?", maxImportRow)

// rowLimit ends the file when one row takes too much: encoding/csv has no bound,
// and a missing quote makes one field of the rest.
type rowLimit struct {
	io.Reader
	used int
}

// Read implements io.Reader.
func (l *rowLimit) Read(p []byte) (int, error) {
	if l.used > maxImportRow {
		return 0, errLongRow
	}
	n, err := l.Reader.Read(p)
	l.used += n
	return n, err
}
