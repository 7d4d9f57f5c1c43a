package importer

import (
	"strings"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/shared/installation"
)

// misfit tells why a row can't be what it says. In a file whose columns are swapped
// the client key is a secret: then it must be in no output, journal or secret's name.
func misfit(row installation.Installation) string {
	switch {
	case apply.IsClientKey(row.SharedSecret.Reveal()):
		return "the shared secret looks like a client key: are the columns swapped?"
	case !named(row.ClientKey):
		return "the client key doesn't begin as one, with a word and a colon such as ari: or connection: (is the column right?)"
	}
	return ""
}

// named tells what Bitbucket's client keys have in common: a word and a colon, as in
// ari:cloud:bitbucket::app/… and the older connection:1. No more is asked, since they
// are opaque; a shared secret has no colon.
// Source: https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
func named(clientKey string) bool {
	word, rest, found := strings.Cut(clientKey, ":")
	return found && word != "" && rest != "" && !strings.ContainsAny(clientKey, " \t\r\n")
}
