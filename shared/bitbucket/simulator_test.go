package bitbucket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	simulator "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	appKey        = "example-app"
	workspaceUUID = "{11111111-2222-4333-8444-555555555555}"
	clientKey     = "ari:cloud:bitbucket::app/" + workspaceUUID + "/" + appKey
	sharedSecret  = "canary-shared-secret"
)

// simulated starts a simulated Bitbucket, which checks every signature with code
// of its own, and returns a client that signs as the product does.
func simulated(t *testing.T, switches simulator.Switches) (*simulator.Server, *bitbucket.Client) {
	t.Helper()
	sim := simulator.New(simulator.Options{Switches: switches})
	url, err := sim.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	err = sim.Seed(simulator.State{
		Apps: []simulator.App{{Key: appKey, Descriptor: simulator.Descriptor(appKey, "https://app.example.com", "jira", "docs")}},
		Users: []simulator.User{{Email: email, Tokens: []simulator.Token{
			{Value: token, Scopes: []string{"read:user:bitbucket"}}, {Value: "without", Scopes: []string{"read:repository:bitbucket"}},
		}}},
		Installations: []simulator.Installation{{
			AppKey: appKey, SharedSecret: sharedSecret, Principal: simulator.Principal{UUID: workspaceUUID, Username: "example"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	signer := connect.Signer{AppKey: appKey, ClientKey: clientKey, Secret: redact.New(sharedSecret)}
	stack := transport.New(transport.Options{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	return sim, &bitbucket.Client{BaseURL: url, AuthURL: url, HTTP: &http.Client{Transport: stack}, Sign: signer.Sign}
}

// Whatever shape Bitbucket turns out to have, the client copes with it unconfigured.
func TestEveryShapeOfBitbucket(t *testing.T) {
	t.Parallel()
	for item := simulator.ItemValue; item <= simulator.ItemString; item++ {
		for list := simulator.ListEnvelope; list <= simulator.ListBare; list++ {
			for bulk := simulator.BulkStrings; bulk <= simulator.BulkWrappedObjects; bulk++ {
				t.Run(fmt.Sprintf("item %d list %d bulk %d", item, list, bulk), func(t *testing.T) {
					t.Parallel()
					_, client := simulated(t, simulator.Switches{Item: item, List: list, Bulk: bulk})
					liveWithValues(t, client, item != simulator.ItemString)
				})
			}
		}
	}
}

// liveWithValues takes a linker through everything that can be done to its values.
func liveWithValues(t *testing.T, client *bitbucket.Client, withIDs bool) {
	t.Helper()
	ctx := t.Context()
	many := make([]string, 250)
	for i := range many {
		many[i] = fmt.Sprintf("P-%03d", i)
	}
	must(t, client.UpdateLinkerValues(ctx, "jira", many))
	wantValues(t, client, many)
	created, err := client.CreateLinkerValue(ctx, "jira", "OPS")
	must(t, err)
	_, err = client.CreateLinkerValue(ctx, "jira", "OPS")
	wantError(t, err, bitbucket.ErrExists)
	wantValues(t, client, append(many, "OPS"))
	if withIDs {
		got, err := client.LinkerValue(ctx, "jira", created.ID)
		must(t, err)
		if got != created || created.ID == 0 {
			t.Errorf("LinkerValue = %+v, created %+v", got, created)
		}
		must(t, client.DeleteLinkerValue(ctx, "jira", created.ID))
		wantError(t, client.DeleteLinkerValue(ctx, "jira", created.ID), bitbucket.ErrNotFound)
		wantValues(t, client, many)
	}
	must(t, client.UpdateLinkerValues(ctx, "jira", []string{}))
	wantValues(t, client, nil)
	must(t, client.UpdateLinkerValues(ctx, "jira", many[:3]))
	must(t, client.DeleteLinkerValues(ctx, "jira"))
	wantValues(t, client, nil)

	linkers, err := collect(client.Linkers(ctx))
	must(t, err)
	if diff := cmp.Diff([]bitbucket.Linker{{Key: "jira"}, {Key: "docs"}}, linkers); diff != "" {
		t.Errorf("linkers (-want +got):\n%s", diff)
	}
	_, err = client.Linker(ctx, "jira")
	must(t, err)
}

func wantValues(t *testing.T, client *bitbucket.Client, want []string) {
	t.Helper()
	values, err := collect(client.LinkerValues(t.Context(), "jira"))
	must(t, err)
	var got []string
	for _, value := range values {
		got = append(got, value.Value)
	}
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRemovalInEveryForm(t *testing.T) {
	t.Parallel()
	for _, removal := range []simulator.Removal{simulator.RemovedGone, simulator.RemovedUnknownURL} {
		sim, client := simulated(t, simulator.Switches{})
		_, err := collect(client.LinkerValues(t.Context(), "no-such-linker"))
		wantError(t, err, bitbucket.ErrNotFound)
		sim.Configure(func(s *simulator.Switches) { s.Removed = removal })
		for _, key := range []string{"jira", "no-such-linker"} {
			_, err := collect(client.LinkerValues(t.Context(), key))
			wantError(t, err, bitbucket.ErrEndpointRemoved)
			_, err = client.CreateLinkerValue(t.Context(), key, "BB")
			wantError(t, err, bitbucket.ErrEndpointRemoved)
			wantError(t, client.UpdateLinkerValues(t.Context(), key, []string{"BB"}), bitbucket.ErrEndpointRemoved)
			wantError(t, client.DeleteLinkerValue(t.Context(), key, 1), bitbucket.ErrEndpointRemoved)
		}
		// What isn't deprecated goes on working: customers have to be led on.
		must(t, client.UpdateAddonDescriptor(t.Context(), simulator.Descriptor(appKey, "https://app.example.com", "jira")))
	}
}

func TestCredentialsAgainstBitbucket(t *testing.T) {
	t.Parallel()
	_, client := simulated(t, simulator.Switches{})
	granted, err := client.AccessToken(t.Context())
	if err != nil || granted.Token.IsZero() {
		t.Errorf("AccessToken = %v, %v", granted, err)
	}
	must(t, client.Workspace(t.Context(), workspaceUUID))
	must(t, bitbucket.Account{HTTP: client.HTTP, BaseURL: client.BaseURL, Email: email, Token: redact.New(token)}.CheckToken(t.Context()))
	err = bitbucket.Account{HTTP: client.HTTP, BaseURL: client.BaseURL, Email: email, Token: redact.New("without")}.CheckToken(t.Context())
	wantError(t, err, bitbucket.ErrMissingScope, bitbucket.ErrForbidden)
	err = bitbucket.Account{HTTP: client.HTTP, BaseURL: client.BaseURL, Email: email, Token: redact.New("canary-wrong")}.CheckToken(t.Context())
	wantError(t, err, bitbucket.ErrUnauthorized)

	forged := connect.Signer{AppKey: appKey, ClientKey: clientKey, Secret: redact.New("canary-forged")}
	client.Sign = forged.Sign
	_, err = client.AccessToken(t.Context())
	if !errors.Is(err, bitbucket.ErrUnauthorized) && !errors.Is(err, bitbucket.ErrInvalid) {
		t.Errorf("AccessToken with a wrong secret: %v, want a refusal", err)
	}
	wantError(t, client.Workspace(t.Context(), workspaceUUID), bitbucket.ErrUnauthorized)
	wantError(t, client.UpdateAddon(t.Context()), bitbucket.ErrUnauthorized)
}
