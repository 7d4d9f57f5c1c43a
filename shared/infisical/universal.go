package infisical

import (
	"context"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// UniversalAuth logs in with a client ID and one of its secrets. Infisical locks
// the client ID for five minutes after three wrong secrets (its defaults), so a
// refusal is never tried again within that time.
// Source: https://infisical.com/docs/documentation/platform/identities/universal-auth
type UniversalAuth struct {
	ClientID     string
	ClientSecret redact.Secret
}

func (u UniversalAuth) proof(context.Context, time.Time) (proof, error) {
	var issues []Issue
	issues = appendIssue(issues, "client_id", checkPlain(u.ClientID))
	issues = appendIssue(issues, "client_secret", checkPlain(u.ClientSecret.Reveal()))
	if len(issues) > 0 {
		return proof{}, &InputError{What: "Universal Auth", Issues: issues}
	}
	return proof{
		// Not repeatable: a client secret may have a limited number of uses.
		method:  "universal-auth",
		body:    map[string]string{"clientId": u.ClientID, "clientSecret": u.ClientSecret.Reveal()},
		secrets: []redact.Secret{u.ClientSecret},
		name:    fmt.Sprintf("Universal Auth as client %q", u.ClientID),
	}, nil
}
