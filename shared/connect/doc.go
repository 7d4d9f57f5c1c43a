// Package connect speaks the Connect protocol of Bitbucket Cloud: it signs our
// requests, verifies Bitbucket's, and reads the payloads that come with them.
//
// [Verifier.Verify] is the only way to a [Verified], so that what acts on a
// callback can ask for one: a handler that "wrote 401 and went on" then does not
// compile. Verification is strict where public Connect libraries are not. It
// refuses any algorithm but HS256 before a secret is looked up, a token without
// exp, a missing or foreign query string hash, duplicate claims, empty keys, and
// two different tokens in one request.
//
// What a caller of Verify, or of a Parse function, answers:
//
//	ErrUnauthenticated  401  the same constant text for every reason
//	ErrUnavailable      503  no secret could be read; nothing is known, so try again
//	ErrInvalidPayload   400  the text names our field, never a value
//
// The token covers method, path and query of a request, not its body: whoever
// holds a live token can send another body with it. A body has to agree with the
// token's client key, with our app ([Event.CheckKeys]) and with the route.
//
// The package does no HTTP, keeps no secret and writes no log. Who may install,
// what is stored and which status code is written is decided in
// functions/lifecycle; secrets come from a [SecretSource].
//
// Sources:
//
//   - https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
//   - https://developer.atlassian.com/cloud/bitbucket/understanding-jwt-for-apps/
//   - https://developer.atlassian.com/cloud/bitbucket/query-string-hash/
//   - https://developer.atlassian.com/cloud/bitbucket/app-descriptor/
package connect
