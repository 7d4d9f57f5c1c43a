package installation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// peeked is how much of a file is looked at to tell its form.
const peeked = 4 << 10

// isList knows the names under which tools put the rows of a table: aws dynamodb scan,
// query consoles, phpMyAdmin and DBeaver.
func isList(name string) bool {
	return slices.Contains([]string{"items", "rows", "data", "result", "results", "records", "documents", "addonsettings", "atlassian_host"}, strings.ToLower(name))
}

// isDocument tells a JSON document of several lines, or one that holds a list, from
// objects that are one a line. The reader stands at a brace.
func isDocument(in *bufio.Reader) bool {
	start, _ := in.Peek(peeked) // a shorter file gives less, with an error that the next read repeats
	line, _, several := bytes.Cut(start, []byte("\n"))
	if several && !bytes.HasSuffix(bytes.TrimSpace(line), []byte("}")) {
		return true
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	_, _ = decoder.Token() // the brace
	name, _ := decoder.Token()
	text, is := name.(string)
	return is && (isList(text) || slices.Contains([]string{"Count", "ScannedCount", "ConsumedCapacity", "NextToken", "LastEvaluatedKey"}, text))
}

// readDocument reads objects that stand in an array, in the list of a table, such as
// the Items that aws dynamodb scan prints, or one after the other over several lines.
func (r *rowReader) readDocument(in io.Reader, first int) {
	limited := &rowLimit{Reader: in}
	lines := &lineCounter{Reader: limited, line: first}
	document := &importDocument{rowReader: r, limit: limited, lines: lines, Decoder: json.NewDecoder(lines)}
	for !r.stopped && document.More() {
		if err := document.value(); err != nil {
			document.broken(err)
			return
		}
	}
}

// importDocument is a JSON document on its way through the reader.
type importDocument struct {
	*json.Decoder
	*rowReader
	limit *rowLimit
	lines *lineCounter
}

// value reads an array of rows, or an object: a row, or the answer of a scan.
func (d *importDocument) value() error {
	d.limit.used = 0
	token, err := d.Token()
	switch {
	case err != nil:
		return err
	case token == json.Delim('['):
		return d.array()
	case token == json.Delim('{'):
		return d.members(d.line())
	}
	return fmt.Errorf("line %d: neither an object nor an array", d.line())
}

// broken reports where the document can't be read any further, without quoting it.
func (d *importDocument) broken(err error) {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, errLongRow):
		d.hand(Row{}, errLongRow)
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		d.hand(Row{}, fmt.Errorf("read import: line %d: no JSON; the rows from there on were not read", d.line()))
	default:
		d.fail(err)
	}
}

// array reads rows to the end of an array.
func (d *importDocument) array() error {
	for d.More() && !d.stopped {
		d.limit.used = 0
		var row json.RawMessage
		if err := d.Decode(&row); err != nil {
			return err
		}
		d.object(row, d.line()-bytes.Count(row, []byte("\n")))
	}
	if d.stopped {
		return nil
	}
	_, err := d.Token()
	return err
}

// members reads an object whose brace is read. It is a row, unless it has a list of
// them.
func (d *importDocument) members(line int) error {
	members := map[string]json.RawMessage{}
	table := false
	for d.More() && !d.stopped {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name := fmt.Sprint(token)
		if isList(name) {
			table = true
			err = d.list()
		} else {
			var value json.RawMessage
			err = d.Decode(&value)
			members[name] = value
		}
		if err != nil {
			return err
		}
	}
	if d.stopped {
		return nil
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if table {
		d.whole(members)
		return nil
	}
	row, err := json.Marshal(members)
	if err != nil {
		return err
	}
	d.object(row, line)
	return nil
}

// list reads the rows of a table, or passes over what has only the name of a list.
func (d *importDocument) list() error {
	token, err := d.Token()
	switch {
	case err != nil:
		return err
	case token == json.Delim('['):
		return d.array()
	case token == json.Delim('{'):
		return d.members(d.line())
	}
	return nil
}

// whole refuses a part of a table, which looks like all of it.
func (d *importDocument) whole(members map[string]json.RawMessage) {
	for _, name := range []string{"NextToken", "LastEvaluatedKey"} {
		if value, there := members[name]; there && string(value) != "null" {
			d.refuse(d.line(), "the file is a part of the table, since it has a "+name+": scan without --max-items and --no-paginate")
		}
	}
}

// line is where the last token or value ended.
func (d *importDocument) line() int { return d.lines.at(d.InputOffset()) }

// lineCounter knows at which offset each line of what was read ends. It forgets the
// lines before the last offset that was asked for; the offsets only grow.
type lineCounter struct {
	io.Reader
	line   int   // the line of the offset before the first of breaks
	read   int64 // bytes so far
	breaks []int64
}

// Read implements io.Reader.
func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.breaks = append(c.breaks, c.read+int64(i))
		}
	}
	c.read += int64(n)
	return n, err
}

// at returns the line of the byte before offset.
func (c *lineCounter) at(offset int64) int {
	for len(c.breaks) > 0 && c.breaks[0] < offset {
		c.breaks = c.breaks[1:]
		c.line++
	}
	return c.line
}
