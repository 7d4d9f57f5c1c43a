package main

import (
	"strings"
	"testing"
	"time"
)

var uninstalledOne = map[string]stored{one: {State: "uninstalled", Secret: secretOne, Previous: previousOne, Name: "example-workspace"}}

// claimed is an uninstall of one, correctly signed, whose claims were changed.
func claimed(change func(object) object) func(*world) message {
	return func(w *world) message {
		return uninstalled(one).signed(sign(hs256, change(w.claims(one, "/uninstalled")), secretOne))
	}
}

// raw is an uninstall of one with whatever token.
func raw(token func(w *world) string) func(*world) message {
	return func(w *world) message { return uninstalled(one).signed(token(w)) }
}

// TestTokenClaims has one row for each claim: that a refused token stores nothing and
// costs one read at most. All that is wrong with a token is in package connect's tests.
func TestTokenClaims(t *testing.T) {
	t.Parallel()
	with := func(name string, value any) func(*world) message {
		return claimed(func(c object) object { return c.with(name, value) })
	}
	shifted := func(d time.Duration) func(*world) message {
		return claimed(func(c object) object { return c.at(d) })
	}
	play(t, []situation{
		{name: "context-qsh on uninstalled", message: with("qsh", "context-qsh"), status: 401, calls: readOnly},
		{name: "no qsh", message: with("qsh", nil), status: 401, calls: readOnly},
		{name: "qsh of another path", message: with("qsh", hashOf("POST&/installed&")), status: 401, calls: readOnly},
		{name: "qsh of another method", message: with("qsh", hashOf("GET&/uninstalled&")), status: 401, calls: readOnly},
		{name: "qsh of another query", message: with("qsh", hashOf("POST&/uninstalled&a=b")), status: 401, calls: readOnly},
		{name: "query that the qsh doesn't cover", message: func(w *world) message {
			m := w.signed(uninstalled(one), secretOne)
			m.query = "a=b"
			return m
		}, status: 401, calls: readOnly},
		{name: "qsh of this very request", message: with("qsh", hashOf("POST&/uninstalled&")), status: 204, stored: uninstalledOne, calls: written},
		{name: "no exp", message: with("exp", nil), status: 401, calls: readOnly},
		{name: "no iat", message: with("iat", nil), status: 401, calls: readOnly},
		{name: "expired beyond the leeway", message: shifted(-time.Hour - time.Minute), status: 401, calls: readOnly},
		{name: "expired within the leeway", message: shifted(-time.Hour - 59*time.Second), status: 204, stored: uninstalledOne, calls: written},
		{name: "made five seconds from now", message: shifted(5 * time.Second), status: 204, stored: uninstalledOne, calls: written},
		{name: "made beyond the leeway", message: shifted(61 * time.Second), status: 401, calls: readOnly},
		{name: "no iss", message: with("iss", nil), status: 401},
		{name: "iss of another app", message: with("iss", strings.Replace(one, appKey, "other-app", 1)), status: 401},
		{name: "aud names another installation", message: with("aud", two), status: 204, stored: uninstalledOne, calls: written},
		{name: "no aud", message: with("aud", nil), status: 204, stored: uninstalledOne, calls: written},
	})
}

func TestTokenTransport(t *testing.T) {
	t.Parallel()
	authorized := func(scheme string) func(*world) message {
		return func(w *world) message {
			m := uninstalled(one)
			m.authorization = scheme + w.token(one, "/uninstalled", secretOne)
			return m
		}
	}
	// inQuery puts one's own token into the query, beside the header's.
	inQuery := func(name, header string) func(*world) message {
		return func(w *world) message {
			token := w.token(one, "/uninstalled", secretOne)
			m := uninstalled(one)
			m.query = name + "=" + token
			if header != "" {
				m.authorization = "JWT " + strings.Replace(header, "same", token, 1)
			}
			return m
		}
	}
	form := func(w *world) message {
		token := w.token(one, "/uninstalled", secretOne)
		return message{path: "/uninstalled", query: "jwt=" + token, contentType: "application/x-www-form-urlencoded", body: []byte("jwt=" + token)}
	}
	play(t, []situation{
		{name: "token in the query and in a form", message: form, status: 415},
		{name: "token in the query and in the JSON body", message: func(w *world) message {
			m := inQuery("jwt", "")(w)
			m.body = payload("uninstalled", one, "").with("jwt", w.token(one, "/uninstalled", secretOne)).json()
			return m
		}, status: 401},
		{name: "token in the query only", message: inQuery("jwt", ""), status: 401},
		{name: "token in the body only", message: func(w *world) message {
			return message{path: "/uninstalled", body: payload("uninstalled", one, "").with("jwt", w.token(one, "/uninstalled", secretOne)).json()}
		}, status: 401},
		{name: "token in the query of a first install", given: bitbucketAccepts(secretNew), message: func(w *world) message {
			m := installed(stranger, secretNew)
			m.query = "%6Awt=" + w.token(one, "/installed", secretOne)
			return m
		}, status: 401},
		{name: "different tokens in query and header", message: inQuery("jwt", "a.b.c"), status: 401},
		{name: "the same token in query and header", message: inQuery("jwt", "same"), status: 204, stored: uninstalledOne, calls: written},
		{name: "two tokens in the query", message: func(w *world) message {
			m := inQuery("jwt", "same")(w)
			m.query += "&" + m.query
			return m
		}, status: 401},
		{name: "JWT", message: authorized("JWT "), status: 204, stored: uninstalledOne, calls: written},
		{name: "lower case", message: authorized("jwt "), status: 204, stored: uninstalledOne, calls: written},
		{name: "without a space", message: authorized("JWT"), status: 401},
		{name: "two spaces", message: authorized("JWT  "), status: 401},
		{name: "tab", message: authorized("JWT\t"), status: 401},
		{name: "Bearer", message: authorized("Bearer "), status: 401},
		{name: "the token alone", message: authorized(""), status: 401},
		{name: "Basic", message: authorized("Basic "), status: 401},
	})
}

func TestTokenForgery(t *testing.T) {
	t.Parallel()
	headed := func(header, secret string) func(*world) message {
		return raw(func(w *world) string { return sign(header, w.claims(one, "/uninstalled"), secret) })
	}
	const key = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ-not-a-real-key"
	situations := []situation{
		{name: "alg none", message: headed(`{"alg":"none"}`, secretOne), status: 401},
		{name: "signed, but said to be HS512", message: headed(`{"alg":"HS512"}`, secretOne), status: 401},
		{name: "critical extension", message: headed(`{"alg":"HS256","crit":["b64"],"b64":false}`, secretOne), status: 401},
		{name: "a kid is ignored", message: headed(`{"alg":"HS256","kid":"../../secret"}`, secretOne), status: 204, stored: uninstalledOne, calls: written},
		{name: "empty key with an empty kid", message: headed(`{"alg":"HS256","typ":"JWT","kid":""}`, ""), status: 401, calls: readOnly},
		{name: "empty key for a stranger", message: by("", uninstalled(stranger)), status: 401, calls: readOnly},
		{name: "the payload's publicKey as the key", message: by(key, uninstalled(one).with("publicKey", key)), status: 401, calls: readOnly},
		{name: "longer than any token", message: raw(func(*world) string { return strings.Repeat("a", 9000) }), status: 401},
		{name: "bad signature", message: by(secretForeign, uninstalled(one)), status: 401, calls: readOnly},
		{
			name: "the signature of other claims", message: raw(func(w *world) string {
				mine, others := w.token(one, "/uninstalled", secretOne), w.token(two, "/uninstalled", secretOne)
				return mine[:strings.LastIndex(mine, ".")] + others[strings.LastIndex(others, "."):]
			}), status: 401, calls: readOnly,
		},
		{
			name:  "the second of two bad signatures reads nothing",
			given: func(t *testing.T, w *world) { w.send(t, w.signed(uninstalled(one), secretForeign)) }, message: by(secretForeign, uninstalled(one)), status: 401,
		},
	}
	for _, token := range []string{"", "..", "a.b.c", "a.b.c.d", "e30.e30.e30", "\xff\xfe.a.b"} {
		situations = append(situations, situation{
			name: "malformed " + token, message: raw(func(*world) string { return token }), status: 401,
		})
	}
	play(t, situations)
}

// TestRefusalIsSilent: the log has the reason and a hash of the issuer of a forged
// token, and nothing of the token itself.
func TestRefusalIsSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	token := sign(hs256, w.claims(one, "/uninstalled").with("note", "echo-me"), secretForeign)
	status, answer := w.send(t, uninstalled(one).signed(token))
	if status != 401 || answer != constantTexts[401] {
		t.Errorf("answered %d %q", status, answer)
	}
	log := w.logs.String()
	for _, forbidden := range []string{"echo-me", token, one, workspaceOne, strings.Split(token, ".")[1]} {
		if strings.Contains(log, forbidden) {
			t.Errorf("the log repeats %q of the token:\n%s", forbidden, log)
		}
	}
	hash := hashOf(one)[:12]
	if !strings.Contains(log, `"reason":"bad_signature"`) || !strings.Contains(log, `"issuer_hash":"`+hash+`"`) {
		t.Errorf("the log has neither reason nor the hash %s:\n%s", hash, log)
	}
}
