// Package status is what there is, at one moment: the installations and whether
// their linkers are in order, the connections and what hangs on them, the runs of the
// last days, and what waits for a person. It shows a [Report] as a table for a
// terminal, as one JSON document and as a web page.
//
// It asks nobody: package cli collects a Report.
package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Health says how something is doing. The zero value is unknown.
type Health string

// The healths, from the best to the worst.
const (
	// OK: nothing needs to be done.
	OK Health = "ok"
	// Unknown: it could not be read, or was not asked for.
	Unknown Health = "unknown"
	// Attention: something differs, or will fail soon.
	Attention Health = "attention"
	// Failed: something does not work now.
	Failed Health = "failed"
)

// Report is the state of everything that linkersync looks after.
type Report struct {
	// App is the Connect app's key, empty when only connections are looked after.
	App string
	// At is when the report was made.
	At time.Time
	// Endpoints says whether Bitbucket still has the linker endpoints.
	Endpoints     Endpoints
	Installations []Installation
	Connections   []Connection
	// Runs are those of the last days, the newest first.
	Runs []Run
	// DeadLetters is how many messages wait for a person, by queue; nil when unknown.
	DeadLetters map[string]int
	// Errors say what could not be read.
	Errors []string
}

// Endpoints is what is known about the linker endpoints.
type Endpoints struct {
	Health Health `json:"health"`
	// Detail is a sentence: since when they are suspected to be gone, on what evidence.
	Detail string `json:"detail,omitempty"`
}

// Installation is one workspace that has, or had, the app.
type Installation struct {
	Workspace string `json:"workspace"`
	Name      string `json:"name,omitempty"`
	ClientKey string `json:"client_key"`
	// State is "installed" or "uninstalled".
	State string `json:"state"`
	// Linkers says whether the workspace has the values that the manifest lists.
	Linkers Health `json:"linkers"`
	// Detail says what differs or failed.
	Detail string `json:"detail,omitempty"`
	// LastRun and Outcome are of the newest run that reached the workspace.
	LastRun string `json:"last_run,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	// Moved tells whether the workspace has the Forge app.
	Moved   bool      `json:"moved_to_forge,omitempty"`
	Updated time.Time `json:"updated_at,omitzero"`
}

// Connection is one app connection of Infisical.
type Connection struct {
	Name string `json:"name"`
	// Project is the project's id; empty for a connection of the organization.
	Project string `json:"project,omitempty"`
	Email   string `json:"email,omitempty"`
	Health  Health `json:"health"`
	Detail  string `json:"detail,omitempty"`
	// Owner is the manifest or stack that the connection's mark names.
	Owner string `json:"owner,omitempty"`
	// Expires is when the token expires; zero when unknown.
	Expires time.Time `json:"token_expires_at,omitzero"`
	// Users are the secret syncs and data sources that use the connection.
	Users []User `json:"users"`
}

// User is a secret sync or a data source that uses a connection.
type User struct {
	// Kind is "sync" or "scan".
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Repository string `json:"repository,omitempty"`
	Health     Health `json:"health"`
	Detail     string `json:"detail,omitempty"`
}

// Run is one change on its way to every installation.
type Run struct {
	ID      string    `json:"id"`
	Started time.Time `json:"started_at"`
	Ended   time.Time `json:"ended_at,omitzero"`
	// Phase is "dispatching", "working" or "done".
	Phase     string `json:"phase"`
	Total     int    `json:"total"`
	Changed   int    `json:"changed"`
	Unchanged int    `json:"unchanged"`
	Failed    int    `json:"failed"`
	Skipped   int    `json:"skipped"`
	// Added and Removed count linker values.
	Added   int    `json:"added"`
	Removed int    `json:"removed"`
	Refused string `json:"refused,omitempty"`
	Note    string `json:"note,omitempty"`
}

// ExpirySoon is how long before its expiry a token needs attention.
const ExpirySoon = 14 * 24 * time.Hour

// Of is the health of the connection, with its token's expiry and its users.
func (c Connection) Of(now time.Time) Health {
	worst := c.Health
	for _, user := range c.Users {
		worst = worse(worst, user.Health)
	}
	if c.Expires.IsZero() {
		return worst
	}
	return worse(worst, c.expiry(now))
}

// expiry is the health of a token whose expiry is known.
func (c Connection) expiry(now time.Time) Health {
	switch {
	case !now.Before(c.Expires):
		return Failed
	case c.Expires.Sub(now) <= ExpirySoon:
		return Attention
	}
	return OK
}

// Health is the run's: a run that is on its way is unknown.
func (r Run) Health() Health {
	switch {
	case r.Failed > 0:
		return Failed
	case r.Phase != "done":
		return Unknown
	}
	return OK
}

func worse(a, b Health) Health {
	order := []Health{OK, Unknown, Attention, Failed}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// Summary counts a report.
type Summary struct {
	Health        Health         `json:"health"`
	Sentence      string         `json:"sentence"`
	Installations map[Health]int `json:"installations"`
	Connections   map[Health]int `json:"connections"`
	Uninstalled   int            `json:"uninstalled"`
	DeadLetters   int            `json:"dead_letters"`
}

// Summary counts the report and says in one sentence what needs a person.
func (r Report) Summary() Summary {
	s := Summary{Health: worse(OK, r.Endpoints.Health), Installations: map[Health]int{}, Connections: map[Health]int{}}
	for _, in := range r.Installations {
		if in.State == "uninstalled" {
			s.Uninstalled++
			continue
		}
		s.Installations[in.Linkers]++
	}
	for _, c := range r.Connections {
		s.Connections[c.Of(r.At)]++
	}
	for _, n := range r.DeadLetters {
		s.DeadLetters += n
	}
	for _, counts := range []map[Health]int{s.Installations, s.Connections} {
		for health, n := range counts {
			if n > 0 {
				s.Health = worse(s.Health, health)
			}
		}
	}
	if s.DeadLetters > 0 {
		s.Health = worse(s.Health, Attention)
	}
	if len(r.Errors) > 0 {
		s.Health = worse(s.Health, Unknown)
	}
	s.Sentence = r.sentence(s)
	return s
}

func (r Report) sentence(s Summary) string {
	var parts []string
	count := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	if r.Endpoints.Health == Failed || r.Endpoints.Health == Attention {
		parts = append(parts, r.Endpoints.Detail)
	}
	count(s.Installations[Failed], "installation fails", "installations fail")
	count(s.Installations[Attention], "installation differs from the manifest", "installations differ from the manifest")
	count(s.Connections[Failed], "connection fails", "connections fail")
	count(s.Connections[Attention], "connection needs attention", "connections need attention")
	count(s.DeadLetters, "dead letter waits", "dead letters wait")
	count(len(r.Errors), "thing could not be read", "things could not be read")
	if len(parts) == 0 && s.Health == Unknown {
		return "Nothing is known to be wrong, and not everything could be looked at."
	}
	if len(parts) == 0 {
		return "Everything is in order."
	}
	text := strings.Join(parts, ", ") + "."
	return strings.ToUpper(text[:1]) + text[1:]
}

// Sort brings what needs a person first.
func (r *Report) Sort() {
	order := func(h Health) int { return -slices.Index([]Health{OK, Unknown, Attention, Failed}, h) }
	slices.SortStableFunc(r.Installations, func(a, b Installation) int {
		return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(order(a.Linkers), order(b.Linkers)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Workspace, b.Workspace))
	})
	slices.SortStableFunc(r.Connections, func(a, b Connection) int {
		return cmp.Or(cmp.Compare(order(a.Of(r.At)), order(b.Of(r.At))), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Project, b.Project))
	})
	slices.SortStableFunc(r.Runs, func(a, b Run) int { return b.Started.Compare(a.Started) })
}
