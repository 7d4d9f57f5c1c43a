package installation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
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
	Key   string          `json:"key"`
	Val   json.RawMessage `json:"val"`
	Value json.RawMessage `json:"value"`
}

func (o importObject) fields() fields {
	return fields{
		clientKey: firstOf(o.ClientKey, o.ClientKey2), secret: firstOf(o.SharedSecret, o.Secret2), appKey: o.Key,
		state: o.State, installedAt: o.InstalledAt, workspace: o.Principal.UUID,
		principal: Principal{Type: o.Principal.Type, DisplayName: firstOf(o.Principal.DisplayName, o.Principal.DisplayName2)},
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
	val := object.Val
	if val == nil {
		val = object.Value
	}
	row := object.fields()
	switch {
	case val != nil:
		return r.setting(row.clientKey, object.Key, val, line)
	case row == fields{}:
		return r.keyValues(plain, line)
	}
	return r.row(row, line)
}

// keyValues reads an object whose members are the keys of a Redis database.
func (r *rowReader) keyValues(text []byte, line int) bool {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(text, &members) // it is an object, as parseObject found
	found := false
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if _, is := clientInfoOf(key); is {
			found = true
			if !r.setting("", key, members[key], line) {
				return false
			}
		}
	}
	return found || r.refuse(line, "no client key")
}

// clientInfoOf tells whether a setting has the installed payload, and which client
// key the setting's key has in it: the adapter for Redis writes CLIENTKEY:clientInfo,
// some releases of the one for DynamoDB clientInfo-CLIENTKEY.
func clientInfoOf(key string) (clientKey string, is bool) {
	if key == clientInfo {
		return "", true
	}
	if before, found := strings.CutSuffix(key, ":"+clientInfo); found {
		return before, true
	}
	rest, found := strings.CutPrefix(key, clientInfo)
	if !found || !strings.ContainsRune("-:_/#|", rune(rest[0])) {
		return "", false
	}
	return rest[1:], true
}

// setting reads a row of atlassian-connect-express; only the one with the
// payload is relevant.
func setting(clientKey, key string, val json.RawMessage) (info fields, relevant bool, problem string) {
	inKey, is := clientInfoOf(key)
	if !is {
		return fields{}, false, ""
	}
	// Some databases have no JSON type: the payload is text there, in quotes.
	if text := ""; json.Unmarshal(val, &text) == nil {
		val = json.RawMessage(text)
	}
	val, problem = untyped(val)
	if problem != "" {
		return fields{}, true, "val: " + problem
	}
	payload, problem := parseObject(val)
	if problem != "" {
		return fields{}, true, "val: " + problem
	}
	info = payload.fields()
	for _, other := range []string{clientKey, inKey} {
		if info.clientKey != "" && other != "" && info.clientKey != other {
			return fields{}, true, "val has another client key than the row"
		}
		info.clientKey = firstOf(info.clientKey, other)
	}
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
