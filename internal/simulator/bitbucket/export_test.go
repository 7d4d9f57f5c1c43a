package bitbucket

// CanonicalRequest and QueryStringHash are tested on their own, and used to sign
// the tests' requests.
var (
	CanonicalRequest = canonicalRequest
	QueryStringHash  = queryStringHash
)
