package intake

import (
	"regexp"
	"sync"

	"github.com/linkersync/linkersync/shared/installation"
)

// clientKey is what Bitbucket's client keys look like, the older ones as the second.
// Source: https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
var clientKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(ari:cloud:bitbucket::app/\S+|connection:[0-9]+)$`)
})

// misfit tells why a row can't be what it says. In a file whose columns are swapped
// the client key is a secret: then it must be in no output, journal or secret's name.
func misfit(row installation.Installation) string {
	switch {
	case clientKey().MatchString(row.SharedSecret.Reveal()):
		return "the shared secret looks like a client key: are the columns swapped?"
	case !clientKey().MatchString(row.ClientKey):
		return "the client key begins with neither ari:cloud:bitbucket::app/ nor connection: and a number: is the column right?"
	}
	return ""
}
