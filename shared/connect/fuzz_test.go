package connect_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/internal/parts"
	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

// fuzzSecrets are what a fuzzed token is signed with; the first two are the
// tenant's, the third is the app's.
var fuzzSecrets = []string{currentSecret, previousSecret, appSecret, wrongSecret, ""}

// FuzzVerify makes a request of its input and holds Verify against the slow
// implementation. In authorization and query, TOKEN stands for a token of the given
// header and claims, signed with secret number key; in the claims, HASH stands for
// the request's hash. So the fuzzer gets behind the signature. A plan builds another
// token from the parts of the first one; from key 128 on the result is signed again.
func FuzzVerify(f *testing.F) {
	claims := `{"iss":"` + tenant + `","iat":1700000000,"exp":1700003600,"qsh":"HASH"}`
	f.Add(bitbucketHeader, claims, uint8(0), "POST", "/prod/installed", "", "JWT TOKEN", []byte{})
	for plan := range parts.Plans(4, 4) {
		f.Add(bitbucketHeader, claims, uint8(0), "POST", "/prod/installed", "", "JWT TOKEN", plan)
		f.Add(bitbucketHeader, claims, uint8(130), "POST", "/prod/installed", "", "JWT TOKEN", plan)
	}
	receiver := newReceiver()
	receiver.BasePath, receiver.app = "/prod", redact.New(appSecret)
	receiver.secrets["connection:479"] = connect.Secrets{}
	slow := slowVerifier{
		appKey: appKey, basePath: "/prod", appSecret: appSecret, now: float64(clock().Unix()),
		secrets: map[string][]string{tenant: {currentSecret, previousSecret}},
	}
	f.Fuzz(func(t *testing.T, header, claims string, key uint8, method, path, query, authorization string, plan []byte) {
		withoutToken := strings.ReplaceAll(query, "TOKEN", "")
		hash := hashOf(bitbucket.CanonicalRequest(method, path, withoutToken, "/prod"))
		token := fuzzToken(header, strings.ReplaceAll(claims, "HASH", hash), key, plan)
		request := connect.Request{
			Method: method, RawPath: path, RawQuery: strings.ReplaceAll(query, "TOKEN", token),
			Authorization: strings.ReplaceAll(authorization, "TOKEN", token),
		}
		verified, err := receiver.receive(request)
		reason := reasonOf(t, err)

		clientKey, secret, ok := slow.verify(request)
		if ok != (err == nil) {
			t.Fatalf("accepted: %v (%s), the slow implementation: %v\n%+v", err == nil, reason, ok, request)
		}
		if !ok {
			return
		}
		wantSecret := map[int]connect.SignedBy{0: connect.SignedByCurrent, 1: connect.SignedByPrevious, -1: connect.SignedByApp}[secret]
		if verified.ClientKey() != clientKey || verified.SignedBy() != wantSecret {
			t.Errorf("verified %q by %s, want %q by %s", verified.ClientKey(), verified.SignedBy(), clientKey, wantSecret)
		}
		if age := clock().Sub(verified.IssuedAt()); age < -connect.Leeway || age > 25*time.Hour {
			t.Errorf("accepted a token that was issued %v ago", age)
		}
	})
}

func fuzzToken(header, claims string, key uint8, plan []byte) string {
	secret := fuzzSecrets[int(key)%len(fuzzSecrets)]
	token := sign(header, claims, secret)
	if len(plan) == 0 {
		return token
	}
	token = parts.Join(plan, append(strings.Split(token, "."), ".")...)
	if key >= 128 {
		token += "." + base64.RawURLEncoding.EncodeToString(hmacSHA256(token, secret))
	}
	return token
}

// FuzzCanonicalRequest holds the canonical request against the simulator's.
// A plan builds path and query from the parts of URLs.
func FuzzCanonicalRequest(f *testing.F) {
	const path = "/2.0/addon/linkers/issues/values"
	f.Add("GET", path, "pagelen=100&page=2", "", []byte{})
	for plan := range parts.Plans(7, 3) {
		f.Add("GET", path, "pagelen=100&page=2", "/2.0", plan)
	}
	f.Fuzz(func(t *testing.T, method, path, query, base string, plan []byte) {
		if len(plan) > 0 {
			target := parts.Join(plan, "/", "?", "&", "=", "%", base, "jwt", "__proto__", "constructor", path, query,
				"a", "A", "[", "+", ",", ";", "%2", "%E2%82", "%AC", "%F0%9F%98", "%80", "%41", "%2B", "\xff", "€", "\U0001F600")
			path, query, _ = strings.Cut(target, "?")
		}
		got := connect.CanonicalRequest(method, path, query, base)
		if want := bitbucket.CanonicalRequest(method, path, query, base); got != want {
			t.Fatalf("canonical request\n got %q\nwant %q", got, want)
		}
		if hash := connect.QueryStringHash(method, path, query, base); hash != hashOf(got) {
			t.Errorf("hash %s is not that of %q", hash, got)
		}
		pairs := strings.Split(query, "&")
		slices.Reverse(pairs)
		reversed := strings.Join(pairs, "&")
		if other := connect.CanonicalRequest(method, path, reversed, base); other != got {
			t.Errorf("the order of parameters counts: %q and %q", got, other)
		}
		if other := connect.CanonicalRequest(method, path, query+"&jwt=x&&", base); other != got {
			t.Errorf("the token counts: %q and %q", got, other)
		}
		checkIdempotent(t, got, strings.ToUpper(method))
	})
}

// checkIdempotent parses a canonical request and makes it canonical again.
// Two things are not the same on the wire: a repeated name has its values joined by
// a comma, and of several trailing slashes one goes each time.
func checkIdempotent(t *testing.T, canonical, method string) {
	t.Helper()
	path, query, found := strings.Cut(strings.TrimPrefix(canonical, method+"&"), "&")
	if !found || !strings.HasPrefix(path, "/") {
		t.Fatalf("%q is not METHOD&/path&query", canonical)
	}
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		name, values, _ := strings.Cut(pair, "=")
		for value := range strings.SplitSeq(values, ",") {
			pairs = append(pairs, name+"="+value)
		}
	}
	if query == "" {
		pairs = nil
	}
	if path != "/" && strings.HasSuffix(path, "/") {
		path += "/"
	}
	if again := connect.CanonicalRequest(method, path, strings.Join(pairs, "&"), ""); again != canonical {
		t.Errorf("not idempotent: %q becomes %q", canonical, again)
	}
}

// payloadError is every text that ParseEvent may answer with: nothing of the body.
var payloadError = regexp.MustCompile(`^invalid payload: (body|principal|eventType|key|clientKey|sharedSecret|principal\.\w+|longer) ` +
	`(is not a JSON object with unique member names|is missing|is not a string|is not (un)?installed|is not a UUID in braces|` +
	`is too long or has unprintable characters|is longer than 1024 bytes|than 262144 bytes)$`)

var uuidForm = regexp.MustCompile(`^\{[0-9a-fA-F-]{36}\}$`)

// FuzzLifecycleBody holds events against encoding/json's reading of the body. A plan
// builds the body from the parts of a payload.
func FuzzLifecycleBody(f *testing.F) {
	for plan := range parts.Plans(6, 4) {
		f.Add([]byte("{}"), plan)
	}
	for _, name := range []string{"installed.team.json", "installed.user.json", "uninstalled.team.json", "uninstalled.user.json"} {
		f.Add(sample(f, name), []byte{})
	}
	f.Fuzz(func(t *testing.T, body, plan []byte) {
		if len(plan) > 0 {
			body = []byte(parts.Join(plan, "{", "}", ",", ":", `"`, string(body), "[", "]", `\`, " ", "null", "\xff", `\u0061`,
				`"eventType":"installed"`, `"eventType":"uninstalled"`, `"key":"`+appKey+`"`, `"clientKey":"`+tenant+`"`,
				`"principal":{"uuid":"{11111111-2222-4333-8444-555555555555}"}`, `"sharedSecret":"secret"`,
				`"principal":`, `"uuid":`, `"{11111111-2222-4333-8444-555555555555}"`, `"clientKey":`, `"\u006bey":`))
		}
		for _, want := range []connect.EventType{connect.EventInstalled, connect.EventUninstalled} {
			event, err := connect.ParseEvent(want, body)
			if err != nil && (!errors.Is(err, connect.ErrInvalidPayload) || !payloadError.MatchString(err.Error())) {
				t.Errorf("error is %q", err)
			}
			if err == nil || errors.Is(err, connect.ErrNoSharedSecret) {
				checkEvent(t, want, body, event, err == nil)
			} else if event != (connect.Event{}) {
				t.Errorf("an error comes with the event %+v", event)
			}
			_ = event.CheckKeys(appKey)
		}
	})
}

// checkEvent holds an event against encoding/json's reading, which picks the last of
// several members: where it differs, something was read twice.
func checkEvent(t *testing.T, want connect.EventType, body []byte, event connect.Event, complete bool) {
	t.Helper()
	var raw map[string]json.RawMessage
	var principal map[string]any
	text := func(name string) (value string) {
		_ = json.Unmarshal(raw[name], &value)
		return value
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v", err)
	}
	if err := json.Unmarshal(raw["principal"], &principal); err != nil {
		t.Fatalf("accepted a principal that encoding/json refuses: %v", err)
	}
	if event.Type != want || text("eventType") != string(want) || event.AppKey != text("key") || event.ClientKey != connect.CanonicalClientKey(text("clientKey")) {
		t.Errorf("event is %+v", event)
	}
	uuid, _ := principal["uuid"].(string)
	if !strings.EqualFold(string(event.Principal.UUID), uuid) || !uuidForm.MatchString(string(event.Principal.UUID)) {
		t.Errorf("principal is %+v", event.Principal)
	}
	wantSecret := text("sharedSecret")
	if want != connect.EventInstalled {
		wantSecret = ""
	}
	if event.SharedSecret.Reveal() != wantSecret || complete == (want == connect.EventInstalled && wantSecret == "") {
		t.Errorf("the secret is not the body's")
	}
}
