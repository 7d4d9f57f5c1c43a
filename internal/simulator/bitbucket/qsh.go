package bitbucket

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// queryStringHash is the server's own computation of the qsh claim, written from
// the documentation and checked against the reference library's results; it
// shares nothing with the product's. basePath has no trailing slash.
// Source: https://developer.atlassian.com/cloud/bitbucket/query-string-hash/
func queryStringHash(method, rawPath, rawQuery, basePath string) string {
	sum := sha256.Sum256([]byte(canonicalRequest(method, rawPath, rawQuery, basePath)))
	return hex.EncodeToString(sum[:])
}

func canonicalRequest(method, rawPath, rawQuery, basePath string) string {
	return strings.ToUpper(method) + "&" + canonicalPath(rawPath, basePath) + "&" + canonicalQuery(rawQuery)
}

func canonicalPath(path, base string) string {
	if path == base || strings.HasPrefix(path, base+"/") {
		path = path[len(base):]
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/") // one, not all of them
	}
	return strings.ReplaceAll(path, "&", "%26")
}

func canonicalQuery(query string) string {
	values := map[string][]string{}
	var names []string
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, value := formDecode(rawName), formDecode(rawValue)
		if pair == "" || name == "jwt" {
			continue
		}
		if values[name] == nil {
			names = append(names, name)
		}
		values[name] = append(values[name], value)
	}
	slices.SortFunc(names, compareUTF16)
	parts := make([]string, len(names))
	for i, name := range names {
		list := values[name]
		slices.SortFunc(list, compareUTF16)
		for j, value := range list {
			list[j] = percentEncode(value)
		}
		parts[i] = percentEncode(name) + "=" + strings.Join(list, ",")
	}
	return strings.Join(parts, "&")
}

// compareUTF16 orders as the reference library's language does. It differs from
// the order of bytes only beyond the basic plane.
func compareUTF16(a, b string) int {
	return slices.CompareFunc(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)), cmp.Compare[uint16])
}

// formDecode decodes %XX and +. What isn't a valid escape stays as it is, and
// bytes that aren't UTF-8 become the replacement character, one for each.
func formDecode(s string) string {
	decoded := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			decoded = append(decoded, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b, _ := hex.DecodeString(s[i+1 : i+3]) // both are hex digits
			decoded = append(decoded, b[0])
			i += 2
		default:
			decoded = append(decoded, s[i])
		}
	}
	if utf8.Valid(decoded) {
		return string(decoded)
	}
	return string([]rune(string(decoded)))
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// percentEncode encodes everything but RFC 3986's unreserved characters.
func percentEncode(s string) string {
	const unreserved = "-._~"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', strings.IndexByte(unreserved, c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}
