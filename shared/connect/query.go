package connect

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// parameter is one decoded name=value pair of a query.
type parameter struct{ name, value string }

func appendQuery(dst []byte, rawQuery string) []byte {
	if rawQuery == "" {
		return dst
	}
	var buffer [8]parameter
	parameters := slices.DeleteFunc(parseQuery(buffer[:0], rawQuery), func(p parameter) bool {
		return p.name == "jwt" // carries the token itself
	})
	slices.SortFunc(parameters, func(a, b parameter) int {
		if order := compareUTF16(a.name, b.name); order != 0 {
			return order
		}
		return compareUTF16(a.value, b.value)
	})
	for i, p := range parameters {
		// A bare comma joins the values of a repeated name. A comma inside a value is
		// encoded, so the two differ.
		if i > 0 && p.name == parameters[i-1].name {
			dst = append(dst, ',')
		} else {
			if i > 0 {
				dst = append(dst, '&')
			}
			dst = appendEncoded(dst, p.name)
			dst = append(dst, '=')
		}
		dst = appendEncoded(dst, p.value)
	}
	return dst
}

// parseQuery is not url.ParseQuery, which refuses semicolons and broken
// percent-encodings that other implementations hash as they are.
func parseQuery(dst []parameter, rawQuery string) []parameter {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		dst = append(dst, parameter{decode(name), decode(value)})
	}
	return dst
}

// decode resolves percent-encodings and plus signs. A percent sign that starts no
// encoding stays.
func decode(s string) string {
	if !strings.ContainsAny(s, "%+") && utf8.ValidString(s) {
		return s
	}
	decoded := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			decoded = append(decoded, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			decoded = append(decoded, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			decoded = append(decoded, s[i])
		}
	}
	return string(toValidUTF8(decoded))
}

// toValidUTF8 replaces bytes that are not UTF-8 by U+FFFD, as JavaScript does: the
// longest beginning of a character counts as one, any other byte by itself. Go's
// conversions replace each byte by itself.
// Source: https://www.unicode.org/versions/Unicode15.0.0/ch03.pdf, U+FFFD Substitution
func toValidUTF8(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	var valid []byte
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			for size < len(text) && !utf8.FullRune(text[:size+1]) {
				size++
			}
		}
		valid = utf8.AppendRune(valid, r)
		text = text[size:]
	}
	return valid
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// appendEncoded percent-encodes all but the unreserved characters of RFC 3986.
func appendEncoded(dst []byte, s string) []byte {
	const upperHex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '.' || c == '_' || c == '~' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
	}
	return dst
}

// compareUTF16 orders valid UTF-8 strings by their UTF-16 code units, as JavaScript
// sorts. The order of their bytes is the same but for characters above U+FFFF (lead
// bytes F0 to F4): UTF-16 writes them as surrogates, which come before U+E000 to U+FFFF
// (lead bytes EE and EF).
func compareUTF16(a, b string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
			x, y = y, x
		}
		return int(x) - int(y)
	}
	return len(a) - len(b)
}
