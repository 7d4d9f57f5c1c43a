// Command lifecycle is the Lambda function that Bitbucket calls: it serves the
// app's descriptor and takes the callbacks that the descriptor names. One folder
// in functions/ is one block of template.yaml.
//
// # What is answered, and why
//
// Bitbucket takes 200 and 204 as "done" and everything else as "failed"; whether
// it ever repeats a callback is documented nowhere. So each answer is chosen by
// what the same request would do if it came again: 2xx when nothing is left to
// do, 4xx when it would be refused again, 503 when it may succeed.
//
//	204  the event was applied, or it was before: a redelivery, an event that a
//	     newer one overtook, an uninstall of what was never installed
//	401  it is not proven that Bitbucket sent this for this installation: no
//	     token, or one that fails in any way; an unsigned install whose secret
//	     Bitbucket refuses, or of a known installation
//	403  the workspace is not on this deployment's list; an unsigned install is
//	     refused before the proof
//	400  the body is not this event of this app; with a token, it is only read
//	     once that is verified
//	404  nothing is served at the path
//	405  the path takes another method, which the Allow header names
//	409  the installation was purged, and its recovery window still runs
//	413  the body is larger than 256 KiB
//	415  the body is not plain JSON
//	429  requests that prove nothing have used up their budget of this minute
//	503  Bitbucket or AWS could not be asked, or others kept changing the same
//	     installation; nothing was decided
//	500  a defect of ours
//
// The text of an answer is constant. Nothing of a request is repeated in it, and
// a 401 never tells its reason, which is in the log. An unsigned install gets the
// same answers whether the workspace has the app or not.
//
// # Who may change an installation
//
// An event changes the store in one of four cases, and in no other:
//
//   - It is signed with the installation's current secret.
//   - It is signed with the secret of the app itself, where one is configured.
//   - It is an unsigned install of an unknown client key, and Bitbucket accepts the
//     secret that it offers. It is stored create-only.
//   - It is signed with the previous secret, and Bitbucket refuses the current one,
//     which shows that it never heard of our taking it. Otherwise the event is older
//     than the rotation: an uninstall changes nothing, an install only what
//     Bitbucket confirms.
//
// Each write is conditional on the very state whose secret verified the token. An
// event that loses a race is authorized again, because a secret that was current
// may not be any more.
//
// Events are ordered by the secret first: Bitbucket signs with a secret only after
// the rotation to it. Events of one secret are ordered by the time in their tokens.
//
// An unsigned install that repeats the stored secret is a redelivery and answered
// 204; it changes nothing. One that offers another secret is refused for good,
// though Bitbucket may accept that secret: if our answer to a first install was
// lost, and Bitbucket then offers a new secret, an operator has to delete the
// stored one. SECURITY.md says how, and why there is no exception.
//
// Source: https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
package main
