package status

// Results are the rows for a script, of three kinds.
func (r Report) Results() []any {
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
	return results
}

// Whole is the summary for a script, with what is of the whole deployment.
func (r Report) Whole() any {
	return struct {
		Summary
		App         string         `json:"app,omitempty"`
		At          string         `json:"at"`
		Endpoints   Endpoints      `json:"endpoints"`
		DeadLetters map[string]int `json:"dead_letters_by_queue,omitempty"`
	}{r.Summary(), r.App, r.At.UTC().Format("2006-01-02T15:04:05Z"), r.Endpoints, r.DeadLetters}
}
