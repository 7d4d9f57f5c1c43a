package installation

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// ImportEvent is the cause that an import names to [Store.Create]: a row that is
// imported twice is stored once.
const ImportEvent = "import"

// maxImportRow bounds one row, in bytes. A row that Bitbucket's payload made is
// about 2 KiB.
const maxImportRow = 1 << 20

// notUTF8: a secret's value is JSON, which would replace such bytes, in a secret too.
const notUTF8 = "not UTF-8: convert the file, for example with iconv -t UTF-8"

// Row is one installation of a file that another framework's data was exported to.
type Row struct {
	// Line is where the row starts, from 1.
	Line int
	Installation
}

// RowError is a row that was refused. Its text never quotes the row: a column out
// of place would make a secret of anything.
type RowError struct {
	// Line is where the row starts, from 1.
	Line int
	// Reason says what is wrong with it.
	Reason string
}

// Error returns line and reason.
func (e *RowError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// ReadRows streams the installations of a file, which is one of:
//
//   - JSON: objects one after the other or in a list, with clientKey and
//     sharedSecret, such as the payload of an installed callback; snake_case names
//     do as well;
//   - CSV with a header that has the columns clientKey and sharedSecret, such as an
//     export of atlassian-connect-spring-boot's table. Fields are separated by comma,
//     semicolon, tab or bar;
//   - either of them with atlassian-connect-express's settings: clientKey, key and
//     val, where the row with the key clientInfo has the installed payload as val.
//     The key may have the client key in it, as some adapters for DynamoDB and Redis
//     write it. Rows with other keys are passed over.
//
// JSON may be DynamoDB's, with a type around each value: the output of aws dynamodb
// scan, or a table that was exported to S3. Text is UTF-8, or UTF-16 with a byte
// order mark, and may be compressed with gzip. docs/migrate.md has an example of
// each form, and the optional names.
//
// A bad row is yielded as a [*RowError], and the iteration goes on if the caller
// does; any other error ends it. A file without an installation is a [*RowError],
// too. One row is in memory at a time. Whether a secret is good is not known before
// Bitbucket was asked.
func ReadRows(r io.Reader, appKey string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rows := &rowReader{appKey: appKey, yield: yield}
		in, err := asText(r)
		if err == nil {
			err = rows.read(in)
		}
		if err != nil {
			rows.fail(err)
		}
		rows.end()
	}
}

// rowReader hands on the rows of one file.
type rowReader struct {
	appKey string
	yield  func(Row, error) bool
	// handed counts what was handed on, rows and errors; passedOver the settings
	// of atlassian-connect-express that are no installation.
	handed, passedOver int
	// stopped: the caller wants no more.
	stopped bool
}

// read finds out what the file is and reads its rows.
func (r *rowReader) read(in *bufio.Reader) error {
	first, line, err := firstByte(in)
	switch {
	case errors.Is(err, io.EOF):
		r.refuse(1, "the file is empty")
		return nil
	case err != nil:
		return err
	}
	foreign := foreignFile(in)
	switch {
	case foreign != "":
		r.refuse(line, foreign)
	case first == '[' || first == '{' && isDocument(in):
		r.readDocument(in, line)
	case first == '{':
		r.readLines(in, line)
	default:
		r.readCSV(in, line)
	}
	return nil
}

// hand gives the caller a row or an error, and tells whether to go on.
func (r *rowReader) hand(row Row, err error) bool {
	r.handed++
	r.stopped = r.stopped || !r.yield(row, err)
	return !r.stopped
}

func (r *rowReader) refuse(line int, problem string) bool {
	return r.hand(Row{}, &RowError{line, problem})
}

func (r *rowReader) fail(err error) { r.hand(Row{}, fmt.Errorf("read import: %w", err)) }

// row checks a row and hands it on.
func (r *rowReader) row(row fields, line int) bool {
	installation, problem := row.check(r.appKey)
	if problem != "" {
		return r.refuse(line, problem)
	}
	return r.hand(Row{Line: line, Installation: installation}, nil)
}

// setting hands on the installation of a row of atlassian-connect-express, and passes
// over other settings.
func (r *rowReader) setting(clientKey, key string, val json.RawMessage, line int) bool {
	info, relevant, problem := setting(clientKey, key, val)
	switch {
	case problem != "":
		return r.refuse(line, problem)
	case !relevant:
		r.passedOver++
		return true
	}
	return r.row(info, line)
}

// end refuses a file without an installation: it is probably not the one that was meant.
func (r *rowReader) end() {
	switch {
	case r.handed > 0 || r.stopped:
	case r.passedOver > 0:
		r.refuse(1, fmt.Sprintf("the file has no installation: none of its settings has the key clientInfo (%d seen)", r.passedOver))
	default:
		r.refuse(1, "the file has no installation: its header or list has no row")
	}
}

// CheckImport tells whether a row is in the store already, as it stands in the
// file. It wraps [ErrExists] when another state is there, which an import must
// not overwrite: the store's may be newer. It asks AWS once, unless the store
// remembers.
func CheckImport(ctx context.Context, store Store, in Installation) (present bool, err error) {
	stored, err := store.Get(ctx, in.ClientKey)
	problem := ""
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case !stored.SharedSecret.Equal(in.SharedSecret):
		problem = "with another shared secret"
	case stored.State != in.State:
		problem = "as " + string(stored.State)
	case in.Principal.UUID != "" && stored.Principal.UUID != in.Principal.UUID:
		problem = "for another workspace"
	}
	if problem != "" {
		return false, &Error{Op: "import installation", Subject: in.ClientKey, Kind: ErrExists, Hint: "it is there " + problem}
	}
	return true, nil
}
