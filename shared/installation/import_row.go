package installation

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/redact"
)

// Limits of a row's fields, in bytes.
const (
	// maxSharedSecret is eight times the documented longest.
	// Source: https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
	maxSharedSecret = 1024
	maxImportedKey  = 256 // as package connect accepts
)

// fields is a row before it is checked, whatever the file's form.
type fields struct {
	clientKey, appKey, secret string
	// workspace is the principal's UUID as the row has it.
	workspace   string
	principal   Principal
	state       State
	installedAt time.Time
}

// check returns the row's installation, or why it is refused.
func (f fields) check(appKey string) (in Installation, problem string) {
	if problem := f.clean(); problem != "" {
		return in, problem
	}
	if problem := f.checkKey(appKey); problem != "" {
		return in, problem
	}
	switch {
	case f.secret == "":
		return in, "no shared secret: Bitbucket sends none to personal accounts; `installations add` serves those with the app-level secret"
	case len(f.secret) > maxSharedSecret:
		return in, fmt.Sprintf("a shared secret of %d bytes: is the column right?", len(f.secret))
	case strings.Contains(f.secret, " "):
		return in, "white space in the shared secret: is the column right?"
	}
	if problem := f.checkWorkspace(); problem != "" {
		return in, problem
	}
	if f.state == "" {
		f.state = Installed
	}
	if f.state != Installed && f.state != Uninstalled {
		return in, "the state is neither installed nor uninstalled"
	}
	return Installation{
		AppKey: appKey, ClientKey: connect.CanonicalClientKey(f.clientKey), Principal: f.principal, State: f.state,
		SharedSecret: redact.New(f.secret), InstalledAt: f.installedAt,
	}, ""
}

// clean removes what surrounds a value and can't be meant, and refuses what can't
// be seen inside one.
func (f *fields) clean() (problem string) {
	for _, field := range []struct {
		name  string
		value *string
	}{
		{"client key", &f.clientKey}, {"app key", &f.appKey}, {"shared secret", &f.secret}, {"workspace's UUID", &f.workspace},
	} {
		text, err := input.Text(*field.value)
		if err != nil {
			return "the " + field.name + " isn't usable: " + err.Error()
		}
		*field.value = text
	}
	f.principal.DisplayName, f.principal.Type = input.Trim(f.principal.DisplayName), input.Trim(f.principal.Type)
	f.state = State(strings.ToLower(input.Trim(string(f.state))))
	return ""
}

func (f fields) checkKey(appKey string) (problem string) {
	switch {
	case f.clientKey == "":
		return "no client key"
	case len(f.clientKey) > maxImportedKey:
		return fmt.Sprintf("a client key of %d bytes: is the column right?", len(f.clientKey))
	case f.appKey != "" && f.appKey != appKey:
		return "it belongs to another app than " + appKey
	}
	if _, app, ok := connect.ClientKeyWorkspace(f.clientKey); ok && app != appKey {
		return "its client key is of another app than " + appKey
	}
	if _, err := EncodeName(appKey, f.clientKey); err != nil {
		return "the client key is too long for a secret's name"
	}
	return ""
}

// checkWorkspace holds the row's workspace to the one in its client key.
func (f *fields) checkWorkspace() (problem string) {
	if f.workspace != "" {
		workspace, err := connect.ParseWorkspaceUUID(f.workspace)
		if err != nil {
			return "the workspace's UUID is none"
		}
		f.principal.UUID = workspace
	}
	if workspace, _, ok := connect.ClientKeyWorkspace(f.clientKey); ok {
		if f.workspace != "" && f.principal.UUID != workspace {
			return "the client key is of another workspace than the row says"
		}
		f.principal.UUID = workspace
	}
	return ""
}

// installedFlag reads a flag as the common databases write them.
func installedFlag(value string) (State, error) {
	switch strings.ToLower(value) {
	case "1", "t", "true", "y", "yes", "":
		return Installed, nil
	case "0", "f", "false", "n", "no":
		return Uninstalled, nil
	}
	return "", errors.New("neither true nor false")
}
