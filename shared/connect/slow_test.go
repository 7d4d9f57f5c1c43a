package connect_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
)

// This is a second implementation of the verification, written from the protocol's
// documents alone and as plainly as possible. It shares no code with the package and
// uses other parts of the standard library. The hash is the simulator's. The fuzz tests
// compare the two.

var (
	slowScheme    = regexp.MustCompile(`(?is)^JWT (.+)$`)
	slowClientKey = regexp.MustCompile(`(?s)^ari:cloud:bitbucket::app/\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}/(.+)$`)
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
	for _, pair := range bitbucket.QueryPairs(r.RawQuery) {
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
	return claims["qsh"] == bitbucket.QueryStringHash(r.Method, r.RawPath, r.RawQuery, v.basePath)
}
