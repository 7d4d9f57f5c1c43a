package bitbucket

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// QueryStringHash is the server's own computation of the qsh claim, written from the
// documentation and as plainly as possible. It shares nothing with the product's: the
// fuzz tests of package connect compare the two, and its vectors hold for both.
// Source: https://developer.atlassian.com/cloud/bitbucket/query-string-hash/
func QueryStringHash(method, path, query, base string) string {
	sum := sha256.Sum256([]byte(CanonicalRequest(method, path, query, base)))
	return hex.EncodeToString(sum[:])
}

var percentCode = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// CanonicalRequest is what the hash is over. base may have a trailing slash.
func CanonicalRequest(method, path, query, base string) string {
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
	for _, pair := range QueryPairs(query) {
		if pair[0] != "jwt" {
			values[pair[0]] = append(values[pair[0]], pair[1])
		}
	}
	var names []string
	for name := range values {
		names = append(names, name)
	}
	var parameters []string
	for _, name := range sorted(names) {
		var encoded []string
		for _, value := range sorted(values[name]) {
			encoded = append(encoded, encode(value))
		}
		parameters = append(parameters, encode(name)+"="+strings.Join(encoded, ","))
	}
	return strings.ToUpper(method) + "&" + strings.ReplaceAll(path, "&", "%26") + "&" + strings.Join(parameters, "&")
}

// QueryPairs decodes the names and values of a query string.
func QueryPairs(query string) (pairs [][2]string) {
	for _, pair := range strings.Split(query, "&") {
		if pair != "" {
			split := append(strings.SplitN(pair, "=", 2), "")
			pairs = append(pairs, [2]string{decode(split[0]), decode(split[1])})
		}
	}
	return pairs
}

// decode decodes + and %XX. Bytes that aren't UTF-8 become U+FFFD, as the Encoding
// standard has it, which the reference library's language follows.
func decode(s string) string {
	s = strings.ReplaceAll(s, "+", " ")
	if !strings.ContainsFunc(s, func(r rune) bool { return r == '%' || r >= utf8.RuneSelf }) {
		return s
	}
	s = percentCode.ReplaceAllStringFunc(s, func(code string) string {
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
		s = s[subpart(s):]
	}
	return valid.String()
}

// secondByte has the bytes that may follow a first byte: table 3-7 of the Unicode standard.
var secondByte = map[byte][2]byte{0xE0: {0xA0, 0xBF}, 0xED: {0x80, 0x9F}, 0xF0: {0x90, 0xBF}, 0xF4: {0x80, 0x8F}}

// subpart returns how many bytes of s, which is not UTF-8, one U+FFFD stands for.
func subpart(s string) int {
	first, length := s[0], 1
	if first < 0xE0 || first > 0xF4 {
		return length
	}
	second, known := secondByte[first]
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

func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// sorted sorts as JavaScript does.
func sorted(texts []string) []string {
	slices.SortFunc(texts, func(a, b string) int {
		if order := slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b))); order != 0 {
			return order
		}
		return cmp.Compare(a, b)
	})
	return texts
}
