// Package bitbucket is a client for the part of Bitbucket Cloud's REST API that
// a Connect app with linkers needs: the addon, its linkers, their values, the
// OAuth grant that turns a Connect JWT into an access token, and the calls that
// prove a credential.
//
// It makes calls and decides nothing: package reconcile compares and repairs.
// The request and response bodies of linker values are documented nowhere, so
// they are kept behind one seam, [Codec].
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/
package bitbucket

// Linker is one linker of the app's descriptor.
type Linker struct {
	Key string `json:"key"`
}

// LinkerValue is one value that the linker's (?K) group matches.
type LinkerValue struct {
	// ID is Bitbucket's number for the value; zero when the API did not tell one.
	ID int64 `json:"id"`
	// Value matches [\w\-]+.
	Value string `json:"value"`
}
