package bitbucket_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/redact"
)

// TestCheckScopes proves what a GET can prove, names what none can, and tells a token
// without scopes from one that Bitbucket doesn't take.
func TestCheckScopes(t *testing.T) {
	t.Parallel()
	all := strings.Fields("read:user:bitbucket read:workspace:bitbucket read:project:bitbucket read:repository:bitbucket read:pipeline:bitbucket read:webhook:bitbucket")
	without := func(scope string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == scope })
	}
	tests := map[string]struct {
		scopes []string
		uses   []string
		empty  bool
		want   string
	}{
		"nothing but a connection": {all, nil, false, "+read:user"},
		"syncs":                    {all, []string{"sync"}, false, "+read:user +read:workspace +read:project +read:repository +read:pipeline ?admin:pipeline ?write:pipeline ?admin:workspace"},
		"scans":                    {all, []string{"scan"}, false, "+read:user +read:workspace +read:project +read:repository +read:webhook ?write:webhook ?delete:webhook"},
		"syncs, one is missing":    {without("read:pipeline:bitbucket"), []string{"sync"}, false, "+read:user +read:workspace +read:project +read:repository -read:pipeline ?admin:pipeline ?write:pipeline ?admin:workspace"},
		"without scopes":           {nil, []string{"scan"}, false, "-read:user -read:workspace ?read:project ?read:repository ?read:webhook ?write:webhook ?delete:webhook"},
		"no repository":            {all, []string{"sync"}, true, "+read:user +read:workspace +read:project +read:repository ?read:pipeline ?admin:pipeline ?write:pipeline ?admin:workspace"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := simbitbucket.New(simbitbucket.Options{})
			url, err := server.Start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			user := simbitbucket.User{Email: "ci@example.com", Repositories: []string{"acme/app one"}, Tokens: []simbitbucket.Token{{Value: "a-token", Scopes: test.scopes}}}
			if test.empty {
				user.Repositories = []string{"acme/"}
			}
			if err := server.Seed(simbitbucket.State{Users: []simbitbucket.User{user}}); err != nil {
				t.Fatal(err)
			}
			account := bitbucket.Account{HTTP: http.DefaultClient, BaseURL: url, Email: "ci@example.com", Token: redact.New("a-token")}
			scopes, err := account.CheckScopes(t.Context(), test.uses)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, scope := range scopes {
				sign := map[bitbucket.Verdict]string{bitbucket.Granted: "+", bitbucket.Lacking: "-", bitbucket.Unproven: "?"}[scope.Verdict]
				got = append(got, sign+strings.TrimSuffix(scope.Name, ":bitbucket"))
				if (scope.Verdict == bitbucket.Unproven) != (scope.Why != "") {
					t.Errorf("%s is %s: %q", scope.Name, scope.Verdict, scope.Why)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("scopes (-want +got):\n%s", diff)
			}
			account.Token = redact.New("expired")
			if _, err := account.CheckScopes(t.Context(), test.uses); !errors.Is(err, bitbucket.ErrUnauthorized) {
				t.Errorf("an expired token: %v", err)
			}
		})
	}
}
