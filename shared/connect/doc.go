// Package connect speaks the Connect protocol of Bitbucket Cloud: it signs requests to
// Bitbucket, verifies requests from Bitbucket, and reads their payloads.
//
// A request is verified in three steps. [Verifier.Parse] reads its token, the caller
// finds the secrets of the installation that the token names, and [Verifier.Verify]
// compares. Only Verify makes a [Verified]. Code that acts on a callback asks for one,
// so a handler that forgets to verify does not compile.
//
// Verification is stricter than public Connect libraries are. It refuses any algorithm
// but HS256 before a secret is needed, a token without exp, a missing or foreign query
// string hash, duplicate claims, empty keys, and two different tokens in one request.
//
// What a caller answers:
//
//	ErrUnauthenticated  401  the same constant text for every reason
//	ErrInvalidPayload   400  the text names our field, never a value
//
// The token covers method, path and query of a request, not its body: a sender with a
// live token can send another body with it. A body has to agree with the token's client
// key, with our app ([Event.CheckKeys]) and with the route.
//
// The package does no HTTP, keeps no secret and writes no log. The package
// functions/lifecycle decides who may install and what is stored.
//
// Sources:
//
//   - https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
//   - https://developer.atlassian.com/cloud/bitbucket/understanding-jwt-for-apps/
//   - https://developer.atlassian.com/cloud/bitbucket/query-string-hash/
//   - https://developer.atlassian.com/cloud/bitbucket/app-descriptor/
package connect
