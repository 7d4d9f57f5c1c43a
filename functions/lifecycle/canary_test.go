package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// The marks are in every secret, token and payload of these tests. They have
// characters that each encoding changes.
const (
	secretMark  = "canary/secret+7f3a=9c21"
	tokenMark   = "canary/token+5b1d=2e84"
	payloadMark = "canary/payload+a6c0=f137"
)

func marks() []string { return []string{secretMark, tokenMark, payloadMark} }

// forms are what a mark looks like in whatever encoding it may hide. Base64 has
// three, by where the mark begins; the characters at their ends depend on the
// neighbours and are left out.
func forms(mark string) []string {
	all := []string{
		mark, url.QueryEscape(mark), url.PathEscape(mark),
		hex.EncodeToString([]byte(mark)), strings.ToUpper(hex.EncodeToString([]byte(mark))),
		strings.Trim(fmt.Sprintf("%q", mark), `"`), fmt.Sprintf("%d", []byte(mark)),
	}
	for shift := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			encoded := encoding.EncodeToString([]byte(strings.Repeat(" ", shift) + mark))
			all = append(all, encoded[4:len(encoded)-4])
		}
	}
	return all
}

// clean fails when text has a mark in any form.
func clean(t *testing.T, what, text string, marks ...string) {
	t.Helper()
	for _, mark := range marks {
		for _, form := range forms(mark) {
			if strings.Contains(text, form) {
				t.Errorf("%s contains %s as %q:\n%s", what, mark, form, text)
			}
		}
	}
}

// canaries are messages for every route, of every kind, with marks in all places
// where something secret, or something of a stranger, can be.
func canaries(w *world) []message {
	mark := func(o object) object {
		return o.with("publicKey", payloadMark).with("actor", object{payloadMark: payloadMark}).
			with("principal", object{"uuid": o["principal"].(object)["uuid"], "type": payloadMark, "display_name": payloadMark})
	}
	build := func(eventType, clientKey, offered string, change func(object) object) message {
		return message{path: "/" + eventType, body: change(mark(payload(eventType, clientKey, offered))).json()}
	}
	same := func(o object) object { return o }
	token := func(clientKey, path, secret string) string {
		return sign(hs256, w.claims(clientKey, path).with("note", tokenMark), secret)
	}
	garbled := func(name string) func(object) object {
		return func(o object) object { return o.with(name, []string{payloadMark, secretMark}) }
	}
	messages := []message{
		build("installed", stranger, secretMark, same),
		build("installed", one, secretMark, same),
		build("installed", one, secretMark+"2", same).signed(token(one, "/installed", secretMark)),
		build("installed", one, secretMark+"3", same).signed(token(one, "/installed", secretMark+"previous")),
		build("uninstalled", one, secretMark, same).signed(token(one, "/uninstalled", secretMark)),
		build("uninstalled", one, secretMark, same).signed(token(one, "/uninstalled", secretMark+"2")),
		build("enabled", two, "", same).signed(token(two, "/enabled", secretMark)),
		build("installed", two, "", same).signed(token(two, "/installed", secretMark)),
		build("installed", two, secretMark, same).signed(token(one, "/installed", secretMark+"2")),
		build("uninstalled", one, "", same).signed(tokenMark),
		build("uninstalled", one, "", same).signed(token(one, "/uninstalled", secretMark) + tokenMark),
		{path: "/installed", body: []byte(secretMark + payloadMark)},
		{path: "/installed", body: []byte(`{"` + secretMark + `":`), authorization: "JWT " + token(one, "/installed", secretMark)},
		{path: "/installed", body: []byte(secretMark), contentType: "text/" + payloadMark},
		{path: "/installed", body: []byte(secretMark), encoding: payloadMark},
		{path: "/installed", query: "jwt=" + url.QueryEscape(tokenMark), body: payload("installed", one, secretMark).json()},
		{path: "/" + url.PathEscape(payloadMark), body: []byte(secretMark)},
		{method: http.MethodPut, path: "/installed", body: []byte(secretMark), authorization: "Bearer " + tokenMark},
		{method: http.MethodGet, path: "/", query: url.QueryEscape(secretMark), authorization: tokenMark},
	}
	for _, member := range []string{"eventType", "key", "clientKey", "sharedSecret", "principal"} {
		messages = append(messages, build("installed", one, secretMark, garbled(member)).signed(token(one, "/installed", secretMark)))
	}
	return messages
}

// markedWorld is one whose stored secrets are marked.
func markedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, deployment{unseeded: true})
	var state bitbucket.State
	state.Apps = []bitbucket.App{{Key: appKey, Descriptor: descriptor(w.url)}}
	for clientKey, workspace := range map[string]string{one: workspaceOne, two: workspaceTwo, stranger: workspaceNew} {
		state.Installations = append(state.Installations, bitbucket.Installation{
			AppKey: appKey, ClientKey: clientKey, SharedSecret: secretMark, Status: bitbucket.Installed, BaseURL: w.url,
			Principal: bitbucket.Principal{UUID: workspace},
		})
		if clientKey != stranger {
			w.put(t, clientKey, stored{State: "installed", Secret: secretMark, Previous: secretMark + "previous", Name: payloadMark})
		}
	}
	if err := w.bitbucket.Seed(state); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestCanary sends the marks down every path and through every failure, and looks
// at all that leaves the process except what is meant for Secrets Manager and
// Bitbucket: answers with their headers, the log at debug, and the queue.
func TestCanary(t *testing.T) {
	t.Parallel()
	echo := secretMark + " " + tokenMark + " " + payloadMark
	quoted, _ := json.Marshal(echo)
	inAWS := func(operation string, when fault.When, effect fault.Effect) func(*world) {
		return func(w *world) { w.aws.Faults.Add(fault.Target(operation), when, effect) }
	}
	failures := map[string]func(*world){"nothing fails": func(*world) {}}
	for _, status := range []int{200, 401, 410, 429, 500} {
		failures[fmt.Sprintf("Bitbucket answers %d in JSON", status)] = bitbucketFails(fault.Respond(status, http.Header{"X-Request-Id": {echo}}, `{"type":"error","error":{"message":`+string(quoted)+`,"detail":`+string(quoted)+`}}`))
		failures[fmt.Sprintf("Bitbucket answers %d in text", status)] = bitbucketFails(fault.Respond(status, http.Header{"Content-Type": {"text/plain"}}, echo))
		failures[fmt.Sprintf("Bitbucket answers %d as OAuth", status)] = bitbucketFails(fault.Respond(status, nil, `{"error":`+string(quoted)+`,"error_description":`+string(quoted)+`}`))
	}
	failures["Bitbucket redirects"] = bitbucketFails(redirect("https://evil.example/" + url.PathEscape(echo)))
	failures["Bitbucket hangs up"] = bitbucketFails(fault.Reset())
	failures["Bitbucket is cut off"] = bitbucketFails(fault.CutBody())
	for _, code := range []string{"AccessDeniedException", "InvalidRequestException", "ResourceExistsException", "ResourceNotFoundException", "DecryptionFailure", "ThrottlingException", "Unheard"} {
		failures["AWS answers "+code] = func(w *world) { w.aws.Faults.Add(fault.Any(), fault.Always(), fault.AWSError(400, code, echo)) }
	}
	for _, operation := range []string{"GetSecretValue", "CreateSecret", "PutSecretValue", "UpdateSecretVersionStage", "DescribeSecret", "TagResource", "SendMessageBatch"} {
		failures[operation+" is refused"] = inAWS(operation, fault.Always(), fault.AWSError(400, "InvalidRequestException", echo))
		failures[operation+" is cut off"] = inAWS(operation, fault.Nth(2), fault.CutBody())
		failures[operation+" answers text"] = inAWS(operation, fault.Always(), fault.Respond(500, nil, echo))
		failures[operation+" answers a damaged document"] = inAWS(operation, fault.Always(), fault.Respond(200, nil, `{"SecretString":`+string(quoted)+`,"VersionId":7}`))
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := markedWorld(t)
			fail(w)
			for i, m := range canaries(w) {
				// Another second: proofs are limited, and tokens of one second alike.
				w.clock.advance(1e9)
				m.authorization = strings.TrimSpace(m.authorization)
				response := w.do(t, m)
				var text strings.Builder
				_ = response.Write(&text)
				clean(t, fmt.Sprintf("answer %d", i), text.String(), marks()...)
				_ = response.Body.Close()
			}
			log := w.logs.String()
			clean(t, "log", log, marks()...)
			if !strings.Contains(log, `"msg"`) {
				t.Error("nothing was logged: the test looks at the wrong place")
			}
			for _, queued := range w.aws.Queues.Messages(queueName) {
				clean(t, "queue", fmt.Sprintf("%+v", queued), marks()...)
			}
		})
	}
}

// panicking is a store that breaks, with a secret in hand.
type panicking struct {
	installation.Store
	with any
}

func (p panicking) Find(context.Context, string, func(installation.Installation) bool) (installation.Installation, error) {
	panic(p.with)
}

// TestCanaryPanic: a panic is answered, and its value, which may be anything the
// code had in hand, is not logged.
func TestCanaryPanic(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{
		"a string":   secretMark,
		"an error":   fmt.Errorf("store %q: %w", secretMark, context.Canceled),
		"a payload":  payload("installed", one, secretMark),
		"a secret":   redact.New(secretMark),
		"a pointer":  &struct{ Token string }{tokenMark},
		"the bytes":  []byte(payloadMark),
		"of runtime": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := markedWorld(t)
			w.handler.authorizer.store = panicking{w.handler.authorizer.store, value}
			status, answer := w.send(t, installed(one, secretMark).signed(sign(hs256, w.claims(one, "/installed").with("note", tokenMark), secretMark)))
			if status != 500 || answer != "internal error\n" {
				t.Errorf("answered %d %q", status, answer)
			}
			log := w.logs.String()
			clean(t, "answer", answer, marks()...)
			clean(t, "log", log, marks()...)
			if !strings.Contains(log, `"msg":"panic"`) || !strings.Contains(log, "authorize.go") {
				t.Errorf("the log doesn't tell where it panicked:\n%s", log)
			}
			// The process goes on.
			w.handler.authorizer.store = w.handler.lifecycle.store
			if status, _ := w.send(t, message{method: http.MethodGet, path: "/"}); status != 200 {
				t.Errorf("after the panic: %d", status)
			}
		})
	}
}

// TestCanaryPrinted: values that are printed by mistake show no secret.
func TestCanaryPrinted(t *testing.T) {
	t.Parallel()
	w := markedWorld(t)
	w.handler.authorizer.appSecret.value = redact.New(secretMark)
	sent := callback{eventType: "installed", body: payload("installed", one, secretMark+"2").json(), requestID: "r"}
	m := w.signed(installed(one, secretMark), secretMark)
	sent.request.Method, sent.request.RawPath, sent.request.Authorization = http.MethodPost, "/installed", m.authorization
	by, err := w.handler.authorizer.authorize(t.Context(), sent)
	if err != nil {
		t.Fatal(err)
	}
	if by.in.SharedSecret.Reveal() != secretMark || by.event.SharedSecret.Reveal() != secretMark+"2" {
		t.Fatalf("the authorization has not the marks: the test looks at the wrong place")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		clean(t, verb+" of an authorization", fmt.Sprintf(verb, by), secretMark, tokenMark)
		clean(t, verb+" of the handler", fmt.Sprintf(verb, *w.handler), secretMark, tokenMark)
	}
	_, refusedErr := w.handler.authorizer.authorize(t.Context(), callback{eventType: "installed", body: payload("installed", one, secretMark).json(), request: sent.request})
	sent.body = []byte(secretMark)
	_, bodyErr := w.handler.authorizer.authorize(t.Context(), sent)
	proofErr := w.handler.authorizer.prover.prove(t.Context(), connect.Event{ClientKey: two, Principal: connect.Principal{UUID: workspaceTwo}, SharedSecret: redact.New(secretMark + "wrong")})
	for _, err := range []error{refusedErr, bodyErr, proofErr} {
		clean(t, "error", fmt.Sprintf("%v %+v %#v", err, err, err), marks()...)
	}
}
