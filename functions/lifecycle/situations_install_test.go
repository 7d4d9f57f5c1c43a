package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// click installs the app as a person in the workspace does.
func click(workspace, secret string) func(*testing.T, *world) (int, string) {
	return func(t *testing.T, w *world) (int, string) {
		t.Helper()
		delivery, _ := w.bitbucket.Install(t.Context(), bitbucket.Install{
			AppKey: appKey, BaseURL: w.url, SharedSecret: secret,
			Principal: bitbucket.Principal{UUID: workspace, DisplayName: "example-workspace", Username: "example"},
		})
		return delivery.Status, string(delivery.Answer)
	}
}

// bitbucketAccepts makes Bitbucket accept a secret for the stranger, as it does
// while an install is under way.
func bitbucketAccepts(secret string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		err := w.bitbucket.Seed(bitbucket.State{Installations: []bitbucket.Installation{{
			AppKey: appKey, ClientKey: stranger, SharedSecret: secret, Status: bitbucket.Installed,
			Principal: bitbucket.Principal{UUID: workspaceNew, DisplayName: "example-workspace", Username: "example"},
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func bitbucketFails(effect fault.Effect) func(*world) {
	return func(w *world) { w.bitbucket.Faults().Add(fault.Any(), fault.Always(), effect) }
}

var newcomer = map[string]stored{stranger: {State: "installed", Secret: secretNew, Name: "example-workspace"}}

func TestFirstInstall(t *testing.T) {
	t.Parallel()
	play(t, []situation{
		{
			name: "L01 Bitbucket accepts the offered secret",
			send: click(workspaceNew, secretNew), status: 204, stored: newcomer, calls: proven,
		},
		{
			name: "L01 proven by the workspace", deployment: deployment{env: map[string]string{"LINKERSYNC_PROOF": "workspace"}},
			send: click(workspaceNew, secretNew), status: 204, stored: newcomer,
			calls: []string{"GetSecretValue", "CreateSecret", "SendMessageBatch", "GET /2.0/workspaces/%7B66666666-7777-4888-8999-aaaaaaaaaaaa%7D"},
		},
		{
			name:    "L01 Bitbucket refuses the offered secret",
			message: func(*world) message { return installed(stranger, secretForeign) }, status: 401, calls: asked,
		},
		{
			name: "L01 Bitbucket refuses it for the workspace", deployment: deployment{env: map[string]string{"LINKERSYNC_PROOF": "workspace"}},
			message: func(*world) message { return installed(stranger, secretForeign) }, status: 401,
			calls: []string{"GET /2.0/workspaces/%7B66666666-7777-4888-8999-aaaaaaaaaaaa%7D"},
		},
		{
			name: "L01 Bitbucket is down", fault: bitbucketFails(fault.Respond(http.StatusBadGateway, nil, "")),
			send: click(workspaceNew, secretNew), status: 503,
			calls: []string{"POST /site/oauth2/access_token", "POST /site/oauth2/access_token"},
		},
		{
			name: "L01 Bitbucket limits the rate", fault: bitbucketFails(bitbucket.RateLimited()),
			send: click(workspaceNew, secretNew), status: 503, calls: asked,
		},
		{
			name: "L01 Bitbucket hangs up", fault: bitbucketFails(fault.Reset()),
			send: click(workspaceNew, secretNew), status: 503,
			calls: []string{"POST /site/oauth2/access_token", "POST /site/oauth2/access_token"},
		},
		{
			name: "L01 the proof goes by the same clock as everything", given: func(_ *testing.T, w *world) { w.clock.advance(24 * time.Hour) },
			send: click(workspaceNew, secretNew), status: 204, stored: newcomer, calls: proven,
		},
		{
			name: "L01 another install was faster", given: func(t *testing.T, w *world) {
				w.send(t, uninstalled(stranger).signed(w.token(stranger, "/uninstalled", secretForeign))) // the handler remembers that it is unknown
				w.put(t, stranger, stored{State: "installed", Secret: "not-a-real-faster-secret"})
			},
			send: click(workspaceNew, secretNew), status: 401,
			calls: []string{"CreateSecret", "GetSecretValue", "POST /site/oauth2/access_token", "POST /site/oauth2/access_token"},
		},
		{
			name: "L01 the store can't be read", fault: func(w *world) {
				w.aws.Faults.Add(fault.Target("GetSecretValue"), fault.Once(), fault.Throttle())
			},
			send: click(workspaceNew, secretNew), status: 503, calls: found,
		},
		{
			name: "L01 the workspace is not on the list", deployment: deployment{env: map[string]string{"LINKERSYNC_ALLOWED_WORKSPACES": workspaceOne}},
			send: click(workspaceNew, secretNew), status: 403,
		},
		{
			name: "L01 the workspace is on the list", deployment: deployment{env: map[string]string{"LINKERSYNC_ALLOWED_WORKSPACES": workspaceOne + ", 66666666-7777-4888-8999-AAAAAAAAAAAA"}},
			send: click(workspaceNew, secretNew), status: 204, stored: newcomer, calls: proven,
		},
		{
			name: "L01 the workspace is on the list, in other letters", deployment: deployment{env: map[string]string{"LINKERSYNC_ALLOWED_WORKSPACES": workspaceNew}},
			given: bitbucketAccepts(secretNew), message: func(*world) message {
				return message{path: "/installed", body: payload("installed", stranger, secretNew).with("principal", object{"uuid": strings.ToUpper(workspaceNew)}).json()}
			}, status: 204, stored: map[string]stored{stranger: {State: "installed", Secret: secretNew}}, calls: proven,
		},
		{
			name: "L01 the client key names no workspace", message: func(*world) message {
				return message{path: "/installed", body: payload("installed", stranger, secretNew).with("clientKey", "connection:479").json()}
			}, status: 401,
		},
		{
			name: "L01 the client key names another workspace", message: func(*world) message {
				return message{path: "/installed", body: payload("installed", stranger, secretNew).with("principal", object{"uuid": workspaceOne}).json()}
			}, status: 400,
		},
		{
			name: "L01 the queue is down", fault: func(w *world) {
				w.aws.Faults.Add(fault.Target("SendMessageBatch"), fault.Always(), fault.Throttle())
			},
			send: click(workspaceNew, secretNew), status: 204, stored: newcomer, calls: proven,
		},
	})
}

func TestReinstall(t *testing.T) {
	t.Parallel()
	play(t, []situation{
		{
			name:    "L02 unsigned install of a known installation",
			message: func(*world) message { return installed(one, secretNew) }, status: 401, calls: asked,
		},
		{
			name: "L02 unsigned, and Bitbucket would accept the secret", given: func(t *testing.T, w *world) {
				bitbucketAccepts(secretNew)(t, w)
				w.put(t, stranger, stored{State: "installed", Secret: secretForeign})
			},
			message: func(*world) message { return installed(stranger, secretNew) }, status: 401, calls: found,
		},
		{
			name:    "L02 unsigned with the previous secret",
			message: func(*world) message { return installed(one, previousOne) }, status: 401, calls: asked,
		},
		{
			name: "L03 signed install rotates the secret", send: click(workspaceOne, secretNew), status: 204,
			stored: map[string]stored{one: {State: "installed", Secret: secretNew, Previous: secretOne, Name: "example-workspace"}},
			calls:  rotated,
		},
		{
			name: "L03 signed install of a workspace that is not on the list any more", deployment: deployment{env: map[string]string{"LINKERSYNC_ALLOWED_WORKSPACES": workspaceTwo}},
			send: click(workspaceOne, secretNew), status: 403, calls: readOnly,
		},
		{
			name: "L04 signed uninstall of a workspace that is not on the list any more", deployment: deployment{env: map[string]string{"LINKERSYNC_ALLOWED_WORKSPACES": workspaceTwo}},
			message: func(w *world) message {
				return uninstalled(one).signed(w.token(one, "/uninstalled", secretOne))
			}, status: 204,
			stored: map[string]stored{one: {State: "uninstalled", Secret: secretOne, Previous: previousOne, Name: "example-workspace"}},
			calls:  written,
		},
		{
			name: "L04 install signed with the tombstone's secret", send: click(workspaceGone, secretNew), status: 204,
			stored: map[string]stored{gone: {State: "installed", Secret: secretNew, Previous: secretGone, Name: "example-workspace"}},
			calls:  revived,
		},
		{
			name:    "L05 unsigned install after an uninstall",
			message: func(*world) message { return installed(gone, secretNew) }, status: 401, calls: asked,
		},
		{
			name:    "L05 unsigned install with the tombstone's secret",
			message: func(*world) message { return installed(gone, secretGone) }, status: 401, calls: asked,
		},
	})
}

func TestForeignInstallation(t *testing.T) {
	t.Parallel()
	registered := deployment{registered: true}
	play(t, []situation{
		{
			name: "L06 signed by one, for a stranger", message: func(w *world) message {
				return installed(stranger, secretNew).signed(w.token(one, "/installed", secretOne))
			}, status: 401, calls: readOnly,
		},
		{
			name: "L06 in a stranger's name, signed with one's secret", message: func(w *world) message {
				return installed(stranger, secretNew).signed(w.token(stranger, "/installed", secretOne))
			}, status: 401, calls: readOnly,
		},
		{
			name: "L06 signed with the very secret that is offered", given: bitbucketAccepts(secretNew), message: func(w *world) message {
				return installed(stranger, secretNew).signed(w.token(stranger, "/installed", secretNew))
			}, status: 401, calls: readOnly,
		},
		{
			name: "L06 the app's secret signs a first install", deployment: registered, message: func(w *world) message {
				return installed(stranger, appSecret).signed(w.token(stranger, "/installed", appSecret))
			}, status: 204,
			stored: map[string]stored{stranger: {State: "installed", Secret: appSecret, Name: "example-workspace"}},
			calls:  []string{"GetSecretValue", "GetSecretValue", "CreateSecret", "SendMessageBatch"},
		},
		{
			name: "L06 the app's secret signs for one, the body is a stranger's", deployment: registered, message: func(w *world) message {
				return installed(stranger, secretNew).signed(w.token(one, "/installed", appSecret))
			}, status: 401, calls: []string{"GetSecretValue", "GetSecretValue"}, // the app's secret and the installation
		},
		{
			name: "L06 an unsigned first install of a registered app", deployment: registered, given: bitbucketAccepts(secretNew),
			message: func(*world) message { return installed(stranger, secretNew) }, status: 401, calls: readOnly,
		},
		{
			name: "L06 the app's secret can't be read", deployment: registered, fault: func(w *world) {
				w.aws.Faults.Add(fault.Target("GetSecretValue"), fault.Once(), fault.AWSError(400, "AccessDeniedException", "no"))
			},
			message: func(*world) message { return installed(stranger, secretNew) }, status: 503, calls: readOnly,
		},
		{
			name: "L07 signed by one, for two", message: func(w *world) message {
				return installed(two, secretNew).signed(w.token(one, "/installed", secretOne))
			}, status: 401, calls: readOnly,
		},
		{
			name: "L08 uninstall signed by one, for two, with a secret", message: func(w *world) message {
				return message{path: "/uninstalled", body: payload("uninstalled", two, secretNew).json()}.
					signed(w.token(one, "/uninstalled", secretOne))
			}, status: 401, calls: readOnly,
		},
		{
			name: "L08 uninstall with a secret keeps the stored one", message: func(w *world) message {
				return message{path: "/uninstalled", body: payload("uninstalled", one, secretNew).json()}.
					signed(w.token(one, "/uninstalled", secretOne))
			}, status: 204,
			stored: map[string]stored{one: {State: "uninstalled", Secret: secretOne, Previous: previousOne, Name: "example-workspace"}},
			calls:  written,
		},
		{
			name:    "L26 unsigned uninstall",
			message: func(*world) message { return uninstalled(one) }, status: 401,
		},
		{
			name:    "L26 unsigned uninstall of a stranger",
			message: func(*world) message { return uninstalled(stranger) }, status: 401,
		},
	})
}

// redirect sends the caller to another host.
func redirect(to string) fault.Effect {
	return fault.Respond(http.StatusTemporaryRedirect, http.Header{"Location": {to}}, "")
}
