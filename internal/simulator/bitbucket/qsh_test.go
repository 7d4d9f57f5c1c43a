package bitbucket_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
)

type qshVector struct {
	Name, Method, URL, Base, Canonical, QSH string
	// Agrees is false where a peer's library and the reference library differ.
	Agrees *bool `json:"agrees_with_npm"`
	// Body marks the vectors that hash a form instead of the query.
	Body json.RawMessage
}

// The three results that are accidents of the reference library's language and
// that the documentation contradicts: base paths cut in the middle of a segment, and a
// parameter that it loses.
var accidents = map[string]bool{
	"base prefix w/o segment boundary (lib quirk)": true,
	"own: base path is only a string prefix":       true,
	"own: __proto__ param":                         true,
}

func TestQueryStringHashAgreesWithTheReferenceLibrary(t *testing.T) {
	t.Parallel()
	checkVectors(t, filepath.Join("testdata", "qsh.json"))
}

func TestQueryStringHashAgreesWithPeers(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "..", "shared", "reference", "qsh-peers.json")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skip("third-party vectors are not there: " + path)
	}
	checkVectors(t, path)
}

func TestUnreservedCharactersAreNotEncoded(t *testing.T) {
	t.Parallel()
	const unreserved = "-._~09azAZ"
	if got, want := bitbucket.CanonicalRequest("get", "", unreserved+"="+unreserved, ""), "GET&/&"+unreserved+"="+unreserved; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func checkVectors(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []qshVector }
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, v := range file.Vectors {
		if accidents[v.Name] || v.Body != nil || v.Agrees != nil && !*v.Agrees {
			continue
		}
		checked++
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			target, base := parse(t, v.URL), parse(t, v.Base)
			basePath := base.EscapedPath()
			if len(basePath) > 0 && basePath[len(basePath)-1] == '/' {
				basePath = basePath[:len(basePath)-1]
			}
			if got := bitbucket.CanonicalRequest(v.Method, target.EscapedPath(), target.RawQuery, basePath); got != v.Canonical {
				t.Errorf("canonical request of %s %s\n got %s\nwant %s", v.Method, v.URL, got, v.Canonical)
			}
			if got := bitbucket.QueryStringHash(v.Method, target.EscapedPath(), target.RawQuery, basePath); got != v.QSH {
				t.Errorf("hash of %s %s: got %s, want %s", v.Method, v.URL, got, v.QSH)
			}
		})
	}
	if checked < 50 {
		t.Errorf("only %d vectors were checked", checked)
	}
}

// parse is url.Parse for URLs whose path starts with two slashes, too.
func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	if text == "//" {
		return &url.URL{Path: "//"}
	}
	parsed, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
