package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
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

func TestTokenHash(t *testing.T) {
	t.Parallel()
	with := func(qsh any) func(*world) message {
		return claimed(func(c object) object { return c.with("qsh", qsh) })
	}
	play(t, []situation{
		{name: "L09 context-qsh on uninstalled", message: with("context-qsh"), status: 401, calls: readOnly},
		{name: "L09 context-qsh on installed", message: func(w *world) message {
			return installed(one, secretNew).signed(sign(hs256, w.claims(one, "/installed").with("qsh", "context-qsh"), secretOne))
		}, status: 401, calls: readOnly},
		{name: "L10 empty qsh", message: with(""), status: 401, calls: readOnly},
		{name: "L11 no qsh", message: with(nil), status: 401, calls: readOnly},
		{name: "L11 qsh is no string", message: with(true), status: 401, calls: readOnly},
		{name: "L12 qsh of another path", message: with(hashOf("POST&/installed&")), status: 401, calls: readOnly},
		{name: "L12 qsh of another method", message: with(hashOf("GET&/uninstalled&")), status: 401, calls: readOnly},
		{name: "L12 qsh of another query", message: with(hashOf("POST&/uninstalled&a=b")), status: 401, calls: readOnly},
		{name: "L12 query that the qsh doesn't cover", message: func(w *world) message {
			m := uninstalled(one).signed(w.token(one, "/uninstalled", secretOne))
			m.query = "a=b"
			return m
		}, status: 401, calls: readOnly},
		{name: "L12 qsh of this very request", message: with(hashOf("POST&/uninstalled&")), status: 204, stored: uninstalledOne, calls: written},
	})
}

func TestTokenTimes(t *testing.T) {
	t.Parallel()
	shifted := func(d time.Duration) func(*world) message {
		return claimed(func(c object) object { return c.at(d) })
	}
	play(t, []situation{
		{name: "L13 no exp", message: claimed(func(c object) object { return c.with("exp", nil) }), status: 401, calls: readOnly},
		{name: "L13 no iat", message: claimed(func(c object) object { return c.with("iat", nil) }), status: 401, calls: readOnly},
		{name: "L13 exp a year away", message: claimed(func(c object) object {
			return c.with("exp", c["iat"].(int64)+365*24*3600)
		}), status: 401, calls: readOnly},
		{name: "L14 expired an hour ago", message: shifted(-2 * time.Hour), status: 401, calls: readOnly},
		{name: "L14 expired beyond the leeway", message: shifted(-time.Hour - time.Minute), status: 401, calls: readOnly},
		{name: "L14 expired within the leeway", message: shifted(-time.Hour - 59*time.Second), status: 204, stored: uninstalledOne, calls: written},
		{name: "L15 made a second from now", message: shifted(time.Second), status: 204, stored: uninstalledOne, calls: written},
		{name: "L15 made five seconds from now", message: shifted(5 * time.Second), status: 204, stored: uninstalledOne, calls: written},
		{name: "L15 made beyond the leeway", message: shifted(61 * time.Second), status: 401, calls: readOnly},
		{name: "L15 not valid yet", message: claimed(func(c object) object {
			return c.with("nbf", c["iat"].(int64)+120)
		}), status: 401, calls: readOnly},
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
		{name: "L16 token in the query and in a form", message: form, status: 415},
		{name: "L16 token in the query and in the JSON body", message: func(w *world) message {
			m := inQuery("jwt", "")(w)
			m.body = payload("uninstalled", one, "").with("jwt", w.token(one, "/uninstalled", secretOne)).json()
			return m
		}, status: 401},
		{name: "L16 token in the query only", message: inQuery("jwt", ""), status: 401},
		{name: "L16 token in the body only", message: func(w *world) message {
			return message{path: "/uninstalled", body: payload("uninstalled", one, "").with("jwt", w.token(one, "/uninstalled", secretOne)).json()}
		}, status: 401},
		{name: "L16 token in the query of a first install", given: bitbucketAccepts(secretNew), message: func(w *world) message {
			m := installed(stranger, secretNew)
			m.query = "%6Awt=" + w.token(one, "/installed", secretOne)
			return m
		}, status: 401},
		{name: "L17 different tokens in query and header", message: inQuery("jwt", "a.b.c"), status: 401},
		{name: "L17 the same token in query and header", message: inQuery("jwt", "same"), status: 204, stored: uninstalledOne, calls: written},
		{name: "L17 two tokens in the query", message: func(w *world) message {
			m := inQuery("jwt", "same")(w)
			m.query += "&" + m.query
			return m
		}, status: 401},
		{name: "L18 JWT", message: authorized("JWT "), status: 204, stored: uninstalledOne, calls: written},
		{name: "L18 lower case", message: authorized("jwt "), status: 204, stored: uninstalledOne, calls: written},
		{name: "L18 without a space", message: authorized("JWT"), status: 401},
		{name: "L18 two spaces", message: authorized("JWT  "), status: 401},
		{name: "L18 tab", message: authorized("JWT\t"), status: 401},
		{name: "L18 Bearer", message: authorized("Bearer "), status: 401},
		{name: "L18 the token alone", message: authorized(""), status: 401},
		{name: "L18 Basic", message: authorized("Basic "), status: 401},
	})
}

func TestTokenForgery(t *testing.T) {
	t.Parallel()
	// keyed is a token by another algorithm, correctly signed by a key of its own.
	keyed := func(algorithm string, signer func(sum []byte) []byte) situation {
		return situation{name: "L19 " + algorithm, message: raw(func(w *world) string {
			text := encode([]byte(`{"alg":"`+algorithm+`","typ":"JWT"}`)) + "." + encode(w.claims(one, "/uninstalled").json())
			sum := sha256.Sum256([]byte(text))
			return text + "." + encode(signer(sum[:]))
		}), status: 401}
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hmacWith := func(secret string) func([]byte) []byte {
		return func([]byte) []byte { return []byte(secret) }
	}
	situations := []situation{
		keyed("none", func([]byte) []byte { return nil }),
		keyed("None", func([]byte) []byte { return nil }),
		keyed("RS256", func(sum []byte) []byte { s, _ := rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, sum); return s }),
		keyed("PS256", func(sum []byte) []byte {
			s, _ := rsa.SignPSS(rand.Reader, rsaKey, crypto.SHA256, sum, nil)
			return s
		}),
		keyed("ES256", func(sum []byte) []byte { s, _ := ecdsa.SignASN1(rand.Reader, ecKey, sum); return s }),
		keyed("hs256", hmacWith("anything")),
	}
	for _, algorithm := range []string{"HS384", "HS512", ""} {
		// Signed as HS256 is: a verifier that ignores alg would accept it.
		situations = append(situations, situation{name: "L19 signed, but said to be " + algorithm, message: raw(func(w *world) string {
			return sign(`{"alg":"`+algorithm+`","typ":"JWT"}`, w.claims(one, "/uninstalled"), secretOne)
		}), status: 401})
	}
	published := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)})
	play(t, append(situations,
		situation{name: "L32 empty key with an empty kid", message: raw(func(w *world) string {
			return sign(`{"alg":"HS256","typ":"JWT","kid":""}`, w.claims(one, "/uninstalled"), "")
		}), status: 401, calls: readOnly},
		situation{name: "L32 empty key for a stranger", message: func(w *world) message {
			return uninstalled(stranger).signed(sign(hs256, w.claims(stranger, "/uninstalled"), ""))
		}, status: 401, calls: readOnly},
		situation{name: "L32 a published PEM as the key", message: raw(func(w *world) string {
			return sign(hs256, w.claims(one, "/uninstalled"), string(published))
		}), status: 401, calls: readOnly},
		situation{name: "L32 the payload's publicKey as the key", message: func(w *world) message {
			key := "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ-not-a-real-key"
			return message{path: "/uninstalled", body: payload("uninstalled", one, "").with("publicKey", key).json()}.
				signed(sign(hs256, w.claims(one, "/uninstalled"), key))
		}, status: 401, calls: readOnly},
		situation{name: "L32 a kid is ignored", message: raw(func(w *world) string {
			return sign(`{"alg":"HS256","typ":"JWT","kid":"../../secret"}`, w.claims(one, "/uninstalled"), secretOne)
		}), status: 204, stored: uninstalledOne, calls: written},
		situation{name: "L33 aud names another installation", message: claimed(func(c object) object {
			return c.with("aud", two)
		}), status: 204, stored: uninstalledOne, calls: written},
		situation{name: "L33 aud is a list", message: claimed(func(c object) object {
			return c.with("aud", []string{two, gone})
		}), status: 204, stored: uninstalledOne, calls: written},
		situation{name: "L33 no aud", message: claimed(func(c object) object { return c.with("aud", nil) }), status: 204, stored: uninstalledOne, calls: written},
	))
}

func TestMalformedToken(t *testing.T) {
	t.Parallel()
	situations := []situation{
		{name: "L20 no iss", message: claimed(func(c object) object { return c.with("iss", nil) }), status: 401},
		{name: "L20 iss is a number", message: claimed(func(c object) object { return c.with("iss", 7) }), status: 401},
		{name: "L20 iss is a list", message: claimed(func(c object) object { return c.with("iss", []string{one}) }), status: 401},
		{name: "L20 iss of another app", message: claimed(func(c object) object {
			return c.with("iss", strings.Replace(one, appKey, "other-app", 1))
		}), status: 401},
		{name: "L20 iss twice", message: raw(func(w *world) string {
			claims := string(w.claims(one, "/uninstalled").json())
			return signText(hs256, `{"iss":"`+two+`",`+claims[1:], secretOne)
		}), status: 401},
		{name: "L20 claims are a list", message: raw(func(*world) string { return signText(hs256, `[]`, secretOne) }), status: 401},
		{name: "L20 critical extension", message: raw(func(w *world) string {
			return sign(`{"alg":"HS256","crit":["b64"],"b64":false}`, w.claims(one, "/uninstalled"), secretOne)
		}), status: 401},
		{name: "L20 longer than any token", message: raw(func(*world) string { return strings.Repeat("a", 9000) }), status: 401},
		{
			name: "L21 bad signature", message: raw(func(w *world) string { return w.token(one, "/uninstalled", secretForeign) }),
			status: 401, calls: readOnly,
		},
		{
			name: "L21 the signature of other claims", message: raw(func(w *world) string {
				claims, _, _ := cutLast(w.token(one, "/uninstalled", secretOne))
				_, signature, _ := cutLast(w.token(two, "/uninstalled", secretOne))
				return claims + "." + signature
			}), status: 401, calls: readOnly,
		},
		{
			name: "L21 the second of two bad signatures reads nothing", given: func(t *testing.T, w *world) {
				w.send(t, uninstalled(one).signed(w.token(one, "/uninstalled", secretForeign)))
			},
			message: raw(func(w *world) string { return w.token(one, "/uninstalled", secretForeign) }), status: 401,
		},
	}
	goodHeader, _, _ := strings.Cut(signText(hs256, "{}", secretOne), ".")
	for _, token := range []string{"", ".", "..", goodHeader, goodHeader + ".", goodHeader + "..", "a.b.c", "a.b.c.d", "{}.{}.{}", "e30.e30.", "e30.e30.e30", "\xff\xfe.a.b", strings.Repeat(".", 500)} {
		situations = append(situations, situation{
			name: "L20 malformed " + token, message: raw(func(*world) string { return token }), status: 401,
		})
	}
	play(t, situations)
}

// TestRefusalIsSilent is L21's second half: what the log has of a forged token,
// and what nobody gets to see.
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

// cutLast cuts around the last dot.
func cutLast(token string) (before, after string, found bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return token, "", false
	}
	return token[:i], token[i+1:], true
}
