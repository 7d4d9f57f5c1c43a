package cli

import (
	"errors"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// orphan returns a function that recognises orphans: the app's connections that neither a
// manifest nor a tagged secret names. Without AWS the secrets are unknown, so the
// connections of the stack count as named.
func (inv *invocation) orphan(files []string) (func(infisical.Connection) bool, error) {
	named := map[[2]string]bool{}
	for _, file := range files {
		desired, err := inv.session.Load(inv.ctx, file, inv.process.Stdin)
		if err != nil {
			return nil, wrongManifest(err)
		}
		for _, c := range desired.Connections {
			named[[2]string{c.ProjectID, c.Name}] = true
		}
	}
	app := inv.session.AppKey()
	if app == "" {
		return nil, usage("--orphans needs the app whose connections are meant: --app-key, or a --file with an app")
	}
	tokens, err := inv.tagged()
	if err != nil {
		return nil, err
	}
	unread := tokens == nil
	if unread {
		inv.say("without AWS the tagged secrets can't be read: connections of the stack are left out")
	}
	for at := range tokens {
		named[at] = true
	}
	return func(row infisical.Connection) bool {
		owner, _ := reconcile.ConnectionOwner(row.Description)
		return (!unread || owner == app) && reconcile.Orphan(row, app, func(projectID, name string) bool {
			return named[[2]string{projectID, name}]
		})
	}, nil
}

// withoutAWS tells that nothing is known about AWS's secrets, because there is no login.
func withoutAWS(err error) bool {
	return errors.Is(err, awsenv.ErrNoCredentials) || errors.Is(err, awsenv.ErrNoRegion)
}
