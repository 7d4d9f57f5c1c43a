package status

import "encoding/json"

// MarshalJSON is the report as one document: results of three kinds, their summary,
// and what could not be read.
func (r Report) MarshalJSON() ([]byte, error) {
	results := make([]any, 0, len(r.Installations)+len(r.Connections)+len(r.Runs))
	type installation struct {
		Kind string `json:"kind"`
		Installation
	}
	for _, in := range r.Installations {
		results = append(results, installation{"installation", in})
	}
	type connection struct {
		Kind string `json:"kind"`
		Connection
	}
	for _, c := range r.Connections {
		c.Health = c.Of(r.At)
		if c.Users == nil {
			c.Users = []User{}
		}
		results = append(results, connection{"connection", c})
	}
	type run struct {
		Kind string `json:"kind"`
		Run
	}
	for _, done := range r.Runs {
		results = append(results, run{"run", done})
	}
	errors := r.Errors
	if errors == nil {
		errors = []string{}
	}
	return json.Marshal(struct {
		Version int    `json:"version"`
		App     string `json:"app,omitempty"`
		At      string `json:"at"`
		// Endpoints and DeadLetters are of the whole deployment.
		Endpoints   Endpoints      `json:"endpoints"`
		DeadLetters map[string]int `json:"dead_letters,omitempty"`
		Results     []any          `json:"results"`
		Summary     Summary        `json:"summary"`
		Errors      []string       `json:"errors"`
	}{1, r.App, r.At.UTC().Format("2006-01-02T15:04:05Z"), r.Endpoints, r.DeadLetters, results, r.Summary(), errors})
}
