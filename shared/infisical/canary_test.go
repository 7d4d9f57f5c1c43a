package infisical_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

// work uses a client as a command would, and returns all that it got back, in
// every way in which somebody may print it.
func work(ctx context.Context, client *infisical.Client) string {
	all := secrets()
	client.Login = infisical.UniversalAuth{ClientID: "client-1", ClientSecret: redact.New(all[1].value)}
	wanted := newConnection()
	wanted.Credentials.APIToken = redact.New(all[0].value)
	change := infisical.ConnectionChange{Credentials: &wanted.Credentials}

	created, createErr := client.Create(ctx, wanted)
	updated, updateErr := client.Update(ctx, connectionID, change)
	listed, listErr := client.Connections(ctx, "")
	results := []any{
		created, createErr, updated, updateErr, listed, listErr, client.Revoke(ctx),
		wanted, change, client, client.Login, infisical.ValidateConnection(infisical.NewConnection{Credentials: wanted.Credentials}),
	}
	var printed strings.Builder
	log := slog.New(slog.NewJSONHandler(&printed, nil))
	for _, result := range results {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s"} {
			fmt.Fprintf(&printed, verb+"\n", result)
		}
		if encoded, err := json.Marshal(result); err == nil {
			printed.Write(encoded)
		}
		log.InfoContext(ctx, "result", "value", result)
	}
	return printed.String()
}

// The API token is in the body of the create and of the update, in one field, and
// nowhere else: in no URL, header or other request, and in nothing that the client
// gives back, not even when a server sends back everything that it was asked. The
// same goes for the secrets of the login, each in its own place.
func TestSecretsAreNowhereButInTheirPlaceOfTheRequest(t *testing.T) {
	t.Parallel()
	for title, parody := range parrots() {
		for _, route := range []string{createPath, updatePath, listPath, loginPath, revokePath} {
			t.Run(route+" "+title, func(t *testing.T) {
				t.Parallel()
				server := newParrot(t, route, parody)
				checkNoSecret(t, "what the client gives back", work(t.Context(), server.client()), secrets()...)
				if server.count(route) == 0 {
					t.Errorf("%s was not called", route)
				}
				for _, made := range server.calls {
					for _, s := range secrets() {
						checkPlace(t, made, s)
					}
				}
				checkWire(t, server)
			})
		}
	}
}

// checkPlace fails unless a request holds the secret exactly where it may.
func checkPlace(t *testing.T, made call, s secret) {
	t.Helper()
	header := made.Header.Clone()
	if s.bearer && header.Get("Authorization") == "Bearer "+s.value {
		header.Del("Authorization")
	}
	checkNoSecret(t, "the request line of "+made.Route, fmt.Sprint(made.Route, made.Query), s)
	checkNoSecret(t, "the header of "+made.Route, fmt.Sprint(header), s)
	var found []string
	if made.Body != "" {
		found = fields(made.decoded(t), "", s.value)
	}
	var want []string
	if field, permitted := s.bodies[made.Route]; permitted {
		want = []string{field}
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("%s in the body of %s (-want +got):\n%s", s.name, made.Route, diff)
	}
}

// fields lists the fields whose text, or whose name, holds value.
func fields(decoded any, path, value string) []string {
	switch decoded := decoded.(type) {
	case string:
		if strings.Contains(decoded, value) {
			return []string{path}
		}
	case map[string]any:
		var found []string
		for key, inner := range decoded {
			if strings.Contains(key, value) {
				found = append(found, "a name in "+path)
			}
			found = append(found, fields(inner, strings.TrimPrefix(path+"."+key, "."), value)...)
		}
		return found
	}
	return nil
}

// checkWire counts the API token in the bytes that arrived: once for each body.
func checkWire(t *testing.T, server *parrot) {
	t.Helper()
	apiToken := secrets()[0]
	arrived := server.wire.String()
	bodies := server.count(createPath) + server.count(updatePath)
	for form, hidden := range apiToken.forms() {
		want := 0
		if form == "JSON" {
			want = bodies
		}
		if got := strings.Count(arrived, hidden); got != want {
			t.Errorf("the token (%s) came %d times over the network, want %d", form, got, want)
		}
	}
}

// canaryChild makes the test binary play a program that uses the client.
const canaryChild = "LINKERSYNC_TEST_CANARY_CHILD"

// Neither does the client print anything, nor does a panic in the middle of a
// request: the program's output is searched from outside.
func TestAProgramThatUsesTheClientPrintsNoSecret(t *testing.T) {
	t.Parallel()
	if os.Getenv(canaryChild) != "" {
		playProgram(t)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestAProgramThatUsesTheClientPrintsNoSecret$", "-test.v")
	child.Env = append(os.Environ(), canaryChild+"=1", "GOTRACEBACK=all")
	output, err := child.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "panic: in the middle of a request") {
		t.Fatalf("the program didn't panic: %v\n%s", err, output)
	}
	checkNoSecret(t, "the program's output", string(output), secrets()...)
}

func playProgram(t *testing.T) {
	for _, parody := range parrots() {
		fmt.Println(work(t.Context(), newParrot(t, createPath, parody).client()))
	}
	server := newParrot(t, "", nil)
	client := server.client()
	client.HTTP = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPatch {
			panic("in the middle of a request")
		}
		return http.DefaultTransport.RoundTrip(req)
	})}
	work(t.Context(), client)
}
