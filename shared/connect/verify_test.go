package connect_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/connect"
)

func TestVerifyAcceptsWhatBitbucketSends(t *testing.T) {
	t.Parallel()
	claims := bitbucketClaims()
	tests := map[string]struct{ header, claims string }{
		"recorded form":                        {bitbucketHeader, claims.json(t)},
		"header without typ":                   {`{"alg":"HS256"}`, claims.json(t)},
		"header with kid, which is ignored":    {`{"alg":"HS256","kid":"../../etc/passwd"}`, claims.json(t)},
		"algorithm written with an escape":     {`{"alg":"\u0048S256"}`, claims.json(t)},
		"space around everything":              {" {\t\"alg\" :\n\"HS256\" } ", " " + claims.json(t) + "\r\n"},
		"no aud":                               {bitbucketHeader, claims.without("aud").json(t)},
		"aud of another tenant":                {bitbucketHeader, claims.with("aud", []string{stranger}).json(t)},
		"sub of another tenant":                {bitbucketHeader, claims.with("sub", stranger).json(t)},
		"nested objects with the same names":   {bitbucketHeader, claims.with("context", object{"iss": "x", "exp": 1, "a": []any{object{"qsh": "}"}}}).json(t)},
		"iat a minute in the future":           {bitbucketHeader, claims.with("iat", issuedAt+90).json(t)},
		"exp less than a minute ago":           {bitbucketHeader, claims.with("iat", issuedAt-3600).with("exp", issuedAt-29).json(t)},
		"nbf a minute in the future":           {bitbucketHeader, claims.with("nbf", issuedAt+90).json(t)},
		"times with fractions":                 {bitbucketHeader, claims.with("iat", issuedAt+.5).with("exp", issuedAt+60.25).json(t)},
		"nbf at the beginning of time":         {bitbucketHeader, claims.with("nbf", 0).json(t)},
		"the longest lifetime that is allowed": {bitbucketHeader, claims.with("exp", issuedAt+86400).json(t)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := sign(test.header, test.claims, currentSecret)
			verified, err := newReceiver().receive(installedRequest(token))
			if err != nil {
				t.Fatalf("refused: %s", reasonOf(t, err))
			}
			if verified.ClientKey() != tenant || verified.SignedBy() != connect.SignedByCurrent {
				t.Errorf("verified %q signed by %s", verified.ClientKey(), verified.SignedBy())
			}
		})
	}
}

func TestVerifyTellsWhenTheTokenWasIssued(t *testing.T) {
	t.Parallel()
	token := sign(bitbucketHeader, bitbucketClaims().json(t), currentSecret)
	verified, err := newReceiver().receive(installedRequest(token))
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Unix(issuedAt, 0).UTC(); !verified.IssuedAt().Equal(want) {
		t.Errorf("issued at %v, want %v", verified.IssuedAt(), want)
	}
}

// refusals are tokens that carry the right signature where they can, so that each
// is refused for its own flaw. lookups tells whether a secret may have been read.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	claims := bitbucketClaims()
	good := claims.json(t)
	member := func(name, value string) string { // may repeat what is there
		return strings.TrimSuffix(good, "}") + `,"` + name + `":` + value + "}"
	}
	tests := map[string]struct {
		header, claims string
		reason         connect.Reason
		lookups        bool
	}{
		"alg none":                            {`{"alg":"none"}`, good, connect.ReasonAlgorithm, false},
		"alg RS256":                           {`{"alg":"RS256"}`, good, connect.ReasonAlgorithm, false},
		"alg ES256":                           {`{"alg":"ES256"}`, good, connect.ReasonAlgorithm, false},
		"alg PS256":                           {`{"alg":"PS256"}`, good, connect.ReasonAlgorithm, false},
		"alg HS384":                           {`{"alg":"HS384"}`, good, connect.ReasonAlgorithm, false},
		"alg HS512":                           {`{"alg":"HS512"}`, good, connect.ReasonAlgorithm, false},
		"alg in lower case":                   {`{"alg":"hs256"}`, good, connect.ReasonAlgorithm, false},
		"alg in a list":                       {`{"alg":["HS256"]}`, good, connect.ReasonAlgorithm, false},
		"alg missing":                         {`{"typ":"JWT"}`, good, connect.ReasonAlgorithm, false},
		"alg twice":                           {`{"alg":"HS256","alg":"none"}`, good, connect.ReasonMalformed, false},
		"alg twice, once escaped":             {`{"alg":"HS256","\u0061lg":"none"}`, good, connect.ReasonMalformed, false},
		"Alg beside nothing":                  {`{"Alg":"HS256"}`, good, connect.ReasonAlgorithm, false},
		"crit":                                {`{"alg":"HS256","crit":["exp"]}`, good, connect.ReasonMalformed, false},
		"crit that is empty":                  {`{"alg":"HS256","crit":[]}`, good, connect.ReasonMalformed, false},
		"b64":                                 {`{"alg":"HS256","b64":true}`, good, connect.ReasonMalformed, false},
		"header not an object":                {`["HS256"]`, good, connect.ReasonMalformed, false},
		"header cut off":                      {`{"alg":"HS256"`, good, connect.ReasonMalformed, false},
		"header with data behind it":          {`{"alg":"HS256"}{}`, good, connect.ReasonMalformed, false},
		"header with a broken value":          {`{"alg":"HS256","x":nul}`, good, connect.ReasonMalformed, false},
		"claims twice":                        {bitbucketHeader, member("iss", `"x"`), connect.ReasonMalformed, false},
		"claim twice, once escaped":           {bitbucketHeader, member(`\u0065xp`, "1"), connect.ReasonMalformed, false},
		"unknown claim twice":                 {bitbucketHeader, `{"x":1,` + member("x", "2")[1:], connect.ReasonMalformed, false},
		"claims an array":                     {bitbucketHeader, `[` + good + `]`, connect.ReasonMalformed, false},
		"claims null":                         {bitbucketHeader, `null`, connect.ReasonMalformed, false},
		"claims a string":                     {bitbucketHeader, `"{}"`, connect.ReasonMalformed, false},
		"claims with data behind them":        {bitbucketHeader, good + `,`, connect.ReasonMalformed, false},
		"claims with a comma too many":        {bitbucketHeader, strings.TrimSuffix(good, "}") + ",}", connect.ReasonMalformed, false},
		"claims not UTF-8":                    {bitbucketHeader, member("x", "\"\xff\""), connect.ReasonMalformed, false},
		"claims with a broken value":          {bitbucketHeader, member("x", `[1,]`), connect.ReasonMalformed, false},
		"claims with a control character":     {bitbucketHeader, member("x", "\"\x01\""), connect.ReasonMalformed, false},
		"more claims than anybody sends":      {bitbucketHeader, strings.TrimSuffix(good, "}") + manyMembers(64) + "}", connect.ReasonMalformed, false},
		"claims empty":                        {bitbucketHeader, `{}`, connect.ReasonIssuer, false},
		"no iss":                              {bitbucketHeader, claims.without("iss").json(t), connect.ReasonIssuer, false},
		"iss a number":                        {bitbucketHeader, claims.with("iss", 5).json(t), connect.ReasonIssuer, false},
		"iss a list":                          {bitbucketHeader, claims.with("iss", []string{tenant}).json(t), connect.ReasonIssuer, false},
		"iss empty":                           {bitbucketHeader, claims.with("iss", "").json(t), connect.ReasonIssuer, false},
		"iss in another case":                 {bitbucketHeader, claims.without("iss").with("ISS", tenant).json(t), connect.ReasonIssuer, false},
		"iss with a control character":        {bitbucketHeader, claims.with("iss", tenant+"\n").json(t), connect.ReasonIssuer, false},
		"iss with a bidi override":            {bitbucketHeader, claims.with("iss", "connection:\u202e974").json(t), connect.ReasonIssuer, false},
		"iss with a zero-width space":         {bitbucketHeader, claims.with("iss", "connection:\u200b479").json(t), connect.ReasonIssuer, false},
		"iss of the greatest length":          {bitbucketHeader, claims.with("iss", strings.Repeat("x", 256)).json(t), connect.ReasonUnknownTenant, true},
		"iss too long":                        {bitbucketHeader, claims.with("iss", strings.Repeat("x", 257)).json(t), connect.ReasonIssuer, false},
		"iss of another app":                  {bitbucketHeader, claims.with("iss", tenant+"2").json(t), connect.ReasonIssuer, false},
		"iss unknown, aud known":              {bitbucketHeader, claims.with("iss", "connection:479").json(t), connect.ReasonUnknownTenant, true},
		"no exp":                              {bitbucketHeader, claims.without("exp").json(t), connect.ReasonTimes, true},
		"exp a string":                        {bitbucketHeader, claims.with("exp", "1700003600").json(t), connect.ReasonTimes, true},
		"exp null":                            {bitbucketHeader, claims.with("exp", nil).json(t), connect.ReasonTimes, true},
		"exp zero":                            {bitbucketHeader, claims.with("exp", 0).json(t), connect.ReasonTimes, true},
		"exp negative":                        {bitbucketHeader, claims.with("iat", -5).with("exp", -1).json(t), connect.ReasonTimes, true},
		"exp huge":                            {bitbucketHeader, claims.with("exp", 1e300).json(t), connect.ReasonTimes, true},
		"exp in the year 9999":                {bitbucketHeader, claims.with("exp", 253402300799).json(t), connect.ReasonLifetime, true},
		"exp in the year 10000":               {bitbucketHeader, claims.with("exp", 253402300800).json(t), connect.ReasonTimes, true},
		"exp beyond any float":                {bitbucketHeader, strings.Replace(good, `"exp":1700003600`, `"exp":1e999`, 1), connect.ReasonTimes, true},
		"exp before iat":                      {bitbucketHeader, claims.with("exp", issuedAt-1).json(t), connect.ReasonTimes, true},
		"exp at iat":                          {bitbucketHeader, claims.with("exp", issuedAt).json(t), connect.ReasonTimes, true},
		"exp a minute ago":                    {bitbucketHeader, claims.with("iat", issuedAt-3600).with("exp", issuedAt-30).json(t), connect.ReasonExpired, true},
		"exp a second too far from iat":       {bitbucketHeader, claims.with("exp", issuedAt+86401).json(t), connect.ReasonLifetime, true},
		"no iat":                              {bitbucketHeader, claims.without("iat").json(t), connect.ReasonTimes, true},
		"iat a string":                        {bitbucketHeader, claims.with("iat", "1700000000").json(t), connect.ReasonTimes, true},
		"iat over a minute in the future":     {bitbucketHeader, claims.with("iat", issuedAt+91).json(t), connect.ReasonNotYetValid, true},
		"nbf over a minute in the future":     {bitbucketHeader, claims.with("nbf", issuedAt+91).json(t), connect.ReasonNotYetValid, true},
		"nbf a string":                        {bitbucketHeader, claims.with("nbf", "1").json(t), connect.ReasonTimes, true},
		"qsh of a page":                       {bitbucketHeader, claims.with("qsh", "context-qsh").json(t), connect.ReasonWrongHash, true},
		"qsh empty":                           {bitbucketHeader, claims.with("qsh", "").json(t), connect.ReasonNoHash, true},
		"no qsh":                              {bitbucketHeader, claims.without("qsh").json(t), connect.ReasonNoHash, true},
		"qsh a list":                          {bitbucketHeader, claims.with("qsh", []string{hashOf("POST&/installed&")}).json(t), connect.ReasonNoHash, true},
		"qsh true":                            {bitbucketHeader, claims.with("qsh", true).json(t), connect.ReasonNoHash, true},
		"qsh in capitals":                     {bitbucketHeader, claims.with("qsh", strings.ToUpper(hashOf("POST&/installed&"))).json(t), connect.ReasonWrongHash, true},
		"qsh cut short":                       {bitbucketHeader, claims.with("qsh", hashOf("POST&/installed&")[:63]).json(t), connect.ReasonWrongHash, true},
		"qsh of another path":                 {bitbucketHeader, claims.with("qsh", hashOf("POST&/uninstalled&")).json(t), connect.ReasonWrongHash, true},
		"qsh of another method":               {bitbucketHeader, claims.with("qsh", hashOf("GET&/installed&")).json(t), connect.ReasonWrongHash, true},
		"qsh of another query":                {bitbucketHeader, claims.with("qsh", hashOf("POST&/installed&a=1")).json(t), connect.ReasonWrongHash, true},
		"qsh in another case than its name":   {bitbucketHeader, claims.without("qsh").with("QSH", hashOf("POST&/installed&")).json(t), connect.ReasonNoHash, true},
		"qsh of the empty canonical request":  {bitbucketHeader, claims.with("qsh", hashOf("")).json(t), connect.ReasonWrongHash, true},
		"exp in another case than its name":   {bitbucketHeader, claims.without("exp").with("EXP", issuedAt+3600).json(t), connect.ReasonTimes, true},
		"not a token but JSON in three parts": {`{}`, `{}`, connect.ReasonAlgorithm, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := newReceiver()
			token := sign(test.header, test.claims, currentSecret)
			verified, err := receiver.receive(installedRequest(token))
			if got := reasonOf(t, err); got != test.reason {
				t.Errorf("reason is %q, want %q", got, test.reason)
			}
			if verified != (connect.Verified{}) {
				t.Errorf("refused, but verified %v", verified)
			}
			if looked := receiver.lookups > 0; looked != test.lookups {
				t.Errorf("looked a secret up: %v, want %v", looked, test.lookups)
			}
		})
	}
}

func manyMembers(n int) string {
	var members strings.Builder
	for i := range n {
		members.WriteString(`,"x` + strings.Repeat("y", i) + `":1`)
	}
	return members.String()
}

// The encoding of a good token, damaged.
func TestVerifyRefusesDamagedTokens(t *testing.T) {
	t.Parallel()
	good := sign(bitbucketHeader, bitbucketClaims().json(t), currentSecret)
	parts := strings.Split(good, ".")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := good[len(good)-1]
	tests := map[string]struct {
		token  string
		reason connect.Reason
	}{
		"empty behind the scheme":       {"", connect.ReasonScheme},
		"no dots":                       {"garbage", connect.ReasonMalformed},
		"two parts":                     {parts[0] + "." + parts[1], connect.ReasonMalformed},
		"signature stripped":            {parts[0] + "." + parts[1] + ".", connect.ReasonMalformed},
		"four parts":                    {good + ".x", connect.ReasonMalformed},
		"dot at the end":                {good + ".", connect.ReasonMalformed},
		"header empty":                  {"." + parts[1] + "." + parts[2], connect.ReasonMalformed},
		"claims empty":                  {parts[0] + ".." + parts[2], connect.ReasonMalformed},
		"padded":                        {good + "=", connect.ReasonMalformed},
		"stray bits in the last letter": {good[:len(good)-1] + string(alphabet[strings.IndexByte(alphabet, last)^1]), connect.ReasonMalformed},
		"standard alphabet":             {good[:len(good)-1] + "/", connect.ReasonMalformed},
		"line break inside":             {good[:50] + "\n" + good[50:], connect.ReasonMalformed},
		"line break in the signature":   {good + "\r\n", connect.ReasonMalformed},
		"space before":                  {" " + good, connect.ReasonMalformed},
		"space behind":                  {good + " ", connect.ReasonMalformed},
		"two headers joined":            {good + "," + good, connect.ReasonMalformed},
		"signature of other claims":     {parts[0] + "." + parts[1] + "." + strings.Split(sign(bitbucketHeader, "{}", currentSecret), ".")[2], connect.ReasonSignature},
		"signature too short":           {parts[0] + "." + parts[1] + "." + parts[2][:40], connect.ReasonSignature},
		"a megabyte of dots":            {strings.Repeat(".", 1<<20), connect.ReasonTooLong},
		"one byte too long":             {strings.Repeat("x", connect.MaxTokenLength+1), connect.ReasonTooLong},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newReceiver().receive(installedRequest(test.token))
			if got := reasonOf(t, err); got != test.reason {
				t.Errorf("reason is %q, want %q", got, test.reason)
			}
		})
	}
}

// The parts of a good token, joined with 0 to 5 dots, some of them empty, and a good
// token that is cut at each byte: only the whole token is accepted.
func TestVerifyRefusesEveryPartOfAToken(t *testing.T) {
	t.Parallel()
	good := sign(bitbucketHeader, bitbucketClaims().json(t), currentSecret)
	header, rest, _ := strings.Cut(good, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	var tokens []string
	for end := 1; end < len(good); end++ {
		tokens = append(tokens, good[:end])
	}
	for _, first := range []string{"", header} {
		for _, second := range []string{"", claims} {
			for _, third := range []string{"", signature} {
				for dots := range 6 {
					for _, parts := range [][]string{{first}, {first, second}, {first, second, third}} {
						joined := strings.Join(parts, ".") + strings.Repeat(".", dots)
						tokens = append(tokens, joined, strings.Repeat(".", dots)+joined, strings.ReplaceAll(joined, ".", ".."))
					}
				}
			}
		}
	}
	for _, token := range tokens {
		if token == "" || token == good {
			continue
		}
		_, err := newReceiver().receive(installedRequest(token))
		var refused *connect.AuthError
		if !errors.As(err, &refused) {
			t.Errorf("%q: %v, want a refusal", token, err)
		}
	}
}

// Base64 can write the same bytes in several ways; all but one are refused before a
// secret is looked up, although each is signed well.
func TestVerifyRefusesOtherWritingsOfASegment(t *testing.T) {
	t.Parallel()
	// One byte is left over after the last three, so the last letter has spare bits.
	pad := func(text string) string { return text + strings.Repeat(" ", (4-len(text)%3)%3) }
	encode := base64.RawURLEncoding.EncodeToString
	header, claims := encode([]byte(pad(bitbucketHeader))), encode([]byte(pad(bitbucketClaims().json(t))))
	for name, rewrite := range map[string]func(string) string{
		"as it should be":         func(s string) string { return s },
		"spare bits set":          func(s string) string { return s[:len(s)-1] + string(s[len(s)-1]+1) },
		"padding":                 func(s string) string { return s + "==" },
		"line feed before":        func(s string) string { return "\n" + s },
		"carriage return before":  func(s string) string { return "\r" + s },
		"line feed inside":        func(s string) string { return s[:4] + "\n" + s[4:] },
		"carriage return at end":  func(s string) string { return s + "\r" },
		"a letter of no alphabet": func(s string) string { return s[:4] + "*" + s[4:] },
		"nothing":                 func(string) string { return "" },
	} {
		for segment, signed := range map[string]string{
			"header": rewrite(header) + "." + claims,
			"claims": header + "." + rewrite(claims),
		} {
			receiver := newReceiver()
			token := signed + "." + encode(hmacSHA256(signed, currentSecret))
			_, err := receiver.receive(installedRequest(token))
			got, want := reasonOf(t, err), connect.ReasonMalformed
			if name == "as it should be" {
				want = ""
			}
			if got != want {
				t.Errorf("%s, %s: reason is %q, want %q", segment, name, got, want)
			}
			if want != "" && receiver.lookups > 0 {
				t.Errorf("%s, %s: a secret was looked up", segment, name)
			}
		}
	}
}

func TestVerifyAcceptsATokenOfTheGreatestLength(t *testing.T) {
	t.Parallel()
	claims := bitbucketClaims().with("x", "")
	short := len(sign(bitbucketHeader, claims.json(t), currentSecret))
	for missing := (connect.MaxTokenLength - short) * 3 / 4; ; missing++ {
		token := sign(bitbucketHeader, claims.with("x", strings.Repeat("x", missing)).json(t), currentSecret)
		if len(token) > connect.MaxTokenLength {
			return
		}
		if _, err := newReceiver().receive(installedRequest(token)); err != nil {
			t.Fatalf("a token of %d bytes is refused: %s", len(token), reasonOf(t, err))
		}
	}
}

// What Bitbucket hashes is the path below baseUrl, as it is on the wire.
func TestVerifyBasePath(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		base, path, hashed string
		want               connect.Reason
	}{
		"no base":                           {"", "/installed", "/installed", ""},
		"stage prefix":                      {"/prod", "/prod/installed", "/installed", ""},
		"base with a trailing slash":        {"/prod/", "/prod/installed", "/installed", ""},
		"base of two segments":              {"/a/b", "/a/b/installed", "/installed", ""},
		"path is the base":                  {"/prod", "/prod", "/", ""},
		"prefix taken off by a proxy":       {"/prod", "/installed", "/installed", ""},
		"prefix only once":                  {"/prod", "/prod/prod/installed", "/prod/installed", ""},
		"trailing slash on the wire":        {"/prod", "/prod/installed/", "/installed", ""},
		"raw path is not decoded":           {"/prod", "/prod/%69nstalled", "/%69nstalled", ""},
		"raw path is hashed, not decoded":   {"/prod", "/prod/%69nstalled", "/installed", connect.ReasonWrongHash},
		"hash over the prefix":              {"/prod", "/prod/installed", "/prod/installed", connect.ReasonWrongHash},
		"prefix ends inside a segment":      {"/prod", "/production/x", "/uction/x", connect.ReasonWrongHash},
		"prefix is glued to the route":      {"/prod", "/prodinstalled", "/installed", connect.ReasonWrongHash},
		"glued behind a base with a slash":  {"/prod/", "/prodinstalled", "/installed", connect.ReasonWrongHash},
		"double slash is another path":      {"/prod", "/prod//installed", "/installed", connect.ReasonWrongHash},
		"path of another case than baseUrl": {"/prod", "/PROD/installed", "/installed", connect.ReasonWrongHash},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := newReceiver()
			receiver.BasePath = test.base
			claims := bitbucketClaims().with("qsh", hashOf("POST&"+test.hashed+"&"))
			request := installedRequest(sign(bitbucketHeader, claims.json(t), currentSecret))
			request.RawPath = test.path
			_, err := receiver.receive(request)
			if got := reasonOf(t, err); got != test.want {
				t.Errorf("reason is %q, want %q", got, test.want)
			}
		})
	}
}

func TestVerifyMaxLifetime(t *testing.T) {
	t.Parallel()
	request := installedRequest(sign(bitbucketHeader, bitbucketClaims().json(t), currentSecret))
	for maxLifetime, want := range map[time.Duration]connect.Reason{
		time.Hour:               "",
		time.Hour - time.Second: connect.ReasonLifetime,
	} {
		receiver := newReceiver()
		receiver.MaxLifetime = maxLifetime
		_, err := receiver.receive(request)
		if got := reasonOf(t, err); got != want {
			t.Errorf("with a cap of %v the reason is %q, want %q", maxLifetime, got, want)
		}
	}
}

func TestVerifyUsesTheRealClockByDefault(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	claims := bitbucketClaims()
	for want, token := range map[connect.Reason]string{
		"":                      sign(bitbucketHeader, claims.with("iat", now).with("exp", now+3600).json(t), currentSecret),
		connect.ReasonExpired:   sign(bitbucketHeader, claims.json(t), currentSecret),
		connect.ReasonSignature: sign(bitbucketHeader, claims.json(t), wrongSecret),
	} {
		receiver := newReceiver()
		receiver.Now = nil
		_, err := receiver.receive(installedRequest(token))
		if got := reasonOf(t, err); got != want {
			t.Errorf("reason is %q, want %q", got, want)
		}
	}
}

func TestOldClientKeysAreTenantsToo(t *testing.T) {
	t.Parallel()
	receiver := newReceiver()
	receiver.secrets["connection:479"] = secrets(currentSecret, "", "")
	token := sign(bitbucketHeader, bitbucketClaims().with("iss", "connection:479").json(t), currentSecret)
	verified, err := receiver.receive(installedRequest(token))
	if err != nil {
		t.Fatalf("refused: %s", reasonOf(t, err))
	}
	if diff := cmp.Diff("connection:479", verified.ClientKey()); diff != "" {
		t.Error(diff)
	}
}
