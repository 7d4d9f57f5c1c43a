package bitbucket_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
)

// edited returns the rig's descriptor with some fields changed; nil removes one.
func edited(t *testing.T, changes map[string]any) json.RawMessage {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(bitbucket.Descriptor(appKey, baseURL, "issues"), &fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range changes {
		fields[name] = value
		if value == nil {
			delete(fields, name)
		}
	}
	encoded, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestUpdateWithDescriptorRecordsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	r.put(valuesURL, `["A"]`)
	r.put("/2.0/addon/linkers/docs/values", `["B"]`)
	next := edited(t, map[string]any{"forgeAppLink": "ari:cloud:ecosystem::app/1"})
	r.put("/2.0/addon", `{"descriptor":`+string(next)+`}`)
	in, _ := r.sim.Installation(clientKey)
	if in.ForgeAppLink != "ari:cloud:ecosystem::app/1" {
		t.Errorf("forgeAppLink is %q", in.ForgeAppLink)
	}
	if diff := cmp.Diff(map[string][]string{"issues": {"A"}}, in.Values); diff != "" {
		t.Errorf("the linker that is gone took more, or less, than its values along: %s", diff)
	}
	r.want(http.StatusNotFound, request{method: "GET", path: "/2.0/addon/linkers/docs"})
}

func TestUpdateRefusesAWrongDescriptor(t *testing.T) {
	t.Parallel()
	scopes := "Scopes have increased or decreased to none."
	for name, test := range map[string]struct {
		changes map[string]any
		want    string
	}{
		"more scopes":              {map[string]any{"scopes": []string{"repository", "webhook"}}, scopes},
		"no scopes":                {map[string]any{"scopes": []string{}}, scopes},
		"scopes missing means all": {map[string]any{"scopes": nil}, scopes},
		"scope of another product": {map[string]any{"scopes": []string{"team"}}, "does not exist"},
		"name in another case":     {map[string]any{"baseURL": "https://app.example.com"}, `baseURL\" is not \"baseUrl`},
		"type in another case":     {map[string]any{"authentication": map[string]string{"type": "jwt", "Type": "jwt"}}, `Type\" is not \"type`},
		"linkers in another case":  {map[string]any{"modules": map[string]any{"Linkers": []any{}}}, `Linkers\" is not \"linkers`},
		"regex in another case": {map[string]any{"modules": map[string]any{"linkers": []any{
			map[string]string{"key": "issues", "Regex": "x", "url": "/"},
		}}}, `Regex\" is not \"regex`},
		"unknown scope":        {map[string]any{"scopes": []string{"repositories"}}, "does not exist"},
		"another key":          {map[string]any{"key": "other"}, "key is not the app's"},
		"no name":              {map[string]any{"name": nil}, "required"},
		"no description":       {map[string]any{"description": nil}, "required"},
		"no lifecycle":         {map[string]any{"lifecycle": nil}, "lifecycle"},
		"no authentication":    {map[string]any{"authentication": nil}, "authentication"},
		"http base URL":        {map[string]any{"baseUrl": "http://app.example.com"}, "baseUrl"},
		"trailing slash":       {map[string]any{"baseUrl": "https://app.example.com/"}, "baseUrl"},
		"context personal":     {map[string]any{"contexts": []string{"personal"}}, "context"},
		"linker without regex": {map[string]any{"modules": map[string]any{"linkers": []any{map[string]any{"key": "k", "url": "/"}}}}, "linker"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bitbucket.Switches{})
			before, _ := r.sim.Installation(clientKey)
			got := r.want(http.StatusBadRequest, request{
				method: "PUT", path: "/2.0/addon", body: `{"descriptor":` + string(edited(t, test.changes)) + `}`,
			})
			if !strings.Contains(got.body, test.want) {
				t.Errorf("body %s does not mention %q", got.body, test.want)
			}
			after, _ := r.sim.Installation(clientKey)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBaseURLIsHTTPSExceptOnLoopback(t *testing.T) {
	t.Parallel()
	for baseURL, accepted := range map[string]bool{
		"https://app.example.com":       true,
		"https://app.example.com/live":  true,
		"http://127.0.0.1:8080/live":    true,
		"http://localhost:8080":         true,
		"http://[::1]:8080":             true,
		"http://192.0.2.1":              false,
		"http://localhost.example.com":  false,
		"ftp://127.0.0.1":               false,
		"https://app.example.com/live/": false,
		"https://app.example.com?a=b":   false,
		"https://app.example.com#a":     false,
		"https:///live":                 false,
		"app.example.com":               false,
		"":                              false,
	} {
		app := bitbucket.App{Key: appKey, Descriptor: bitbucket.Descriptor(appKey, baseURL)}
		if err := bitbucket.New(bitbucket.Options{}).Seed(bitbucket.State{Apps: []bitbucket.App{app}}); (err == nil) != accepted {
			t.Errorf("baseUrl %q: error %v, want accepted %t", baseURL, err, accepted)
		}
	}
}

func TestUpdateMayReduceScopes(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	r.seed(bitbucket.State{
		Apps: []bitbucket.App{{Key: appKey, Descriptor: edited(t, map[string]any{"scopes": nil})}},
		Installations: []bitbucket.Installation{{
			AppKey: appKey, SharedSecret: secret, Principal: bitbucket.Principal{UUID: uuid},
		}},
	})
	for _, scopes := range [][]string{{"repository", "webhook"}, {"webhook"}} {
		r.put("/2.0/addon", `{"descriptor":`+string(edited(t, map[string]any{"scopes": scopes}))+`}`)
	}
}

func TestUpdateByURL(t *testing.T) {
	t.Parallel()
	content := edited(t, map[string]any{"forgeAppLink": "from the URL"})
	status := http.StatusOK
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(content)
	}))
	t.Cleanup(app.Close)
	r := newRig(t, bitbucket.Switches{})

	r.want(http.StatusBadRequest, request{method: "PUT", path: "/2.0/addon", body: `{}`}) // no URL is known
	registered, _ := json.Marshal(app.URL + "/registered")
	r.want(http.StatusBadRequest, request{method: "PUT", path: "/2.0/addon", body: `{"descriptor_url":` + string(registered) + `}`})
	r.seed(bitbucket.State{Apps: []bitbucket.App{{
		Key: appKey, Descriptor: edited(t, nil), DescriptorURL: app.URL + "/registered",
	}}})
	r.put("/2.0/addon", `{"descriptor_url":`+string(registered)+`}`)
	in, _ := r.sim.Installation(clientKey)
	if in.ForgeAppLink != "from the URL" || in.DescriptorURL != app.URL+"/registered" {
		t.Errorf("installation has the link %q and the URL %q", in.ForgeAppLink, in.DescriptorURL)
	}

	content = edited(t, map[string]any{"forgeAppLink": "read again"})
	r.put("/2.0/addon", `{}`)
	if in, _ = r.sim.Installation(clientKey); in.ForgeAppLink != "read again" {
		t.Errorf("the link is still %q", in.ForgeAppLink)
	}
	status = http.StatusInternalServerError
	r.want(http.StatusBadRequest, request{method: "PUT", path: "/2.0/addon", body: `{}`})
}

func TestUpdateBodiesAreExclusive(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	own := string(bitbucket.Descriptor(appKey, baseURL, "issues"))
	for _, body := range []string{
		`{"descriptor":` + own + `,"descriptor_url":"https://app.example.com"}`,
		`{"descriptor_url":"https://app.example.com/other"}`, `{"descriptor_url":""}`, `{"descriptor_url":7}`,
		`{"descriptor":null}`, `{"other":1}`, `null`, `[]`, own,
	} {
		r.want(http.StatusBadRequest, request{method: "PUT", path: "/2.0/addon", body: body})
	}
	r.want(http.StatusForbidden, request{method: "PUT", path: "/2.0/addon", body: `{}`, authorization: "Basic dTpw"})
}

func TestDeleteAddonEndsTheInstallation(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	r.put(valuesURL, `["A"]`)
	r.want(http.StatusForbidden, request{method: "DELETE", path: "/2.0/addon", authorization: "Bearer x"})
	r.want(http.StatusNoContent, request{method: "DELETE", path: "/2.0/addon"})
	got := r.want(http.StatusUnauthorized, request{method: "GET", path: "/2.0/addon/linkers"})
	if !strings.Contains(got.body, "not installed any more") {
		t.Errorf("body %s does not say why", got.body)
	}
	in, _ := r.sim.Installation(clientKey)
	if in.Status != bitbucket.Uninstalled || len(in.Values) != 0 || in.SharedSecret != secret {
		t.Errorf("installation is %+v, want a tombstone with its secret", in)
	}
}
