package connect

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// CanonicalRequest returns the string whose hash a token carries:
// METHOD&path&query, the path without basePath, the query sorted and encoded
// anew and without the parameter jwt.
//
// rawPath and rawQuery are taken as they are on the wire, not decoded. basePath
// is the path of the descriptor's baseUrl, with or without a trailing slash, and
// empty for requests to Bitbucket. It is taken off as a mere prefix, as the
// reference implementation does (npm atlassian-jwt 2.0.3), so "/app" is also
// taken off "/application"; [Verifier.Verify] refuses such a path.
//
// Source: https://developer.atlassian.com/cloud/bitbucket/query-string-hash/
func CanonicalRequest(method, rawPath, rawQuery, basePath string) string {
	return string(appendCanonical(nil, method, rawPath, rawQuery, basePath))
}

// QueryStringHash returns the SHA-256 of [CanonicalRequest] in lower-case hex: the
// value of the claim qsh.
func QueryStringHash(method, rawPath, rawQuery, basePath string) string {
	hash := queryStringHash(method, rawPath, rawQuery, basePath)
	return string(hash[:])
}

func queryStringHash(method, rawPath, rawQuery, basePath string) (hash [2 * sha256.Size]byte) {
	// Most requests have a short path and at most two parameters, so their canonical
	// form stays on the stack.
	var buffer [256]byte
	sum := sha256.Sum256(appendCanonical(buffer[:0], method, rawPath, rawQuery, basePath))
	hex.Encode(hash[:], sum[:])
	return hash
}

func appendCanonical(dst []byte, method, rawPath, rawQuery, basePath string) []byte {
	dst = append(dst, strings.ToUpper(method)...)
	dst = append(dst, '&')
	dst = appendPath(dst, rawPath, basePath)
	dst = append(dst, '&')
	return appendQuery(dst, rawQuery)
}

func appendPath(dst []byte, rawPath, basePath string) []byte {
	path, _ := stripBase(rawPath, basePath)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	// Exactly one trailing slash goes, and the root keeps its own.
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	for i := range len(path) {
		if path[i] == '&' {
			dst = append(dst, "%26"...) // "&" separates the parts of the canonical request
			continue
		}
		dst = append(dst, path[i])
	}
	return dst
}

// stripBase takes basePath off rawPath. A path that does not start with it is left
// alone: a proxy in front may have taken it off already. onSegment is false when
// the prefix ends inside a path segment.
func stripBase(rawPath, basePath string) (rest string, onSegment bool) {
	rest = strings.TrimPrefix(rawPath, strings.TrimSuffix(basePath, "/"))
	return rest, rest == "" || rest[0] == '/'
}
