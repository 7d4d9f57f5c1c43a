package connect

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// CanonicalRequest returns the text whose hash a token carries: METHOD&path&query,
// the path without basePath, the query sorted and encoded anew. Only the parameter
// jwt is left out of the query.
//
// rawPath and rawQuery are as they are on the wire, not decoded. basePath is the path
// of the descriptor's baseUrl, and empty for requests to Bitbucket. It is taken off
// only where it ends at the end of a path segment: "/app" is not taken off
// "/application".
//
// Atlassian's text decides. Where the text says nothing, Atlassian's library
// atlassian-jwt 2.0.3 does: it sorts decoded names and values by UTF-16 code unit, and
// reads bytes that are not UTF-8 as U+FFFD. The library also drops a parameter
// __proto__, any parameter after the 1000th, and a base path inside a segment. The
// text has no such exceptions, so they are not copied.
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
	// Most requests have a short path and at most two parameters: their canonical form
	// needs no allocation.
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
	path := stripBase(rawPath, basePath)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	// The library removes one trailing slash. The root keeps its own.
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

// stripBase returns rawPath unchanged if it is not below basePath: a proxy in front may
// have removed the base path already.
func stripBase(rawPath, basePath string) string {
	rest, below := strings.CutPrefix(rawPath, basePath)
	if below && (rest == "" || rest[0] == '/' || strings.HasSuffix(basePath, "/")) {
		return rest
	}
	return rawPath
}
