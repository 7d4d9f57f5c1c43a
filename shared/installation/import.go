package installation

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

// ImportEvent is the cause that an import names to [Store.Create]: a row that is
// imported twice is stored once.
const ImportEvent = "import"

// Limits of an import. A row that Bitbucket's payload made is about 2 KiB.
const (
	maxImportRow = 1 << 20 // bytes
	// maxSharedSecret is eight times the documented longest, in bytes.
	// Source: https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
	maxSharedSecret = 1024
	maxImportedKey  = 256 // bytes, as package connect accepts
)

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
//   - JSON: objects one after the other or in an array, with clientKey and
//     sharedSecret, such as the payload of an installed callback; snake_case names
//     do as well;
//   - CSV with a header that has the columns clientKey and sharedSecret, such as an
//     export of atlassian-connect-spring-boot's table;
//   - either of them with atlassian-connect-express's settings: clientKey, key and
//     val, where the row with the key clientInfo, or clientInfo-CLIENTKEY, has the
//     installed payload as val. Rows with other keys are passed over.
//
// JSON may be DynamoDB's, with a type around each value: the output of aws dynamodb
// scan, or a table that was exported to S3. docs/migrate.md has an example of each
// form, and the optional names.
//
// A bad row is yielded as a [*RowError], and the iteration goes on if the caller
// does; any other error ends it. A file without an installation is a [*RowError],
// too. One row is in memory at a time. Whether a secret is good is not known before
// Bitbucket was asked.
func ReadRows(r io.Reader, appKey string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rows := &rowReader{appKey: appKey, yield: yield}
		in := bufio.NewReader(r)
		first, line, err := firstByte(in)
		switch {
		case errors.Is(err, io.EOF):
			rows.refuse(1, "the file is empty")
		case err != nil:
			rows.fail(err)
		case first == '[' || first == '{' && isDocument(in):
			rows.readDocument(in, line)
		case first == '{':
			rows.readLines(in, line)
		default:
			rows.readCSV(in, line)
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
		r.refuse(1, fmt.Sprintf("the file has no installation: %d settings, and none of them has the key clientInfo", r.passedOver))
	default:
		r.refuse(1, "the file has no installation, only its beginning")
	}
}

// firstByte passes over a byte order mark and empty lines and tells what comes next.
func firstByte(in *bufio.Reader) (first byte, line int, err error) {
	if mark, err := in.Peek(3); err == nil && string(mark) == "\uFEFF" {
		_, _ = in.Discard(len(mark))
	}
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

// fields is a row before it is checked, whatever the file's form.
type fields struct {
	clientKey, appKey, secret string
	principal                 Principal
	state                     State
	installedAt               time.Time
}

// Compiled when it is first needed: most processes never do, and a cold start would pay for it.
var importedUUID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\{?([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?$`)
})

// check returns the row's installation, or why it is refused.
func (f fields) check(appKey string) (in Installation, problem string) {
	if problem := f.checkKey(appKey); problem != "" {
		return in, problem
	}
	switch {
	case f.secret == "":
		return in, "no shared secret: Bitbucket sends none to personal accounts; `installations add` serves those with the app-level secret"
	case len(f.secret) > maxSharedSecret:
		return in, fmt.Sprintf("a shared secret of %d bytes: is the column right?", len(f.secret))
	case strings.ContainsFunc(f.secret, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }):
		return in, "white space in the shared secret: is the column right?"
	}
	if f.principal.UUID != "" {
		match := importedUUID().FindStringSubmatch(f.principal.UUID)
		if match == nil {
			return in, "the workspace's UUID is none"
		}
		f.principal.UUID = "{" + match[1] + "}"
	}
	if uuid, _, ok := connect.ClientKeyWorkspace(f.clientKey); ok {
		if f.principal.UUID != "" && !strings.EqualFold(f.principal.UUID, uuid) {
			return in, "the client key is of another workspace than the row says"
		}
		f.principal.UUID = uuid
	}
	if f.state == "" {
		f.state = Installed
	}
	if f.state != Installed && f.state != Uninstalled {
		return in, "the state is neither installed nor uninstalled"
	}
	return Installation{
		AppKey: appKey, ClientKey: f.clientKey, Principal: f.principal, State: f.state,
		SharedSecret: redact.New(f.secret), InstalledAt: f.installedAt,
	}, ""
}

func (f fields) checkKey(appKey string) (problem string) {
	switch {
	case f.clientKey == "":
		return "no client key"
	case len(f.clientKey) > maxImportedKey:
		return fmt.Sprintf("a client key of %d bytes: is the column right?", len(f.clientKey))
	case strings.ContainsFunc(f.clientKey, unicode.IsControl):
		return "control characters in the client key"
	case f.appKey != "" && f.appKey != appKey:
		return "it belongs to another app than " + appKey
	}
	if _, app, ok := connect.ClientKeyWorkspace(f.clientKey); ok && app != appKey {
		return "its client key is of another app than " + appKey
	}
	if _, err := EncodeName(appKey, f.clientKey); err != nil {
		return "the client key is too long for a secret's name"
	}
	return ""
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
