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
		w.bitbucketHas(t, stranger, secret, bitbucket.Installed)
	}
}

func bitbucketFails(effect fault.Effect) func(*world) {
	return func(w *world) { w.bitbucket.Faults().Add(fault.Any(), fault.Always(), effect) }
}

// allows is a deployment with a list of workspaces that may install.
func allows(workspaces string) deployment {
	return deployment{env: map[string]string{"LINKERSYNC_ALLOWED_WORKSPACES": workspaces}}
}

var newcomer = map[string]stored{stranger: {State: "installed", Secret: secretNew, Name: "example-workspace"}}

func TestFirstInstall(t *testing.T) {
	t.Parallel()
	play(t, []situation{
		{name: "Bitbucket accepts the offered secret", send: click(workspaceNew, secretNew), status: 204, stored: newcomer, calls: proven},
		{
			name: "proven by the workspace", deployment: deployment{env: map[string]string{"LINKERSYNC_PROOF": "workspace"}},
			send: click(workspaceNew, secretNew), status: 204, stored: newcomer,
			calls: []string{"GetSecretValue", "CreateSecret", "SendMessageBatch", "GET /2.0/workspaces/%7B66666666-7777-4888-8999-aaaaaaaaaaaa%7D"},
		},
		{name: "Bitbucket refuses the offered secret", message: plain(installed(stranger, secretForeign)), status: 401, calls: asked},
		{
			name: "Bitbucket refuses it for the workspace", deployment: deployment{env: map[string]string{"LINKERSYNC_PROOF": "workspace"}},
			message: plain(installed(stranger, secretForeign)), status: 401,
			calls: []string{"GET /2.0/workspaces/%7B66666666-7777-4888-8999-aaaaaaaaaaaa%7D"},
		},
		{
			name: "Bitbucket is down", fault: bitbucketFails(fault.Respond(http.StatusBadGateway, nil, "")),
			send: click(workspaceNew, secretNew), status: 503,
			calls: []string{"POST /site/oauth2/access_token", "POST /site/oauth2/access_token"},
		},
		{
			name: "Bitbucket hangs up", fault: bitbucketFails(fault.Reset()),
			send: click(workspaceNew, secretNew), status: 503,
			calls: []string{"POST /site/oauth2/access_token", "POST /site/oauth2/access_token"},
		},
		{
			name: "the proof goes by the same clock as everything", given: func(_ *testing.T, w *world) { w.clock.advance(24 * time.Hour) },
			send: click(workspaceNew, secretNew), status: 204, stored: newcomer, calls: proven,
		},
		{
			name: "another install was faster", given: func(t *testing.T, w *world) {
				w.send(t, w.signed(uninstalled(stranger), secretForeign)) // the handler remembers that it is unknown
				w.put(t, stranger, stored{State: "installed", Secret: "not-a-real-faster-secret"})
			},
			send: click(workspaceNew, secretNew), status: 401,
			calls: []string{"CreateSecret", "GetSecretValue", "POST /site/oauth2/access_token", "POST /site/oauth2/access_token"},
		},
		{
			name: "the store can't be read", fault: func(w *world) {
				w.aws.Faults.Add(fault.Target("GetSecretValue"), fault.Once(), fault.Throttle())
			},
			send: click(workspaceNew, secretNew), status: 503, calls: found,
		},
		{name: "the workspace is not on the list", deployment: allows(workspaceOne), send: click(workspaceNew, secretNew), status: 403},
		{
			name: "the workspace is on the list", deployment: allows(workspaceOne + ", 66666666-7777-4888-8999-AAAAAAAAAAAA"),
			send: click(workspaceNew, secretNew), status: 204, stored: newcomer, calls: proven,
		},
		{
			name: "the workspace is on the list, in other letters", deployment: allows(workspaceNew),
			given: bitbucketAccepts(secretNew), message: plain(installed(stranger, secretNew).with("principal", object{"uuid": strings.ToUpper(workspaceNew)})), status: 204, stored: map[string]stored{stranger: {State: "installed", Secret: secretNew}}, calls: proven,
		},
		{name: "the client key names no workspace", message: plain(installed(stranger, secretNew).with("clientKey", "connection:479")), status: 401},
		{
			name: "the client key names another workspace", message: plain(installed(stranger, secretNew).with("principal", object{"uuid": workspaceOne})), status: 400,
		},
		{
			name: "the queue is down", fault: func(w *world) {
				w.aws.Faults.Add(fault.Target("SendMessageBatch"), fault.Always(), fault.Throttle())
			},
			send: click(workspaceNew, secretNew), status: 204, stored: newcomer, calls: proven,
		},
	})
}

func TestReinstall(t *testing.T) {
	t.Parallel()
	play(t, []situation{
		{name: "unsigned install of a known installation", message: plain(installed(one, secretNew)), status: 401, calls: asked},
		{
			name: "unsigned, and Bitbucket would accept the secret", given: func(t *testing.T, w *world) {
				bitbucketAccepts(secretNew)(t, w)
				w.put(t, stranger, stored{State: "installed", Secret: secretForeign})
			},
			message: plain(installed(stranger, secretNew)), status: 401, calls: found,
		},
		{name: "unsigned with the previous secret", message: plain(installed(one, previousOne)), status: 401, calls: asked},
		{
			name: "signed install rotates the secret", send: click(workspaceOne, secretNew), status: 204,
			stored: map[string]stored{one: {State: "installed", Secret: secretNew, Previous: secretOne, Name: "example-workspace"}},
			calls:  rotated,
		},
		{
			name: "signed install of a workspace that is not on the list any more", deployment: allows(workspaceTwo),
			send: click(workspaceOne, secretNew), status: 403, calls: readOnly,
		},
		{
			name: "signed uninstall of a workspace that is not on the list any more", deployment: allows(workspaceTwo),
			message: by(secretOne, uninstalled(one)), status: 204,
			stored: map[string]stored{one: {State: "uninstalled", Secret: secretOne, Previous: previousOne, Name: "example-workspace"}},
			calls:  written,
		},
		{
			name: "install signed with the tombstone's secret", send: click(workspaceGone, secretNew), status: 204,
			stored: map[string]stored{gone: {State: "installed", Secret: secretNew, Previous: secretGone, Name: "example-workspace"}},
			calls:  revived,
		},
		{name: "unsigned install after an uninstall", message: plain(installed(gone, secretNew)), status: 401, calls: asked},
		{name: "unsigned install with the tombstone's secret", message: plain(installed(gone, secretGone)), status: 401, calls: asked},
	})
}

func TestForeignInstallation(t *testing.T) {
	t.Parallel()
	registered := deployment{registered: true}
	play(t, []situation{
		{name: "signed by one, for a stranger", message: by(secretOne, installed(stranger, secretNew).as(one)), status: 401, calls: readOnly},
		{name: "in a stranger's name, signed with one's secret", message: by(secretOne, installed(stranger, secretNew)), status: 401, calls: readOnly},
		{
			name: "signed with the very secret that is offered", given: bitbucketAccepts(secretNew), message: by(secretNew, installed(stranger, secretNew)), status: 401, calls: readOnly,
		},
		{
			name: "the app's secret signs a first install", deployment: registered, message: by(appSecret, installed(stranger, appSecret)), status: 204,
			stored: map[string]stored{stranger: {State: "installed", Secret: appSecret, Name: "example-workspace"}},
			calls:  []string{"GetSecretValue", "GetSecretValue", "CreateSecret", "SendMessageBatch"},
		},
		{
			name: "the app's secret signs for one, the body is a stranger's", deployment: registered, message: by(appSecret, installed(stranger, secretNew).as(one)), status: 401, calls: []string{"GetSecretValue", "GetSecretValue"}, // the app's secret and the installation
		},
		{
			name: "an unsigned first install of a registered app", deployment: registered, given: bitbucketAccepts(secretNew),
			message: plain(installed(stranger, secretNew)), status: 401, calls: readOnly,
		},
		{
			name: "the app's secret can't be read", deployment: registered, fault: func(w *world) {
				w.aws.Faults.Add(fault.Target("GetSecretValue"), fault.Once(), fault.AWSError(400, "AccessDeniedException", "no"))
			},
			message: plain(installed(stranger, secretNew)), status: 503, calls: readOnly,
		},
		{name: "signed by one, for two", message: by(secretOne, installed(two, secretNew).as(one)), status: 401, calls: readOnly},
		{
			name: "uninstall signed by one, for two, with a secret", message: by(secretOne, uninstalled(two).with("sharedSecret", secretNew).as(one)), status: 401, calls: readOnly,
		},
		{
			name: "uninstall with a secret keeps the stored one", message: by(secretOne, uninstalled(one).with("sharedSecret", secretNew).as(one)), status: 204,
			stored: map[string]stored{one: {State: "uninstalled", Secret: secretOne, Previous: previousOne, Name: "example-workspace"}},
			calls:  written,
		},
		{name: "unsigned uninstall", message: plain(uninstalled(one)), status: 401},
		{name: "unsigned uninstall of a stranger", message: plain(uninstalled(stranger)), status: 401},
	})
}

// redirect sends the caller to another host.
func redirect(to string) fault.Effect {
	return fault.Respond(http.StatusTemporaryRedirect, http.Header{"Location": {to}}, "")
}
