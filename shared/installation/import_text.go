package installation

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// asText returns a file's text as UTF-8 without a byte order mark. DynamoDB's exports
// are compressed with gzip, and PowerShell writes UTF-16.
func asText(file io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReader(file)
	if start, _ := in.Peek(2); string(start) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReader(unzipped)
	}
	return bufio.NewReader(transform.NewReader(in, unicode.BOMOverride(transform.Nop))), nil
}

// firstByte passes over empty lines and tells what comes next.
func firstByte(in *bufio.Reader) (first byte, line int, err error) {
	for line = 1; ; {
		next, err := in.Peek(1)
		if err != nil {
			return 0, line, err
		}
		switch next[0] {
		case '\n':
			line++
		case ' ', '\t', '\r':
		default:
			return next[0], line, nil
		}
		_, _ = in.Discard(1)
	}
}

// foreignFile names a file that is neither JSON nor CSV and says how to convert it.
// It is empty for every other file.
func foreignFile(in *bufio.Reader) string {
	start, _ := in.Peek(64) // a shorter file gives less
	for _, kind := range []struct{ start, message string }{
		{"SQLite format 3", "a SQLite database: export the table with sqlite3 -csv -header"},
		{"REDIS", "a Redis dump: export the values as JSON, see docs/migrate.md"},
		{"PGDMP", "a pg_dump archive: export the table with \\copy, see docs/migrate.md"},
		{"PK\x03\x04", "a zip archive or a spreadsheet: unpack it, or save it as CSV"},
		{"$ion_1_0", "Amazon Ion: export the table as DynamoDB JSON"},
		{"--", "SQL: export the table as CSV, see docs/migrate.md"},
		{"/*", "SQL: export the table as CSV, see docs/migrate.md"},
		{"INSERT INTO ", "SQL: export the table as CSV, see docs/migrate.md"},
		{"CREATE TABLE ", "SQL: export the table as CSV, see docs/migrate.md"},
	} {
		if bytes.HasPrefix(start, []byte(kind.start)) {
			return "this is " + kind.message
		}
	}
	if bytes.IndexByte(start, 0) >= 0 {
		return "this is binary data: export the store as JSON or CSV, see docs/migrate.md"
	}
	return ""
}
