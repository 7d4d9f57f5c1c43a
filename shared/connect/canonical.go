package connect

// CanonicalRequest returns the string whose hash a token carries.
func CanonicalRequest(method, rawPath, rawQuery, basePath string) string { return "" }

// QueryStringHash returns the SHA-256 of [CanonicalRequest], in lower-case hex.
func QueryStringHash(method, rawPath, rawQuery, basePath string) string { return "" }
