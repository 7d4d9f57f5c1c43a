// Package reconcile brings linker values and Infisical connections to what a
// manifest says: it reads what is there, compares, acts, and reads again.
//
// It decides and does not speak: package bitbucket and package infisical do the
// calls, package manifest says what is wanted. It keeps no state of its own, so
// a run that died half-way is repaired by running again.
//
// # Linkers
//
// Desired values D, actual values A, target T: D when the linker prunes, D ∪ A
// when it does not. Equal sets cost the read and nothing more. A few additions
// are POSTed and a few removals DELETEd one by one; more than that, or a mix of
// both, is one bulk PUT of T, so that renaming one value is one write and never
// leaves a moment without it. Then everything is read again, and what is left is
// the next round's work, for a bounded number of rounds ([NotConvergedError]).
//
// No document says whether Bitbucket's PUT replaces or merges, whether values
// are compared with or without case, or whether lists show ids. So nothing here
// relies on it: after a PUT that merged, the rest is deleted one by one; a value
// that Bitbucket takes for another one in different case is reported and left
// alone, because deleting it might delete the one that is wanted.
//
// One race is left. When a linker does not prune and the difference is large,
// values that somebody else adds between the read and the PUT are lost if PUT
// replaces; the API has no condition that would prevent it.
//
// When a PUT is refused, values are added one by one, up to a bound: beyond it the
// apply ends with [BulkRefusedError], because thousands of calls in each of
// thousands of workspaces would only meet the rate limit.
//
// # Connections
//
// Infisical never returns a token, so nobody can compare the stored one with
// ours. A mark in the connection's description makes up for it:
//
//	CI of team A · managed by linkersync · fp 1a2b3c4d5e6f
//
// It says that the connection is ours to change, and with the [Fingerprint]
// which credentials were written last. People may edit the text around it. What
// it can't show is a token that somebody replaced in Infisical by hand and left
// the mark as it was; [DesiredConnection.Rewrite] is for that.
//
// # Secret syncs
//
// All settings of a secret sync can be read back, so they are compared one by one, and a
// difference is written whole. What a run would do that is hard to take back is a risk of
// the plan, which needs a yes.
//
// # Plans and results as JSON
//
// [Plan] and [Result] are written as JSON with these promises: names are
// snake_case and keep their meaning, lists are never null, and new fields may appear. testdata/plan.json and testdata/result.json are
// complete examples that a test holds the code to.
package reconcile
