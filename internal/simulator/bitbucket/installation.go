package bitbucket

import (
	"crypto/rand"
	"fmt"

	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

// installation is the server's record; Server.mu guards it. With thousands of
// them alike, the heavy parts (descriptor, value sets) are shared and immutable.
type installation struct {
	app       *App
	clientKey string
	principal Principal
	status    Status
	// secret is the preceding one while offered is being delivered.
	secret, offered string
	baseURL         string
	descriptor      *descriptor
	descriptorURL   string
	linkers         []*linkerState
}

// linkerState is the values of one linker in one installation.
type linkerState struct {
	key string
	// base is added to a set's numbers to make ids.
	base int64
	set  valueSet
}

// idSpan is how many ids one linker of one installation has to itself.
const idSpan = 1_000_000

func newInstallation(app *App, seed *Installation) *installation {
	in := &installation{
		app: app, clientKey: seed.ClientKey, principal: seed.Principal, status: seed.Status,
		secret: seed.SharedSecret, baseURL: seed.BaseURL,
		descriptor: app.parsed, descriptorURL: seed.DescriptorURL,
	}
	if in.principal.UUID == "" {
		in.principal.UUID = "{" + loopback.UUID() + "}"
	}
	if in.principal.Type == "" {
		in.principal.Type = "team"
	}
	if in.clientKey == "" {
		in.clientKey = fmt.Sprintf("ari:cloud:bitbucket::app/%s/%s", in.principal.UUID, app.Key)
	}
	if in.status == "" {
		in.status = Installed
	}
	if in.secret == "" {
		in.secret = app.newSecret()
	}
	if in.descriptorURL == "" {
		in.descriptorURL = app.DescriptorURL
	}
	return in
}

// newSecret is the app's own for a registered app, and a fresh one otherwise.
func (app *App) newSecret() string {
	if app.Secret != "" {
		return app.Secret
	}
	return rand.Text() + rand.Text()
}

// usableSecrets are those that a call to the API may be signed with now. While an
// install is under way the app must be able to prove the secret it was offered.
func (in *installation) usableSecrets() []string {
	switch {
	case in.status == Installed && in.offered != "":
		return []string{in.secret, in.offered}
	case in.status == Installed:
		return []string{in.secret}
	case in.status == Pending:
		return []string{in.offered}
	default:
		return nil
	}
}

// linkerState returns the state of a linker of the descriptor, made on first use.
func (s *Server) linkerState(in *installation, key string) *linkerState {
	for _, state := range in.linkers {
		if state.key == key {
			return state
		}
	}
	s.serial++
	state := &linkerState{key: key, base: s.serial * idSpan, set: newValueSet(nil, 0)}
	in.linkers = append(in.linkers, state)
	return state
}

func (in *installation) snapshot() Installation {
	values := make(map[string][]string, len(in.linkers))
	for _, state := range in.linkers {
		values[state.key] = state.set.values()
	}
	return Installation{
		AppKey: in.app.Key, ClientKey: in.clientKey, SharedSecret: in.secret, Principal: in.principal,
		Status: in.status, BaseURL: in.baseURL, Descriptor: in.descriptor.raw, DescriptorURL: in.descriptorURL,
		ForgeAppLink: in.descriptor.ForgeAppLink, Values: values,
	}
}
