package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// canary is a token with characters that every encoding writes in its own way.
const canary = `can+ary/<"\&%tok en>=0123`

// forms are the ways in which a canary may be written.
func forms(secret string) []string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err)
	}
	return []string{
		secret, strings.Trim(string(quoted), `"`), url.QueryEscape(secret), url.PathEscape(secret), fmt.Sprintf("%+q", secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(email + ":" + secret)), hex.EncodeToString([]byte(secret)),
	}
}

func hidden(text, secret string) bool {
	for _, form := range forms(secret) {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

// TestTheTokenIsNowhereButWhereItBelongs: in the body to Infisical and in the
// header to Bitbucket, whatever happens.
func TestTheTokenIsNowhereButWhereItBelongs(t *testing.T) {
	t.Parallel()
	parrot := func(w *world) {
		w.infisical.Faults().Add(fault.Path("POST", "bitbucket$"), fault.Always(), fault.Respond(400, nil, `{"statusCode":400,"error":"BadRequest","message":`+quote(`refused `+canary)+`}`))
	}
	tests := map[string]struct {
		value  string
		before func(w *world)
		// sent: the token goes on its way at all.
		sent bool
	}{
		"all goes well":          {value(map[string]string{"token": canary}), func(*world) {}, true},
		"Bitbucket refuses":      {value(map[string]string{"token": canary}), func(w *world) { w.bitbucket.Reset() }, true},
		"Infisical parrots":      {value(map[string]string{"token": canary}), parrot, true},
		"the token as a member":  {`{"email":"` + email + `",` + quote(canary) + `:"x"}`, func(*world) {}, false},
		"the token as the value": {canary, func(*world) {}, false},
		"the token as an email":  {value(map[string]string{"email": canary}), func(*world) {}, false},
		"the token as the name":  {value(map[string]string{"connection": canary}), func(*world) {}, false},
		"the token as a project": {value(map[string]string{"project_id": canary}), func(*world) {}, false},
		"the token as a date":    {value(map[string]string{"expires_at": canary}), func(*world) {}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			state := w.bitbucket.Snapshot()
			state.Users[0].Tokens = append(state.Users[0].Tokens, state.Users[0].Tokens[0])
			state.Users[0].Tokens[0].Value = canary
			w.must(w.bitbucket.Seed(state))
			w.put("bitbucket/ci", test.value)
			test.before(w)
			h, out := w.start()
			var said strings.Builder
			for _, name := range []string{"rotated", "scheduled"} {
				got, err := h.Handle(t.Context(), event(t, name))
				encoded, _ := json.Marshal(got)
				fmt.Fprintf(&said, "%s %+v %#v %v %+v\n", encoded, got, got, err, err)
			}
			if hidden(said.String(), canary) || hidden(said.String(), password) {
				t.Errorf("the function answers with a secret:\n%s", &said)
			}
			if hidden(out.String(), canary) || hidden(out.String(), password) {
				t.Errorf("the function logs a secret:\n%s", out)
			}
			w.checkWire(t, test.sent)
		})
	}
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

// checkWire looks for the token in everything that the function sent.
func (w *world) checkWire(t *testing.T, sent bool) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := false
	for _, r := range w.requests {
		if r.to == "infisical's bitbucket" {
			continue // what Infisical sends is Infisical's
		}
		basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(email+":"+canary))
		header, inHeader := strings.CutSuffix(strings.Replace(r.header, basic, "", 1), "")
		inHeader = inHeader && strings.Contains(r.header, basic)
		asked = asked || inHeader
		if inHeader && r.to != "bitbucket" || hidden(header, canary) {
			t.Errorf("the token is in a header to %s: %s", r.to, r.line)
		}
		if hidden(r.line, canary) {
			t.Errorf("the token is in the address of a request to %s: %s", r.to, r.line)
		}
		write := r.to == "infisical" && strings.Contains(r.line, "app-connections/bitbucket")
		if hidden(r.body, canary) && !write {
			t.Errorf("the token is in a body to %s: %s", r.to, r.line)
		}
	}
	if asked != sent {
		t.Errorf("the token was tried at Bitbucket: %t, want %t", asked, sent)
	}
}
