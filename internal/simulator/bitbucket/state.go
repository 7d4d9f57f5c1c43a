package bitbucket

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is everything that a server knows: what [Server.Seed] takes and
// [Server.Snapshot] returns.
type State struct {
	Apps          []App
	Users         []User
	Installations []Installation
	Repositories  []Repository
}

// App is a Connect app.
type App struct {
	Key string
	// Secret is the app-level secret of a registered app: it signs every callback
	// and is every installation's shared secret. An app without one is installed by
	// descriptor URL, and each installation has a secret of its own.
	Secret string
	// Descriptor is what installations start with; [Descriptor] makes a small one.
	Descriptor json.RawMessage
	// DescriptorURL is the registered location, the only one that a change of an
	// installation's descriptor_url may name.
	DescriptorURL string

	parsed *descriptor
}

// User is an Atlassian account that can authenticate with API tokens.
type User struct {
	// Email is the user name of Basic authentication.
	Email       string
	UUID        string
	AccountID   string
	DisplayName string
	Tokens      []Token
	// Repositories are those that the account may see, as workspace/repository; one that
	// ends with the slash is an empty workspace.
	Repositories []string
}

// Token is an Atlassian API token.
type Token struct {
	Value string
	// Scopes are like "read:user:bitbucket", which GET /2.0/user needs.
	Scopes []string
	// Expires is when the token stops working; the zero value means never.
	Expires time.Time
}

// Principal is the workspace ("team") or person ("user") that installs an app.
type Principal struct {
	// UUID has braces; empty means a fresh one.
	UUID string
	// Type is "team" or "user"; empty means "team".
	Type        string
	DisplayName string
	// Username is a team's; a user has an AccountID instead.
	Username  string
	AccountID string
}

// Status is whether an installation is installed now.
type Status string

// Installed installations can call the API. Pending ones are being delivered.
// Uninstalled ones can't, and keep the secret that signs the next install.
const (
	Installed   Status = "installed"
	Pending     Status = "pending"
	Uninstalled Status = "uninstalled"
)

// Installation is one principal's installation of one app.
type Installation struct {
	AppKey string
	// ClientKey is "ari:cloud:bitbucket::app/{uuid}/<app key>" when empty.
	ClientKey string
	// SharedSecret is the app's secret when empty and the app is registered, and
	// a fresh one otherwise.
	SharedSecret string
	Principal    Principal
	Status       Status
	// BaseURL is where callbacks go instead of the descriptor's baseUrl.
	BaseURL string
	// Descriptor is the app's when empty.
	Descriptor    json.RawMessage
	DescriptorURL string
	// ForgeAppLink is the descriptor's forgeAppLink; Seed ignores it.
	ForgeAppLink string
	// Values are the linker values by linker key, in the order of their ids.
	Values map[string][]string
}

// Seed adds apps, users and installations. Those that are there already are replaced.
func (s *Server) Seed(state State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var problems []error
	for _, app := range state.Apps {
		problems = append(problems, s.addApp(app))
	}
	for _, user := range state.Users {
		user.Tokens = slices.Clone(user.Tokens)
		s.users[user.Email] = &user
	}
	for _, repository := range state.Repositories {
		s.repositories[repository.Workspace+"/"+repository.Slug] = &repository
	}
	for i := range state.Installations {
		problems = append(problems, s.addInstallation(&state.Installations[i]))
	}
	return errors.Join(problems...)
}

func (s *Server) addApp(app App) error {
	parsed, err := parseDescriptor(app.Descriptor)
	if err != nil {
		return fmt.Errorf("seed app %s: %w", app.Key, err)
	}
	if parsed.Key != app.Key {
		return fmt.Errorf("seed app %s: descriptor has key %q", app.Key, parsed.Key)
	}
	app.parsed = parsed
	if known := s.apps[app.Key]; known != nil {
		*known = app // in place: installations point to it
		return nil
	}
	s.apps[app.Key] = &app
	return nil
}

func (s *Server) addInstallation(seed *Installation) error {
	app := s.apps[seed.AppKey]
	if app == nil {
		return fmt.Errorf("seed installation %s: unknown app %q", seed.ClientKey, seed.AppKey)
	}
	in := newInstallation(app, seed)
	if len(seed.Descriptor) > 0 {
		parsed, err := parseDescriptor(seed.Descriptor)
		if err != nil {
			return fmt.Errorf("seed installation %s: %w", in.clientKey, err)
		}
		in.descriptor = parsed
	}
	for linker, values := range seed.Values {
		if !in.descriptor.hasLinker(linker) {
			return fmt.Errorf("seed installation %s: unknown linker %q", in.clientKey, linker)
		}
		set, err := newValueSet(nil, 0).update(values, true)
		if err != nil {
			return fmt.Errorf("seed installation %s, linker %s: %w", in.clientKey, linker, err)
		}
		s.linkerState(in, linker).set = set
	}
	s.installations[in.clientKey] = in
	return nil
}

// Snapshot returns a copy of the state, sorted by key.
func (s *Server) Snapshot() State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var state State
	for _, app := range s.apps {
		state.Apps = append(state.Apps, *app)
	}
	for _, user := range s.users {
		state.Users = append(state.Users, *user)
	}
	for _, repository := range s.repositories {
		state.Repositories = append(state.Repositories, *repository)
	}
	for _, in := range s.installations {
		state.Installations = append(state.Installations, in.snapshot())
	}
	slices.SortFunc(state.Apps, func(a, b App) int { return strings.Compare(a.Key, b.Key) })
	slices.SortFunc(state.Users, func(a, b User) int { return strings.Compare(a.Email, b.Email) })
	slices.SortFunc(state.Repositories, func(a, b Repository) int { return strings.Compare(a.Workspace+"/"+a.Slug, b.Workspace+"/"+b.Slug) })
	slices.SortFunc(state.Installations, func(a, b Installation) int { return strings.Compare(a.ClientKey, b.ClientKey) })
	return state
}

// Installation returns one installation, in whatever state.
func (s *Server) Installation(clientKey string) (Installation, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	in := s.installations[clientKey]
	if in == nil {
		return Installation{}, false
	}
	return in.snapshot(), true
}

// Reset forgets all state, goes back to the initial switches, and clears the
// injector's rules and calls.
func (s *Server) Reset() {
	s.mu.Lock()
	s.forget()
	s.mu.Unlock()
	s.Faults().Clear()
	s.Faults().ResetCalls()
}

func (s *Server) forget() {
	s.switches = s.initial
	s.apps = map[string]*App{}
	s.users = map[string]*User{}
	s.repositories = map[string]*Repository{}
	s.installations = map[string]*installation{}
	s.grants = map[string]grant{}
	s.budgets = map[string]*budget{}
	s.lastDescriptors = map[string]*descriptor{}
}
