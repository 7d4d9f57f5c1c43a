package connect_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
)

// TOKEN stands for a good token and OTHER for another good one.
func TestVerifyTakesOneToken(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, authorization, query, hashed string
		want                                 connect.Reason
	}{
		"header":                             {"POST", "JWT TOKEN", "", "", ""},
		"scheme in lower case":               {"POST", "jwt TOKEN", "", "", ""},
		"scheme in mixed case":               {"POST", "Jwt TOKEN", "", "", ""},
		"no space":                           {"POST", "JWTTOKEN", "", "", connect.ReasonScheme},
		"Bearer":                             {"POST", "Bearer TOKEN", "", "", connect.ReasonScheme},
		"no scheme":                          {"POST", "TOKEN", "", "", connect.ReasonScheme},
		"Basic":                              {"POST", "Basic dXNlcjpwYXNz", "", "", connect.ReasonScheme},
		"scheme alone":                       {"POST", "JWT", "", "", connect.ReasonScheme},
		"scheme and space alone":             {"POST", "JWT ", "", "", connect.ReasonScheme},
		"two spaces":                         {"POST", "JWT  TOKEN", "", "", connect.ReasonMalformed},
		"tab for a space":                    {"POST", "JWT\tTOKEN", "", "", connect.ReasonScheme},
		"two headers":                        {"POST", "JWT TOKEN, JWT TOKEN", "", "", connect.ReasonMalformed},
		"nothing":                            {"POST", "", "", "", connect.ReasonNoToken},
		"nothing, but other parameters":      {"GET", "", "JWT=TOKEN&jwt_=TOKEN", "", connect.ReasonNoToken},
		"parameter on POST":                  {"POST", "", "jwt=TOKEN", "", connect.ReasonNoToken},
		"parameter on PUT":                   {"PUT", "", "jwt=TOKEN", "", connect.ReasonNoToken},
		"parameter on HEAD":                  {"HEAD", "", "jwt=TOKEN", "", connect.ReasonNoToken},
		"parameter on GET":                   {"GET", "", "a=1&jwt=TOKEN", "a=1", ""},
		"parameter on GET, percent-encoded":  {"GET", "", "%6awt=TOKEN", "", ""},
		"parameter on GET, empty":            {"GET", "", "jwt=", "", connect.ReasonNoToken},
		"parameter twice":                    {"GET", "", "jwt=TOKEN&jwt=TOKEN", "", connect.ReasonAmbiguousToken},
		"parameter twice, once encoded":      {"GET", "", "jwt=TOKEN&%6Awt=OTHER", "", connect.ReasonAmbiguousToken},
		"parameter twice, and the header":    {"POST", "JWT TOKEN", "jwt=TOKEN&jwt=OTHER", "", connect.ReasonAmbiguousToken},
		"header and same parameter":          {"POST", "JWT TOKEN", "jwt=TOKEN", "", ""},
		"header and another parameter":       {"POST", "JWT TOKEN", "jwt=OTHER", "", connect.ReasonAmbiguousToken},
		"the same on GET":                    {"GET", "JWT TOKEN", "jwt=OTHER", "", connect.ReasonAmbiguousToken},
		"header and garbage parameter":       {"POST", "JWT TOKEN", "jwt=x", "", connect.ReasonAmbiguousToken},
		"wrong scheme beside good parameter": {"GET", "Bearer x", "jwt=TOKEN", "", connect.ReasonScheme},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := bitbucketClaims().with("qsh", hashOf(test.method+"&/installed&"+test.hashed))
			fill := strings.NewReplacer(
				"TOKEN", sign(bitbucketHeader, claims.json(t), currentSecret),
				"OTHER", sign(bitbucketHeader, claims.with("x", 1).json(t), currentSecret),
			).Replace
			request := connect.Request{
				Method: test.method, RawPath: "/installed",
				RawQuery: fill(test.query), Authorization: fill(test.authorization),
			}
			_, err := newReceiver().receive(request)
			if got := reasonOf(t, err); got != test.want {
				t.Errorf("reason is %q, want %q", got, test.want)
			}
		})
	}
}

// The query is part of what is signed, whatever its order.
func TestVerifyQuery(t *testing.T) {
	t.Parallel()
	claims := bitbucketClaims().with("qsh", hashOf("GET&/page&a=1&b=x%20y,z&c="))
	token := sign(bitbucketHeader, claims.json(t), currentSecret)
	for query, want := range map[string]connect.Reason{
		"a=1&b=x+y&b=z&c=":                              "",
		"c&b=z&b=x%20y&a=1":                             "",
		"a=1&b=x+y&b=z&c=&jwt=" + token:                 "",
		"a=1&b=x+y&b=z":                                 connect.ReasonWrongHash,
		"a=1&b=x+y&b=z&c=&d=":                           connect.ReasonWrongHash,
		"a=2&b=x+y&b=z&c=":                              connect.ReasonWrongHash,
		"a=1&b=x%20y,z&c=":                              connect.ReasonWrongHash,
		url.QueryEscape("a=1&b=x y&b=z&c="):             connect.ReasonWrongHash,
		"a=1&b=x+y&b=z&c=&JWT=" + token:                 connect.ReasonWrongHash,
		"a=1&b=x+y&b=z&c=&constructor=1&hasOwnProperty": connect.ReasonWrongHash,
		"a=1&b=x+y&b=z&c=&__proto__=x":                  connect.ReasonWrongHash,
	} {
		request := connect.Request{Method: "GET", RawPath: "/page", RawQuery: query, Authorization: "JWT " + token}
		_, err := newReceiver().receive(request)
		if got := reasonOf(t, err); got != want {
			t.Errorf("query %q: reason is %q, want %q", query, got, want)
		}
	}
}
