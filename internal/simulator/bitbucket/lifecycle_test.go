package bitbucket_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
)

const freshUUID = "{99999999-2222-4333-8444-555555555555}"

// app is the receiving side: it records callbacks and answers as told.
type app struct {
	url string

	mu       sync.Mutex
	status   int
	received []*http.Request
	bodies   []string
	// during runs while a callback is being answered.
	during func()
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{status: http.StatusNoContent}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.received, a.bodies = append(a.received, r), append(a.bodies, string(body))
		status, during := a.status, a.during
		a.mu.Unlock()
		if during != nil {
			during()
		}
		w.WriteHeader(status)
		if status != http.StatusNoContent {
			_, _ = w.Write([]byte("thanks"))
		}
	}))
	t.Cleanup(server.Close)
	a.url = server.URL + "/live"
	return a
}

func (a *app) last() (*http.Request, string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.received[len(a.received)-1], a.bodies[len(a.bodies)-1]
}

func (r *rig) install(a *app, secret string) bitbucket.Delivery {
	r.t.Helper()
	delivery, err := r.sim.Install(r.t.Context(), fresh(a, secret))
	if err != nil {
		r.t.Fatal(err)
	}
	return delivery
}

func fresh(a *app, secret string) bitbucket.Install {
	return bitbucket.Install{
		AppKey: appKey, BaseURL: a.url, SharedSecret: secret,
		Principal: bitbucket.Principal{UUID: freshUUID, DisplayName: "example-workspace", Username: "example-workspace"},
	}
}

// signedBy fails the test unless the callback's token is what Bitbucket makes.
func (r *rig) signedBy(got *http.Request, secret, path string) {
	r.t.Helper()
	raw, found := strings.CutPrefix(got.Header.Get("Authorization"), "JWT ")
	if !found {
		r.t.Fatalf("Authorization is %q", got.Header.Get("Authorization"))
	}
	claims := jwt.MapClaims{}
	token, err := jwt.NewParser(jwt.WithTimeFunc(r.clock.Now)).ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) {
		return []byte(secret), nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"alg": "HS256", "typ": "JWT"}, token.Header); diff != "" {
		r.t.Error(diff)
	}
	key := "ari:cloud:bitbucket::app/" + freshUUID + "/" + appKey
	now := float64(r.clock.Now().Unix())
	want := jwt.MapClaims{
		"iss": key, "aud": key, "iat": now, "exp": now + 3600, "qsh": bitbucket.QueryStringHash("POST", path, "", ""),
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		r.t.Error(diff)
	}
}

func TestFirstInstallIsUnsigned(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	delivery := r.install(a, "first-secret")
	got, body := a.last()
	if got.Method != http.MethodPost || got.URL.Path != "/live/installed" {
		t.Errorf("callback was %s %s", got.Method, got.URL.Path)
	}
	if values, there := got.Header["Authorization"]; there {
		t.Errorf("a first install has the Authorization %q", values)
	}
	if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("User-Agent") != "python-requests/2.22.0" {
		t.Errorf("unexpected headers %v", got.Header)
	}
	if delivery.Status != http.StatusNoContent || string(delivery.Body) != body || delivery.Authorization != "" {
		t.Errorf("unexpected delivery %+v", delivery)
	}
	in, _ := r.sim.Installation(delivery.ClientKey)
	if in.Status != bitbucket.Installed || in.SharedSecret != "first-secret" {
		t.Errorf("installation is %+v", in)
	}
}

func TestPayloadsHaveTheRecordedShape(t *testing.T) {
	t.Parallel()
	team := bitbucket.Principal{UUID: uuid, Type: "team", DisplayName: "example-workspace", Username: "example-workspace"}
	user := bitbucket.Principal{
		UUID: "{66666666-7777-4888-8999-aaaaaaaaaaaa}", Type: "user",
		DisplayName: "example-user", AccountID: "000000000000000000000001",
	}
	for name, test := range map[string]struct {
		principal              bitbucket.Principal
		installed, uninstalled string
	}{
		"team": {team, "installed.team.json", "uninstalled.team.json"},
		"user": {user, "installed.user.json", "uninstalled.user.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const key = "example-linker-app"
			r, a := newRig(t, bitbucket.Switches{}), newApp(t)
			r.seed(bitbucket.State{Apps: []bitbucket.App{{Key: key, Descriptor: bitbucket.Descriptor(key, baseURL)}}})
			delivery, err := r.sim.Install(t.Context(), bitbucket.Install{
				AppKey: key, BaseURL: a.url, Principal: test.principal, SharedSecret: "not-a-real-shared-secret",
			})
			if err != nil {
				t.Fatal(err)
			}
			compareJSON(t, test.installed, delivery.Body)
			if delivery, err = r.sim.Uninstall(t.Context(), delivery.ClientKey); err != nil {
				t.Fatal(err)
			}
			compareJSON(t, test.uninstalled, delivery.Body)
		})
	}
}

func compareJSON(t *testing.T, sample string, got []byte) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", sample))
	if err != nil {
		t.Fatal(err)
	}
	var wantFields, gotFields map[string]any
	if err := errors.Join(json.Unmarshal(content, &wantFields), json.Unmarshal(got, &gotFields)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantFields, gotFields); diff != "" {
		t.Errorf("%s: %s", sample, diff)
	}
}

func TestLaterCallbacksAreSignedWithThePrecedingSecret(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	clientKey := r.install(a, "secret-1").ClientKey

	r.install(a, "secret-2")
	got, _ := a.last()
	r.signedBy(got, "secret-1", "/installed")

	if _, err := r.sim.Uninstall(t.Context(), clientKey); err != nil {
		t.Fatal(err)
	}
	got, body := a.last()
	r.signedBy(got, "secret-2", "/uninstalled")
	if strings.Contains(body, "secret") || strings.Contains(body, "actor") {
		t.Errorf("an uninstall has the body %s", body)
	}

	r.install(a, "secret-3")
	got, _ = a.last()
	r.signedBy(got, "secret-2", "/installed")
	in, _ := r.sim.Installation(clientKey)
	if in.Status != bitbucket.Installed || in.SharedSecret != "secret-3" {
		t.Errorf("installation is %+v", in)
	}
}

func TestRegisteredAppsSignEverythingWithTheAppSecret(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	r.seed(bitbucket.State{Apps: []bitbucket.App{{
		Key: appKey, Secret: "app-secret", Descriptor: bitbucket.Descriptor(appKey, baseURL, "issues"),
	}}})
	clientKey := r.install(a, "").ClientKey
	got, body := a.last()
	r.signedBy(got, "app-secret", "/installed")
	if !strings.Contains(body, `"sharedSecret":"app-secret"`) {
		t.Errorf("the offered secret is not the app's: %s", body)
	}
	if _, err := r.sim.Uninstall(t.Context(), clientKey); err != nil {
		t.Fatal(err)
	}
	got, _ = a.last()
	r.signedBy(got, "app-secret", "/uninstalled")
}

func TestOfferedSecretWorksDuringTheInstallOnly(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	key := "ari:cloud:bitbucket::app/" + freshUUID + "/" + appKey
	prove := func(secret string) int {
		return r.do(request{
			method: "POST", path: tokenURL, body: grantBody, contentType: form, secret: secret,
			claims: func(c jwt.MapClaims) { c["sub"] = key },
		}).status
	}
	var during [2]int
	a.during = func() { during = [2]int{prove("offered"), prove("other")} }
	a.status = http.StatusForbidden
	if _, err := r.sim.Install(t.Context(), fresh(a, "offered")); !errors.Is(err, bitbucket.ErrIncomplete) {
		t.Errorf("a refused install gives %v", err)
	}
	if during != [2]int{200, 401} {
		t.Errorf("proof during the install was answered %v", during)
	}
	if got := prove("offered"); got != 401 {
		t.Errorf("proof after the refused install was answered %d", got)
	}
	if _, there := r.sim.Installation(key); there {
		t.Error("the refused installation is there")
	}

	a.status = http.StatusOK
	r.install(a, "first")
	a.during = func() { during = [2]int{prove("second"), prove("first")} }
	r.install(a, "second")
	if during != [2]int{200, 200} {
		t.Errorf("during a reinstall both secrets should work, got %v", during)
	}
	if got := [2]int{prove("second"), prove("first")}; got != [2]int{200, 401} {
		t.Errorf("after the reinstall the secrets are answered %v", got)
	}
}

func TestRefusedReinstallChangesNothing(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	key := r.install(a, "first").ClientKey
	for _, status := range []int{201, 302, 400, 401, 500} {
		a.status = status
		before, _ := r.sim.Installation(key)
		delivery, err := r.sim.Install(t.Context(), fresh(a, "second"))
		if !errors.Is(err, bitbucket.ErrIncomplete) || delivery.Status != status {
			t.Errorf("status %d gives %d and %v", status, delivery.Status, err)
		}
		after, _ := r.sim.Installation(key)
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("status %d: %s", status, diff)
		}
	}
}

func TestUninstallCountsWhateverTheAppAnswers(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	key := r.install(a, "first").ClientKey
	a.status = http.StatusInternalServerError
	delivery, err := r.sim.Uninstall(t.Context(), key)
	if err != nil || delivery.Status != 500 || string(delivery.Answer) != "thanks" {
		t.Errorf("got %+v and %v", delivery, err)
	}
	if in, _ := r.sim.Installation(key); in.Status != bitbucket.Uninstalled {
		t.Errorf("status is %q", in.Status)
	}
}

func TestRedeliverRepeatsByteForByte(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	r.install(a, "first")
	delivery := r.install(a, "second")
	a.status = http.StatusUnauthorized
	again, err := r.sim.Redeliver(t.Context(), delivery)
	if err != nil || again.Status != http.StatusUnauthorized {
		t.Errorf("got status %d and %v", again.Status, err)
	}
	got, body := a.last()
	if body != string(delivery.Body) || got.Header.Get("Authorization") != delivery.Authorization {
		t.Error("the second delivery differs from the first")
	}
}

func TestCallbacksGoWhereTheDescriptorSays(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	lifecycle := func(urls map[string]string) {
		r.seed(bitbucket.State{Apps: []bitbucket.App{{Key: appKey, Descriptor: edited(t, map[string]any{"lifecycle": urls})}}})
	}
	lifecycle(map[string]string{"installed": "installed", "uninstalled": a.url + "/absolute"})
	key := r.install(a, "first").ClientKey
	if delivery, err := r.sim.Uninstall(t.Context(), key); err != nil || delivery.Status != http.StatusNoContent {
		t.Errorf("status %d, error %v", delivery.Status, err)
	}
	got, _ := a.last()
	r.signedBy(got, "first", "/absolute")

	lifecycle(map[string]string{"installed": "installed"})
	r.install(a, "second")
	if _, err := r.sim.Uninstall(t.Context(), key); err == nil {
		t.Error("an event without a URL was delivered")
	}
}

func TestLifecycleSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	if _, err := r.sim.Install(t.Context(), bitbucket.Install{AppKey: "nope", BaseURL: a.url}); err == nil {
		t.Error("an unknown app was installed")
	}
	if _, err := r.sim.Uninstall(t.Context(), "nope"); err == nil {
		t.Error("an unknown installation was uninstalled")
	}
	nowhere := fresh(a, "first")
	nowhere.BaseURL = "http://127.0.0.1:1"
	if _, err := r.sim.Install(t.Context(), nowhere); err == nil || errors.Is(err, bitbucket.ErrIncomplete) {
		t.Errorf("an app that is not served gives %v", err)
	}
}
