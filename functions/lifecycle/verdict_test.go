package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/installation"
)

// TestVerdictOnOfferedSecret: which of Bitbucket's answers refuse a first install.
func TestVerdictOnOfferedSecret(t *testing.T) {
	t.Parallel()
	var situations []situation
	for status, want := range map[int]int{400: 401, 401: 401, 403: 401, 404: 401, 409: 503, 410: 503, 418: 503, 429: 503} {
		situations = append(situations, situation{
			name: fmt.Sprintf("Bitbucket answers %d", status), fault: bitbucketFails(fault.Respond(status, nil, "")),
			send: click(workspaceNew, secretNew), status: want, calls: asked,
		})
	}
	play(t, situations)
}

// TestVerdictOnCurrentSecret: only a clear refusal of the current secret says that
// it is not in force. After any other answer the event is to come again, and nothing
// changes: in an incident Bitbucket answers 400, 403 and 404 as well.
func TestVerdictOnCurrentSecret(t *testing.T) {
	t.Parallel()
	const grant = `{"error":"invalid_grant","error_description":"no"}`
	answers := []struct {
		name    string
		status  int
		body    string
		refused bool
	}{
		{"401", 401, "", true},
		{"401 in JSON", 401, `{"type":"error","error":{"message":"no"}}`, true},
		{"invalid_grant", 400, grant, true},
		{"400", 400, "", false},
		{"another OAuth error", 400, `{"error":"invalid_request"}`, false},
		{"unsupported_grant_type", 400, `{"error":"unsupported_grant_type"}`, false},
		{"403", 403, "", false},
		{"403 with invalid_grant", 403, grant, false},
		{"404", 404, "", false},
		{"404 with invalid_grant", 404, grant, false},
		{"410", 410, "", false},
		{"429", 429, "", false},
		{"500", 500, "", false},
		{"an empty success", 200, "", false},
		{"a redirect", 302, "", false},
	}
	// Each use of the question changes the installation when the secret is refused.
	uses := []struct {
		name     string
		event    string
		offers   string
		signed   string
		replayed bool // an event with the same token came before
		refused  string
	}{
		{"uninstall by the previous secret", "uninstalled", "", secretPrevious, false, "uninstalled " + secretPrevious},
		{"install by the previous secret", "installed", secretNext, secretPrevious, false, "installed " + secretNext},
		{"second uninstall of one second", "uninstalled", "", secretCurrent, true, "uninstalled " + secretCurrent},
	}
	for _, use := range uses {
		for _, answer := range answers {
			for _, method := range []string{proofOAuth, proofWorkspace} {
				t.Run(use.name+", "+answer.name+", "+method, func(t *testing.T) {
					t.Parallel()
					h, store := isolated(t)
					store.known[one] = base(installation.Installed, false)
					store.replayed = use.replayed
					h.authorizer.prover.method = method
					accepts := bitbucketAcceptsOnly(secretNext)
					h.authorizer.prover.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
						if response, err := accepts(r); response.StatusCode == http.StatusOK {
							return response, err
						}
						header := http.Header{"Content-Type": {"application/json"}, "Location": {"https://elsewhere.example"}}
						return &http.Response{StatusCode: answer.status, Header: header, Body: io.NopCloser(strings.NewReader(answer.body)), Request: r}, nil
					})
					response := store.deliver(t, h, use.event, use.offers, use.signed, 0)
					want, status := "installed "+secretCurrent, http.StatusServiceUnavailable
					if answer.refused {
						want, status = use.refused, http.StatusNoContent
					}
					after := store.known[one]
					if got := string(after.State) + " " + after.SharedSecret.Reveal(); got != want || response.StatusCode != status {
						t.Errorf("answered %d, stored %q; want %d, %q", response.StatusCode, got, status, want)
					}
				})
			}
		}
	}
}
