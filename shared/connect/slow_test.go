package connect_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/linkersync/linkersync/shared/connect"
)

// This is a second implementation of the verification, written from the protocol's
// documents alone and as plainly as possible. It shares no code with the package and
// uses other parts of the standard library. The fuzz tests compare the two.

var (
	slowScheme    = regexp.MustCompile(`(?is)^JWT (.+)$`)
	slowClientKey = regexp.MustCompile(`(?s)^ari:cloud:bitbucket::app/\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}/(.+)$`)
	slowPercent   = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)

// slowVerifier has the secrets of each installation, newest first.
type slowVerifier struct {
	appKey, basePath string
	secrets          map[string][]string
	appSecret        string
	now              float64
}

// verify returns who sent the request and which secret it is signed with: the index
// in secrets, or -1 for the app's.
func (v slowVerifier) verify(r connect.Request) (clientKey string, secret int, ok bool) {
	token, ok := slowToken(r)
	if !ok || len(token) > 4096 {
		return "", 0, false
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", 0, false
	}
	header, ok := slowObject(parts[0])
	if !ok || header["alg"] != "HS256" {
		return "", 0, false
	}
	for _, extension := range []string{"crit", "b64"} {
		if _, has := header[extension]; has {
			return "", 0, false
		}
	}
	claims, ok := slowObject(parts[1])
	if !ok {
		return "", 0, false
	}
	clientKey, _ = claims["iss"].(string)
	if !v.isClientKey(clientKey) {
		return "", 0, false
	}
	secret, ok = v.signer(clientKey, parts)
	return clientKey, secret, ok && v.isCurrent(claims) && v.isFor(claims, r)
}

func slowToken(r connect.Request) (string, bool) {
	var header, query []string
	if r.Authorization != "" {
		match := slowScheme.FindStringSubmatch(r.Authorization)
		if match == nil {
			return "", false
		}
		header = match[1:]
	}
	for _, pair := range slowPairs(r.RawQuery) {
		if pair[0] == "jwt" {
			query = append(query, pair[1])
		}
	}
	switch {
	case len(query) > 1:
		return "", false
	case len(header) == 1 && len(query) == 1:
		return header[0], query[0] == "" || header[0] == query[0]
	case len(header) == 1:
		return header[0], true
	case len(query) == 1 && r.Method == http.MethodGet:
		return query[0], query[0] != ""
	}
	return "", false
}

// slowObject decodes a segment and the JSON object in it.
func slowObject(segment string) (map[string]any, bool) {
	data, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil || base64.RawURLEncoding.EncodeToString(data) != segment {
		return nil, false // not the only way to write these bytes
	}
	if !json.Valid(data) || !utf8.Valid(data) {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if start, _ := decoder.Token(); start != json.Delim('{') {
		return nil, false
	}
	object := map[string]any{}
	for decoder.More() {
		name, _ := decoder.Token()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, false
		}
		if _, twice := object[name.(string)]; twice {
			return nil, false
		}
		object[name.(string)] = value
	}
	return object, len(object) <= 64
}

func (v slowVerifier) isClientKey(key string) bool {
	if key == "" || len(key) > 256 || slices.ContainsFunc([]rune(key), func(r rune) bool { return !unicode.IsPrint(r) }) {
		return false
	}
	match := slowClientKey.FindStringSubmatch(key)
	return match == nil || match[2] == v.appKey
}

func (v slowVerifier) signer(clientKey string, parts []string) (int, bool) {
	for i, secret := range v.secrets[clientKey] {
		if secret != "" && slowHMAC(parts[0]+"."+parts[1], secret) == parts[2] {
			return i, true
		}
	}
	return -1, v.appSecret != "" && slowHMAC(parts[0]+"."+parts[1], v.appSecret) == parts[2]
}

// slowHMAC is RFC 2104, step by step.
func slowHMAC(text, secret string) string {
	key := []byte(secret)
	if len(key) > 64 {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	key = append(slices.Clone(key), make([]byte, 64-len(key))...)
	inner, outer := slices.Clone(key), slices.Clone(key)
	for i := range key {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	innerSum := sha256.Sum256(append(inner, text...))
	outerSum := sha256.Sum256(append(outer, innerSum[:]...))
	return base64.RawURLEncoding.EncodeToString(outerSum[:])
}

func (v slowVerifier) isCurrent(claims map[string]any) bool {
	times := map[string]float64{}
	for _, name := range []string{"iat", "exp", "nbf"} {
		value, has := claims[name]
		if !has && name == "nbf" {
			continue
		}
		number, _ := value.(json.Number)
		seconds, err := number.Float64()
		if err != nil || seconds < 0 || seconds > 253402300799 {
			return false
		}
		times[name] = float64(int64(seconds))
	}
	lifetime := times["exp"] - times["iat"]
	return lifetime > 0 && lifetime <= 24*60*60 &&
		v.now < times["exp"]+60 && v.now >= times["iat"]-60 && v.now >= times["nbf"]-60
}

func (v slowVerifier) isFor(claims map[string]any, r connect.Request) bool {
	sum := sha256.Sum256([]byte(slowCanonical(r.Method, r.RawPath, r.RawQuery, v.basePath)))
	return claims["qsh"] == hex.EncodeToString(sum[:])
}

func slowCanonical(method, path, query, base string) string {
	if whole := strings.TrimSuffix(base, "/") + "/"; path == base {
		path = ""
	} else if strings.HasPrefix(path, whole) {
		path = path[len(whole):]
		if !strings.HasSuffix(base, "/") {
			path = "/" + path
		}
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	values := map[string][]string{}
	for _, pair := range slowPairs(query) {
		if pair[0] != "jwt" {
			values[pair[0]] = append(values[pair[0]], pair[1])
		}
	}
	var names []string
	for name := range values {
		names = append(names, name)
	}
	var parameters []string
	for _, name := range slowSorted(names) {
		var encoded []string
		for _, value := range slowSorted(values[name]) {
			encoded = append(encoded, slowEncode(value))
		}
		parameters = append(parameters, slowEncode(name)+"="+strings.Join(encoded, ","))
	}
	return strings.ToUpper(method) + "&" + strings.ReplaceAll(path, "&", "%26") + "&" + strings.Join(parameters, "&")
}

func slowPairs(query string) (pairs [][2]string) {
	for _, pair := range strings.Split(query, "&") {
		if pair != "" {
			split := append(strings.SplitN(pair, "=", 2), "")
			pairs = append(pairs, [2]string{slowDecode(split[0]), slowDecode(split[1])})
		}
	}
	return pairs
}

func slowDecode(s string) string {
	s = strings.ReplaceAll(s, "+", " ")
	if !strings.ContainsFunc(s, func(r rune) bool { return r == '%' || r >= utf8.RuneSelf }) {
		return s
	}
	s = slowPercent.ReplaceAllStringFunc(s, func(code string) string {
		decoded, _ := hex.DecodeString(code[1:])
		return string(decoded)
	})
	var valid strings.Builder
	for s != "" {
		if r, size := utf8.DecodeRuneInString(s); r != utf8.RuneError || size > 1 {
			valid.WriteString(s[:size])
			s = s[size:]
			continue
		}
		valid.WriteString("\uFFFD")
		s = s[slowSubpart(s):]
	}
	return valid.String()
}

// slowSecond has the bytes that may follow a first byte: table 3-7 of the Unicode standard.
var slowSecond = map[byte][2]byte{0xE0: {0xA0, 0xBF}, 0xED: {0x80, 0x9F}, 0xF0: {0x90, 0xBF}, 0xF4: {0x80, 0x8F}}

// slowSubpart returns how many bytes of s, which is not UTF-8, one U+FFFD stands for.
func slowSubpart(s string) int {
	first, length := s[0], 1
	if first < 0xE0 || first > 0xF4 {
		return length
	}
	second, known := slowSecond[first]
	if !known {
		second = [2]byte{0x80, 0xBF}
	}
	if len(s) > 1 && second[0] <= s[1] && s[1] <= second[1] {
		length++
		if first >= 0xF0 && len(s) > 2 && s[2]&0xC0 == 0x80 {
			length++
		}
	}
	return length
}

func slowEncode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// slowSorted sorts as JavaScript does.
func slowSorted(texts []string) []string {
	slices.SortFunc(texts, func(a, b string) int {
		if order := slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b))); order != 0 {
			return order
		}
		return cmp.Compare(a, b)
	})
	return texts
}
