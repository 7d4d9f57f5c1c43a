package bitbucket_test

import (
	"errors"
	"net/http"
	"testing"

	simulator "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/redact"
)

func TestCountVariables(t *testing.T) {
	t.Parallel()
	const environment = "{11111111-2222-4333-8444-555555555555}"
	sim := simulator.New(simulator.Options{})
	url, err := sim.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	err = sim.Seed(simulator.State{
		Users: []simulator.User{{Email: email, Tokens: []simulator.Token{
			{Value: "all", Scopes: []string{"read:pipeline:bitbucket", "read:repository:bitbucket"}}, {Value: "narrow", Scopes: []string{"read:user:bitbucket"}},
		}}},
		Repositories: []simulator.Repository{
			{Workspace: "acme", Slug: "app.web", Variables: 12, Environments: map[string]int{environment: 3}},
			{Workspace: "acme", Slug: "quiet"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	sim.Faults().Add(fault.Path(http.MethodGet, "/acme/quiet/pipelines_config"), fault.Always(), fault.Respond(404, nil, `{"type":"error","error":{"message":"Not found"}}`))
	tests := map[string]struct {
		repository, environment, token string
		want                           int
		err                            error
	}{
		"of a repository":        {"app.web", "", "all", 12, nil},
		"of an environment":      {"app.web", environment, "all", 3, nil},
		"without Pipelines":      {"quiet", "", "all", 0, nil},
		"an unknown repository":  {"none", "", "all", 0, bitbucket.ErrNotFound},
		"an unknown environment": {"app.web", "{0}", "all", 0, bitbucket.ErrNotFound},
		"a token without scopes": {"app.web", "", "narrow", 0, bitbucket.ErrMissingScope},
		"a wrong token":          {"app.web", "", "wrong", 0, bitbucket.ErrUnauthorized},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			account := bitbucket.Account{BaseURL: url, Email: email, Token: redact.New(test.token)}
			got, err := account.CountVariables(t.Context(), "acme", test.repository, test.environment)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("%d, %v", got, err)
			}
		})
	}
}
