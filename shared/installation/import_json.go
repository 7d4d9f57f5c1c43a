package installation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// clientInfo is the key under which atlassian-connect-express keeps the payload
// of the installed callback.
// Source: https://bitbucket.org/atlassian/atlassian-connect-express
const clientInfo = "clientInfo"

// importObject has every name that a row may use; encoding/json ignores their case.
type importObject struct {
	ClientKey    string    `json:"clientKey"`
	ClientKey2   string    `json:"client_key"`
	SharedSecret string    `json:"sharedSecret"`
	Secret2      string    `json:"shared_secret"`
	State        State     `json:"state"`
	InstalledAt  time.Time `json:"installed_at"`
	Principal    struct {
		UUID         string `json:"uuid"`
		Type         string `json:"type"`
		DisplayName  string `json:"display_name"`
		DisplayName2 string `json:"displayName"`
	} `json:"principal"`
	// Key is the app key in a payload, and the setting's name in a settings row.
	Key string          `json:"key"`
	Val json.RawMessage `json:"val"`
}

func (o importObject) fields() fields {
	return fields{
		clientKey: firstOf(o.ClientKey, o.ClientKey2), secret: firstOf(o.SharedSecret, o.Secret2), appKey: o.Key,
		state: o.State, installedAt: o.InstalledAt,
		principal: Principal{UUID: o.Principal.UUID, Type: o.Principal.Type, DisplayName: firstOf(o.Principal.DisplayName, o.Principal.DisplayName2)},
	}
}

// readLines reads an object a line, from the given line on. A broken line leaves the
// next one readable.
func (r *rowReader) readLines(in *bufio.Reader, line int) {
	for ; ; line++ {
		text, long, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			r.fail(err)
			return
		}
		text = bytes.TrimSpace(text)
		more := true
		switch {
		case long:
			more = r.refuse(line, fmt.Sprintf("longer than %d bytes", maxImportRow))
		case len(text) > 0:
			more = r.object(text, line)
		}
		if !more || err != nil {
			return
		}
	}
}

// readLine returns a line without keeping more of it than a row may have.
func readLine(in *bufio.Reader) (text []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		text = append(text, part...)
		if len(text) > maxImportRow {
			long, text = true, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, long, err
		}
	}
}

// object hands on the installation of one JSON object.
func (r *rowReader) object(text []byte, line int) bool {
	if !utf8.Valid(text) {
		return r.refuse(line, notUTF8)
	}
	plain, problem := untyped(text)
	if problem != "" {
		return r.refuse(line, problem)
	}
	object, problem := parseObject(plain)
	if problem != "" {
		return r.refuse(line, problem)
	}
	row := object.fields()
	if object.Val == nil {
		return r.row(row, line)
	}
	return r.setting(row.clientKey, object.Key, object.Val, line)
}

// setting reads a row of atlassian-connect-express; only the one with the
// payload is relevant.
func setting(clientKey, key string, val json.RawMessage) (info fields, relevant bool, problem string) {
	// Some releases of atlassian-connect-express-dynamodb append the client key.
	if key != clientInfo && key != clientInfo+"-"+clientKey {
		return fields{}, false, ""
	}
	// Some databases have no JSON type: the payload is text there, in quotes.
	if text := ""; json.Unmarshal(val, &text) == nil {
		val = json.RawMessage(text)
	}
	payload, problem := parseObject(val)
	if problem != "" {
		return fields{}, true, "val: " + problem
	}
	info = payload.fields()
	if info.clientKey != "" && info.clientKey != clientKey {
		return fields{}, true, "val has another client key than the row"
	}
	info.clientKey = clientKey
	return info, true, ""
}

// parseObject tells where JSON is wrong without quoting it.
func parseObject(text []byte) (object importObject, problem string) {
	err := json.Unmarshal(text, &object)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")):
		return object, ""
	case errors.As(err, &syntax):
		return object, fmt.Sprintf("no JSON: wrong at byte %d", syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		return object, fmt.Sprintf("%s is not a %s", kind.Field, kind.Type)
	}
	return object, "not a JSON object with fields of the expected kinds"
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
