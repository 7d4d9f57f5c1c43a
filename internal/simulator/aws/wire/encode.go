package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// escape percent-encodes all but the unreserved characters, as signatures do.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func formatLength(n int64) string { return strconv.FormatInt(n, 10) }

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, data string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(data))
	return hash.Sum(nil)
}
