package installation_test

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/parts"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	importApp = "example-linker-app"
	canary    = "canary-5up3r"
)

// read returns what a file yields, a line each: "line client-key secret uuid type
// name state day-of-install" without what is empty, or the error.
func read(t *testing.T, file io.Reader) []string {
	t.Helper()
	var rows []string
	for row, err := range installation.ReadRows(file, importApp) {
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error quotes the row: %v", err)
			}
			rows = append(rows, err.Error())
			continue
		}
		if row.AppKey != importApp {
			t.Errorf("app key %q", row.AppKey)
		}
		since := ""
		if !row.InstalledAt.IsZero() {
			since = row.InstalledAt.Format(time.DateOnly)
		}
		rows = append(rows, strings.Join(strings.Fields(fmt.Sprintf("%d %s %s %s %s %s %s %s", row.Line, row.ClientKey, row.SharedSecret.Reveal(),
			row.Principal.UUID, row.Principal.Type, row.Principal.DisplayName, row.State, since)), " "))
	}
	return rows
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var packed strings.Builder
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

func utf16le(text string) string {
	var bytes []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		bytes = binary.LittleEndian.AppendUint16(bytes, unit)
	}
	return string(bytes)
}

func TestReadRowsTakesWhatFrameworksExport(t *testing.T) {
	t.Parallel()
	const payload = `{"key":"example-linker-app","clientKey":"` + clientKey + `","sharedSecret":"s1","principal":{"uuid":"` + workspace + `","type":"team","display_name":"W"}}`
	whole := "1 " + clientKey + " s1 " + workspace + " team W installed"
	quoted := `"` + strings.ReplaceAll(payload, `"`, `""`) + `"`
	escaped := `"` + strings.ReplaceAll(payload, `"`, `\"`) + `"`
	at := func(line int, row string) string { return fmt.Sprintf("%d %s", line, row[2:]) }
	typed := `{"clientKey":{"S":"` + clientKey + `"},"key":{"S":"clientInfo"},"val":{"M":{"key":{"S":"example-linker-app"},"clientKey":{"S":"` + clientKey + `"},` +
		`"sharedSecret":{"S":"s1"},"enabled":{"BOOL":true},"count":{"N":"1"},"none":{"NULL":true},"list":{"L":[{"S":"x"}]},` +
		`"principal":{"M":{"uuid":{"S":"` + workspace + `"},"type":{"S":"team"},"display_name":{"S":"W"}}}}}}`
	suffixed := `{"clientKey":"` + clientKey + `","key":"clientInfo-` + clientKey + `","val":` + payload + `}`
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"a scan of several lines with other names first": {"{ \"Count\": 1,\n\"items\": [" + typed + "]}", []string{at(2, whole)}},
		"a part of a scan":                             {`{"Items":[` + typed + `],"NextToken":"x"}`, []string{whole, "line 1: the file is a part of the table, since it has a NextToken: scan without --max-items and --no-paginate"}},
		"an incremental export to S3":                  {`{"Metadata":{},"Keys":{"clientKey":{"S":"x"}},"NewImage":` + typed + "}", []string{whole}},
		"DynamoDB's console as CSV":                    {`"clientKey","key","val"` + "\n" + clientKey + `,clientInfo,"` + strings.ReplaceAll(typed[strings.Index(typed, `{"key":{"S":"ex`):len(typed)-2], `"`, `""`) + `"`, []string{at(2, whole)}},
		"compressed":                                   {gzipped(t, payload+"\n"+payload), []string{whole, at(2, whole)}},
		"UTF-16 of PowerShell":                         {utf16le("\ufeff" + payload + "\r\n"), []string{whole}},
		"UTF-16 of a spreadsheet":                      {utf16le("\ufeffclientKey\tsharedSecret\r\nconnection:1\ts1\r\n"), []string{"2 connection:1 s1 installed"}},
		"a table of DBeaver":                           {`{"AddonSettings": [` + "\n" + suffixed + "]}", []string{at(2, whole)}},
		"an object over lines that begin with a name":  {`{ "clientKey": "` + clientKey + "\",\n\"sharedSecret\": \"s1\" }", []string{"1 " + clientKey + " s1 " + workspace + " installed"}},
		"a document of MongoDB":                        {`{"_id":{"$oid":"5f"},"clientKey":"` + clientKey + `","key":"clientInfo","val":` + payload + "}", []string{whole}},
		"keys of Redis":                                {`[{"` + clientKey + `:theme":"dark","` + clientKey + `:clientInfo":` + escaped + "}]", []string{whole}},
		"keys of Redis as JSON lines":                  {`{"db":0,"key":"connection:7:clientInfo","type":"string","value":"{\"sharedSecret\":\"s\"}"}`, []string{"1 connection:7 s installed"}},
		"keys of Redis as CSV":                         {"key,value\n" + clientKey + ":clientInfo," + quoted, []string{at(2, whole)}},
		"semicolons":                                   {"sep;clientKey;sharedSecret\n1;connection:1;s1\n", []string{"2 connection:1 s1 installed"}},
		"bars":                                         {"clientKey|sharedSecret\nconnection:1|s1\n", []string{"2 connection:1 s1 installed"}},
		"marks and spaces of a spreadsheet":            {"\ufeffclientKey\u00a0,\u200bsharedSecret\r\n\ufeffconnection:1\u00a0,\u200bs1 \r\n", []string{"2 connection:1 s1 installed"}},
		"marks and spaces of pasted JSON":              {`{"clientKey":" connection:1\u200b","sharedSecret":"\ufeffs1\u00a0\n","state":" Installed"}`, []string{"1 connection:1 s1 installed"}},
		"settings whose key has the client key":        {suffixed, []string{whole}},
		"settings as CSV whose key has the client key": {"clientKey,key,val\n" + clientKey + ",clientInfo-" + clientKey + "," + quoted, []string{at(2, whole)}},
		"rows with DynamoDB's types":                   {typed + "\n" + typed, []string{whole, at(2, whole)}},
		"DynamoDB's types and payload as text":         {`{"clientKey":{"S":"` + clientKey + `"},"key":{"S":"clientInfo"},"val":{"S":` + `"` + strings.ReplaceAll(payload, `"`, `\"`) + `"` + `}}`, []string{whole}},
		"a table exported to S3":                       {`{"Item":` + typed + "}\n{\"Item\":" + typed + "}", []string{whole, at(2, whole)}},
		"a scan":                                       {"{\n  \"Items\": [\n    " + typed + ",\n    " + typed + "\n  ],\n  \"Count\": 2,\n  \"ScannedCount\": 2,\n  \"ConsumedCapacity\": null\n}\n", []string{at(3, whole), at(4, whole)}},
		"a scan on one line":                           {`{"Items":[` + typed + `,` + typed + `],"Count":2}`, []string{whole, whole}},
		"scans one after the other":                    {`{"Count":1,"Items":[` + typed + `]}` + "\n" + `{"Items":[` + typed + `]}`, []string{whole, at(2, whole)}},
		"a JSON array":                                 {"[" + payload + ",\n" + payload + "]", []string{whole, at(2, whole)}},
		"an object over several lines":                 {"{\n" + payload[1:] + "\n{\n" + payload[1:], []string{whole, at(3, whole)}},
		"the payload of a callback":                    {payload, []string{whole}},
		"one after the other, with blanks":             {"\n" + payload + "\r\n\n  \n" + payload + "\n", []string{at(2, whole), at(5, whole)}},
		"with a byte order mark":                       {"\uFEFF" + payload, []string{whole}},
		"our own names":                                {`{"client_key":"connection:7","shared_secret":"s","state":"uninstalled","installed_at":"2020-01-02T03:04:05Z"}`, []string{"1 connection:7 s uninstalled 2020-01-02"}},
		"settings as JSON":                             {`{"clientKey":"` + clientKey + `","key":"clientInfo","val":` + payload + `}`, []string{whole}},
		"settings with the payload as text":            {`{"clientKey":"` + clientKey + `","key":"clientInfo","val":` + escaped + `}`, []string{whole}},
		"the longest client key":                       {`{"clientKey":"` + strings.Repeat("k", 256) + `","sharedSecret":"s"}`, []string{"1 " + strings.Repeat("k", 256) + " s installed"}},
		"the longest secret":                           {`{"clientKey":"connection:7","sharedSecret":"` + strings.Repeat("s", 1024) + `"}`, []string{"1 connection:7 " + strings.Repeat("s", 1024) + " installed"}},
		"settings without a key inside":                {`{"clientKey":"connection:7","key":"clientInfo","val":{"sharedSecret":"s"}}`, []string{"1 connection:7 s installed"}},
		"settings of other kinds": {
			`{"clientKey":"` + clientKey + `","key":"theme","val":"dark"}` + "\n" + `{"clientKey":"` + clientKey + `","key":"clientInfo","val":` + payload + `}`,
			[]string{at(2, whole)},
		},
		"settings as CSV": {
			"id,clientKey,key,val\n1," + clientKey + ",theme,dark\n2," + clientKey + ",clientInfo," + quoted + "\n",
			[]string{at(3, whole)},
		},
		"settings as CSV with line breaks in the payload": {
			"clientKey,key,val\n" + clientKey + ",clientInfo," + strings.ReplaceAll(quoted, ",", ",\n") + "\n" + clientKey + ",clientInfo," + quoted,
			[]string{at(2, whole), at(8, whole)},
		},
		"a table": {
			"client_key,public_key,shared_secret,base_url,addon_installed\nconnection:1,pk,s1,https://bitbucket.org,t\nconnection:2,pk,s2,https://bitbucket.org,false\n",
			[]string{"2 connection:1 s1 installed", "3 connection:2 s2 uninstalled"},
		},
		"a table of our own": {
			"Shared Secret,Client Key,principal.uuid,principal_type,principal-display-name,state,installed_at\r\ns1,connection:1,11111111-2222-4333-8444-555555555555,team,W,Uninstalled,2020-01-02T03:04:05Z\r\ns2,connection:2,,,,,\r\n",
			[]string{"2 connection:1 s1 " + workspace + " team W uninstalled 2020-01-02", "3 connection:2 s2 installed"},
		},
		"a table after blank lines": {"\n\nclientKey,sharedSecret\nconnection:1,s1\n", []string{"4 connection:1 s1 installed"}},
		"a table of payloads": {
			"key,clientKey,sharedSecret\nexample-linker-app," + clientKey + ",s1\n",
			[]string{"2 " + clientKey + " s1 " + workspace + " installed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way, file := range map[string]io.Reader{"at once": strings.NewReader(test.file), "byte by byte": iotest.OneByteReader(strings.NewReader(test.file))} {
				if diff := cmp.Diff(test.want, read(t, file)); diff != "" {
					t.Errorf("rows, %s (-want +got):\n%s", way, diff)
				}
			}
		})
	}
}

func TestReadRowsSaysWhatIsWrongWithARowAndGoesOn(t *testing.T) {
	t.Parallel()
	good := `{"clientKey":"connection:1","sharedSecret":"s1"}`
	for name, test := range map[string]struct{ row, want string }{
		"no secret":                           {`{"clientKey":"` + canary + `"}`, "no shared secret"},
		"no client key":                       {`{"sharedSecret":"` + canary + `"}`, "no client key"},
		"the wrong kind":                      {`{"clientKey":"k","sharedSecret":["` + canary + `"]}`, "sharedSecret is not a string"},
		"cut":                                 {`{"clientKey":"k","sharedSecret":"` + canary, "no JSON: wrong at byte"},
		"not UTF-8":                           {`{"clientKey":"k","sharedSecret":"` + canary + "\xff" + `"}`, "not UTF-8: convert the file"},
		"no object":                           {`"` + canary + `"`, "not a JSON object"},
		"null":                                {`null`, "not a JSON object"},
		"a wrong time":                        {`{"clientKey":"k","sharedSecret":"` + canary + `","installed_at":"` + canary + `"}`, "not a JSON object with fields of the expected kinds"},
		"white space in the secret":           {`{"clientKey":"k","sharedSecret":"` + canary + ` x"}`, "white space in the shared secret"},
		"a bell in the secret":                {`{"clientKey":"k","sharedSecret":"` + canary + `\u0007"}`, "a control character (U+0007) as character 13"},
		"a secret a byte too long":            {`{"clientKey":"k","sharedSecret":"` + strings.Repeat("s", 1025) + `"}`, "a shared secret of 1025 bytes"},
		"a secret far too long":               {`{"clientKey":"k","sharedSecret":"` + strings.Repeat(canary, 200) + `"}`, "is the column right"},
		"a client key far too long":           {`{"clientKey":"` + strings.Repeat(canary, 50) + `","sharedSecret":"s"}`, "is the column right"},
		"the longest client key":              {`{"clientKey":"` + strings.Repeat("k", 257) + `","sharedSecret":"s"}`, "a client key of 257 bytes"},
		"too much to escape":                  {`{"clientKey":"` + strings.Repeat("=", 200) + `","sharedSecret":"s"}`, "too long for a secret's name"},
		"control characters":                  {`{"clientKey":"` + canary + `\u0000","sharedSecret":"s"}`, "a control character (U+0000) as character 13"},
		"a zero-width space in the secret":    {`{"clientKey":"k","sharedSecret":"` + canary + `\u200bx"}`, "a zero-width space (U+200B) as character 13"},
		"another client key in the setting's": {`{"clientKey":"k","key":"clientInfo-other","val":{"sharedSecret":"` + canary + `"}}`, "another client key than the row"},
		"another app's payload":               {`{"key":"other","clientKey":"k","sharedSecret":"` + canary + `"}`, "another app than example-linker-app"},
		"another app's client key":            {`{"clientKey":"ari:cloud:bitbucket::app/` + workspace + `/other","sharedSecret":"` + canary + `"}`, "another app than example-linker-app"},
		"another workspace": {
			`{"clientKey":"` + clientKey + `","sharedSecret":"` + canary + `","principal":{"uuid":"{99999999-2222-4333-8444-555555555555}"}}`,
			"another workspace than the row says",
		},
		"a UUID that is none":        {`{"clientKey":"k","sharedSecret":"` + canary + `","principal":{"uuid":"` + canary + `"}}`, "UUID is none"},
		"a state that is none":       {`{"clientKey":"k","sharedSecret":"` + canary + `","state":"` + canary + `"}`, "neither installed nor uninstalled"},
		"a setting without payload":  {`{"clientKey":"k","key":"clientInfo","val":"` + canary + `"}`, "val: no JSON"},
		"a setting of somebody else": {`{"clientKey":"k","key":"clientInfo","val":{"clientKey":"` + canary + `","sharedSecret":"s"}}`, "another client key than the row"},
		"a setting without secret":   {`{"clientKey":"k","key":"clientInfo","val":{"clientKey":"k"}}`, "no shared secret"},
		"more than a row can be":     {`{"clientKey":"` + strings.Repeat(canary, 100_000) + `"}`, "longer than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := read(t, strings.NewReader(good+"\n"+test.row+"\n"+good+"\n"))
			if len(got) != 3 || got[0] != "1 connection:1 s1 installed" || got[2] != "3 connection:1 s1 installed" {
				t.Fatalf("rows %q, want the good ones around one refused", got)
			}
			if !strings.HasPrefix(got[1], "line 2: ") || !strings.Contains(got[1], test.want) {
				t.Errorf("refused with %q, want line 2 and %q", got[1], test.want)
			}
		})
	}
}

func TestReadRowsRefusesFilesThatItCantRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"empty":                {"", []string{"line 1: the file is empty"}},
		"blank":                {"\n \n", []string{"line 1: the file is empty"}},
		"no installation":      {"\n[{}]", []string{"line 2: no client key"}},
		"an empty list":        {"\n[]", []string{"line 1: the file has no installation: its header or list has no row"}},
		"a scan of nothing":    {`{"Items":[],"Count":0}`, []string{"line 1: the file has no installation: its header or list has no row"}},
		"settings only":        {`{"clientKey":"k","key":"theme","val":"` + canary + `"}` + "\n", []string{"line 1: the file has no installation: none of its settings has the key clientInfo (1 seen)"}},
		"another's setting":    {`{"clientKey":"k","key":"clientInfo-other","val":"` + canary + `"}`, []string{"line 1: val: no JSON: wrong at byte 1"}},
		"a list cut off":       {"[\n" + `{"clientKey":"k","sharedSecret":"s"},` + "\n" + canary, []string{"2 k s installed", "read import: line 2: no JSON; the rows from there on were not read"}},
		"a list of numbers":    {"[1]", []string{"line 1: not a JSON object with fields of the expected kinds"}},
		"a long row in a list": {`[{"clientKey":"` + strings.Repeat(canary, 400_000) + `"}]`, []string{"read import: a row of more than 1048576 bytes: is a quote missing?"}},
		"SQLite":               {"SQLite format 3\x00\x10", []string{"line 1: this is a SQLite database: export the table with sqlite3 -csv -header"}},
		"Redis":                {"REDIS0011\xfa", []string{"line 1: this is a Redis dump: export the values as JSON, see docs/migrate.md"}},
		"pg_dump":              {"--\n-- PostgreSQL database dump\n" + canary, []string{"line 1: this is SQL: export the table as CSV, see docs/migrate.md"}},
		"binary":               {"BSON\x00" + canary, []string{"line 1: this is binary data: export the store as JSON or CSV, see docs/migrate.md"}},
		"cut gzip":             {"\x1f\x8b\x08", []string{"read import: unexpected EOF"}},
		"no settings of Redis": {`{"theme":"` + canary + `"}`, []string{"line 1: no client key"}},
		"no columns":           {"hello\nworld\n", []string{"line 1: neither JSON nor columns with a header"}},
		"no secret column":     {"clientKey,name\nk,n\n", []string{"line 1: the header needs the columns clientKey and sharedSecret, or key and val"}},
		"no key column":        {"sharedSecret,name\ns,n\n", []string{"line 1: the header needs the columns clientKey and sharedSecret, or key and val"}},
		"key without val":      {"clientKey,key\nk,v\n", []string{"line 1: the header needs the columns clientKey and sharedSecret, or key and val"}},
		"val without key":      {"clientKey,val\nk,v\n", []string{"line 1: the header needs the columns clientKey and sharedSecret, or key and val"}},
		"a header's quote":     {"client\"Key,sharedSecret\nk,s\n", []string{`read import: line 1: bare " in non-quoted-field: the rows from there on were not read`}},
		"another app's":        {"app_key,clientKey,sharedSecret\nother,k," + canary + "\n", []string{"line 2: it belongs to another app than example-linker-app"}},
		"another's payload":    {"key,clientKey,sharedSecret\nother,k," + canary + "\n", []string{"line 2: it belongs to another app than example-linker-app"}},
		"no payload":           {"clientKey,key,val\nk,clientInfo," + canary + "\n", []string{"line 2: val: no JSON: wrong at byte 1"}},
		"two secret columns":   {"clientKey,sharedSecret,shared_secret\nk,s,t\n", []string{"line 1: the header names the column sharedsecret twice"}},
		"a header alone":       {"clientKey,sharedSecret\n", []string{"line 1: the file has no installation: its header or list has no row"}},
		"a missing field":      {"clientKey,sharedSecret\n" + canary + "\nk,s\n", []string{"line 2: not as many fields as the header has", "3 k s installed"}},
		"a stray quote":        {"clientKey,sharedSecret\n" + canary + "\"x,y\nk,s\n", []string{`read import: line 2: bare " in non-quoted-field: the rows from there on were not read`}},
		"not UTF-8":            {"clientKey,sharedSecret\nk," + canary + "\xff\nk,s\n", []string{"line 2: not UTF-8: convert the file, for example with iconv -t UTF-8", "3 k s installed"}},
		"a wrong flag":         {"clientKey,sharedSecret,installed\nk," + canary + ",maybe\nk,s,1\n", []string{"line 2: column 3, installed, has a value of the wrong kind", "3 k s installed"}},
		"a wrong time":         {"clientKey,sharedSecret,installed_at\nk,s,yesterday\n", []string{"line 2: column 3, installedat, has a value of the wrong kind"}},
		"a missing quote":      {"clientKey,sharedSecret\nk,\"" + strings.Repeat(canary+"\n", 200_000), []string{"read import: a row of more than 1048576 bytes: is a quote missing?"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, read(t, strings.NewReader(test.file))); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadRowsTellsABrokenFileFromABadRow(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]string{"at once": "", "JSON": `{"clientKey":"k","sharedSecret":"s"}` + "\n", "CSV": "clientKey,sharedSecret\nk,s\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := io.MultiReader(strings.NewReader(start), iotest.ErrReader(os.ErrDeadlineExceeded))
			var last error
			for _, err := range installation.ReadRows(broken, importApp) {
				last = err
			}
			var row *installation.RowError
			if !errors.Is(last, os.ErrDeadlineExceeded) || errors.As(last, &row) || !strings.HasPrefix(last.Error(), "read import: ") {
				t.Errorf("ended with %v, want the reader's error", last)
			}
		})
	}
}

func TestReadRowsStopsWhenTheCallerDoes(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		strings.Repeat(`{"clientKey":"k","sharedSecret":"s"}`+"\n", 3), strings.Repeat("{}\n", 3),
		"clientKey,sharedSecret\n" + strings.Repeat("k,s\n", 3), "clientKey,sharedSecret\n" + strings.Repeat("k\n", 3),
	} {
		for range installation.ReadRows(strings.NewReader(file), importApp) {
			break // a range function that goes on after this panics
		}
	}
}

// rowsOf is an endless file cut after a number of bytes.
type rowsOf struct {
	row  string
	left int
	rest string
}

func (r *rowsOf) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	if r.rest == "" {
		r.rest = r.row
	}
	n := copy(p, r.rest)
	r.rest, r.left = r.rest[n:], r.left-n
	return n, nil
}

// Not parallel: it measures the heap, and other tests would be in it.
//
//nolint:paralleltest // see above
func TestReadRowsHoldsOneRow(t *testing.T) {
	for name, test := range map[string]struct{ header, row string }{
		"JSON": {"", `{"clientKey":"connection:1","sharedSecret":"s","publicKey":"` + strings.Repeat("x", 2000) + `"}` + "\n"},
		"CSV":  {"clientKey,sharedSecret,publicKey\n", "connection:1,s," + strings.Repeat("x", 2000) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			file := io.MultiReader(strings.NewReader(test.header), &rowsOf{row: test.row, left: 8 << 20})
			before, most, rows := heap(), uint64(0), 0
			for _, err := range installation.ReadRows(file, importApp) {
				var bad *installation.RowError
				if err != nil && !errors.As(err, &bad) { // the last row is cut
					t.Fatal(err)
				}
				if rows++; rows%1000 == 0 {
					most = max(most, heap())
				}
			}
			if grown := int64(most) - int64(before); grown > 1<<20 || rows < 3_000 {
				t.Errorf("%d rows, the heap grew by %d KiB", rows, grown/1024)
			}
		})
	}
}

func TestCheckImportNeverHidesADifference(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	must(s.Create(t.Context(), sample(clientKey, "s1"), installation.ImportEvent))(t)
	for name, test := range map[string]struct {
		change  func(*installation.Installation)
		present bool
		want    string
	}{
		"the same":             {func(*installation.Installation) {}, true, ""},
		"without a workspace":  {func(in *installation.Installation) { in.Principal = installation.Principal{} }, true, ""},
		"renamed":              {func(in *installation.Installation) { in.Principal.DisplayName = "x" }, true, ""},
		"new":                  {func(in *installation.Installation) { in.ClientKey = "connection:1" }, false, ""},
		"another secret":       {func(in *installation.Installation) { in.SharedSecret = redact.New(canary) }, false, "with another shared secret"},
		"another state":        {func(in *installation.Installation) { in.State = installation.Uninstalled }, false, "as installed"},
		"of another workspace": {func(in *installation.Installation) { in.Principal.UUID = "{u}" }, false, "for another workspace"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sample(clientKey, "s1")
			test.change(&in)
			present, err := installation.CheckImport(t.Context(), s, in)
			if present != test.present || (err != nil) != (test.want != "") || errors.Is(err, installation.ErrExists) != (err != nil) {
				t.Fatalf("CheckImport = %v, %v", present, err)
			}
			if err != nil && (!strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), in.ClientKey) || strings.Contains(err.Error(), canary)) {
				t.Errorf("the error %q lacks %q or the client key", err, test.want)
			}
		})
	}
	if _, err := installation.CheckImport(t.Context(), s.open(&line{dead: true}), sample(clientKey, "s1")); !errors.Is(err, installation.ErrUnavailable) {
		t.Errorf("without AWS: %v", err)
	}
}

func FuzzReadRows(f *testing.F) {
	for plan := range parts.Plans(5, 4) {
		f.Add([]byte("clientKey,sharedSecret\n"), plan)
	}
	f.Add([]byte(`{"clientKey":"k","sharedSecret":"s"}`), []byte{})
	f.Add([]byte("clientKey,sharedSecret\nk,s\n"), []byte{})
	f.Add([]byte("clientKey,key,val\nk,clientInfo,\"{\"\"sharedSecret\"\":\"\"s\"\"}\"\n"), []byte{})
	f.Add([]byte("\xef\xbb\xbf{\"clientKey\":\"k\",\"key\":\"clientInfo\",\"val\":\"{}\"}"), []byte{})
	f.Fuzz(func(t *testing.T, file, plan []byte) {
		if len(plan) > 0 {
			file = []byte(parts.Join(plan, string(file), ",", "\n", `"`, "k,s", "\r\n", "\ufeff", "{", "}", ":", "[", " ", "\xff",
				"clientKey", "key", "val", "clientInfo", `"clientKey":"k"`, `"sharedSecret":"s"`, `"{""sharedSecret"":""s""}"`))
		}
		last := 0
		for row, err := range installation.ReadRows(strings.NewReader(string(file)), importApp) {
			var bad *installation.RowError
			switch {
			case errors.As(err, &bad):
				row.Line = bad.Line
			case err != nil:
				continue
			case row.ClientKey == "" || row.SharedSecret.IsZero() || row.AppKey != importApp:
				t.Errorf("half a row: %+v", row)
			default:
				if _, err := installation.EncodeName(row.AppKey, row.ClientKey); err != nil {
					t.Errorf("a row that can't be stored: %v", err)
				}
			}
			if row.Line < last || row.Line < 1 {
				t.Errorf("line %d after line %d", row.Line, last)
			}
			last = row.Line
		}
	})
}
