package connect_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

func sample(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

var (
	team = connect.Principal{UUID: "{11111111-2222-4333-8444-555555555555}", Type: "team", DisplayName: "example-workspace"}
	user = connect.Principal{UUID: "{66666666-7777-4888-8999-aaaaaaaaaaaa}", Type: "user", DisplayName: "example-user"}
)

// compareSecrets lets cmp look at secrets, which otherwise hide their value.
var compareSecrets = cmp.Comparer(func(a, b redact.Secret) bool { return a.Equal(b) })

func TestParseRecordedEvents(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file  string
		route connect.EventType
		want  connect.Event
		err   error
	}{
		"workspace installed": {
			"installed.team.json", connect.EventInstalled,
			connect.Event{Type: connect.EventInstalled, AppKey: appKey, ClientKey: tenant, SharedSecret: redact.New("not-a-real-shared-secret"), Principal: team},
			nil,
		},
		"personal account installed, without a secret": {
			"installed.user.json", connect.EventInstalled,
			connect.Event{Type: connect.EventInstalled, AppKey: appKey, ClientKey: stranger, Principal: user},
			connect.ErrNoSharedSecret,
		},
		"workspace uninstalled": {
			"uninstalled.team.json", connect.EventUninstalled,
			connect.Event{Type: connect.EventUninstalled, AppKey: appKey, ClientKey: tenant, Principal: team},
			nil,
		},
		"personal account uninstalled": {
			"uninstalled.user.json", connect.EventUninstalled,
			connect.Event{Type: connect.EventUninstalled, AppKey: appKey, ClientKey: stranger, Principal: user},
			nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := connect.ParseEvent(test.route, sample(t, test.file))
			if !errors.Is(err, test.err) {
				t.Fatalf("error is %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.want, event, compareSecrets); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			if err := event.CheckKeys(appKey); err != nil {
				t.Errorf("the keys of a recorded event do not agree: %v", err)
			}
		})
	}
}

func installedPayload() object {
	return object{
		"eventType": "installed", "key": appKey, "clientKey": tenant, "sharedSecret": "not-a-real-shared-secret",
		"principal": object{"uuid": team.UUID, "type": "team", "display_name": "example-workspace"},
	}
}

// Five members are required, and no more.
func TestParseEventNeedsLittle(t *testing.T) {
	t.Parallel()
	body := installedPayload().with("principal", object{"uuid": team.UUID}).json(t)
	event, err := connect.ParseEvent(connect.EventInstalled, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := connect.Event{
		Type: connect.EventInstalled, AppKey: appKey, ClientKey: tenant,
		SharedSecret: redact.New("not-a-real-shared-secret"), Principal: connect.Principal{UUID: team.UUID},
	}
	if diff := cmp.Diff(want, event, compareSecrets); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

// upper returns the client key with its UUID in capitals.
func upper(clientKey string) string {
	workspace, appKey, _ := connect.ClientKeyWorkspace(clientKey)
	return connect.ClientKey(connect.WorkspaceUUID(strings.ToUpper(string(workspace))), appKey)
}

// TestParseEventHasOneFormOfAWorkspace: events of one workspace are for one
// installation, whatever the case of its UUID in the payload.
func TestParseEventHasOneFormOfAWorkspace(t *testing.T) {
	t.Parallel()
	const lower = "{abcdef01-2222-4333-8444-555555555555}"
	want := connect.ClientKey(lower, appKey)
	for _, clientKey := range []string{want, upper(want)} {
		for _, uuid := range []string{lower, strings.ToUpper(lower)} {
			body := installedPayload().with("clientKey", clientKey).with("principal", object{"uuid": uuid}).json(t)
			event, err := connect.ParseEvent(connect.EventInstalled, []byte(body))
			if err != nil || event.ClientKey != want || event.Principal.UUID != lower || event.CheckKeys(appKey) != nil {
				t.Errorf("%s of %s: %+v, %v", clientKey, uuid, event, err)
			}
		}
	}
}

func TestParseEventAccepts(t *testing.T) {
	t.Parallel()
	payload := installedPayload()
	for name, body := range map[string]string{
		"hosts, which are ignored":        payload.with("baseApiUrl", "https://evil.example").with("baseUrl", 5).json(t),
		"display name null":               payload.with("principal", object{"uuid": team.UUID, "display_name": nil}).json(t),
		"old client key":                  payload.with("clientKey", "connection:479").json(t),
		"longest secret":                  payload.with("sharedSecret", strings.Repeat("x", 1024)).json(t),
		"space around":                    "\n " + payload.json(t) + "\t",
		"escaped names":                   strings.Replace(payload.json(t), `"clientKey"`, `"client\u004bey"`, 1),
		"names that differ in case only":  payload.with("ClientKey", "x").with("SHAREDSECRET", "y").json(t),
		"duplicates in what is not read":  strings.TrimSuffix(payload.json(t), "}") + `,"actor":{"a":1,"a":2}}`,
		"a secret with any character":     payload.with("sharedSecret", "\x01\"é\n").json(t),
		"numbers that no float can hold":  strings.TrimSuffix(payload.json(t), "}") + `,"x":1e999}`,
		"uuid in capitals":                payload.with("principal", object{"uuid": strings.ToUpper(string(user.UUID))}).json(t),
		"as long as it may be":            payload.json(t) + strings.Repeat(" ", connect.MaxPayload-len(payload.json(t))),
		"as many members as are accepted": strings.TrimSuffix(payload.json(t), "}") + manyMembers(59) + "}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := connect.ParseEvent(connect.EventInstalled, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if event.SharedSecret.IsZero() || event.Type != connect.EventInstalled {
				t.Errorf("event is %+v", event)
			}
		})
	}
}

func TestParseEventRefuses(t *testing.T) {
	t.Parallel()
	payload := installedPayload()
	notStrict := "is not a JSON object with unique member names"
	member := func(text string) string { return strings.TrimSuffix(payload.json(t), "}") + "," + text + "}" }
	principal := func(value any) string { return payload.with("principal", value).json(t) }
	tests := map[string]struct{ body, want string }{
		"empty body":                     {"", "body " + notStrict},
		"not JSON":                       {"key=x", "body " + notStrict},
		"cut off":                        {payload.json(t)[:40], "body " + notStrict},
		"an array":                       {"[" + payload.json(t) + "]", "body " + notStrict},
		"null":                           {"null", "body " + notStrict},
		"data behind the object":         {payload.json(t) + "{}", "body " + notStrict},
		"not UTF-8":                      {member("\"x\":\"\xff\""), "body " + notStrict},
		"broken deep inside":             {member(`"x":{"y":[1,]}`), "body " + notStrict},
		"member twice":                   {member(`"clientKey":"x"`), "body " + notStrict},
		"member twice, once escaped":     {member(`"client\u004bey":"x"`), "body " + notStrict},
		"unread member twice":            {member(`"x":1,"x":1`), "body " + notStrict},
		"too many members":               {strings.TrimSuffix(payload.json(t), "}") + manyMembers(60) + "}", "body " + notStrict},
		"too long":                       {member(`"x":"` + strings.Repeat("x", connect.MaxPayload) + `"`), "longer than 262144 bytes"},
		"no eventType":                   {payload.without("eventType").json(t), "eventType is missing"},
		"eventType a number":             {payload.with("eventType", 1).json(t), "eventType is not a string"},
		"eventType of another route":     {payload.with("eventType", "uninstalled").json(t), "eventType is not installed"},
		"eventType in another case":      {payload.with("eventType", "Installed").json(t), "eventType is not installed"},
		"no key":                         {payload.without("key").json(t), "key is missing"},
		"key empty":                      {payload.with("key", "").json(t), "key is missing"},
		"key a list":                     {payload.with("key", []string{appKey}).json(t), "key is not a string"},
		"no clientKey":                   {payload.without("clientKey").json(t), "clientKey is missing"},
		"clientKey null":                 {payload.with("clientKey", nil).json(t), "clientKey is missing"},
		"clientKey a number":             {payload.with("clientKey", 5).json(t), "clientKey is not a string"},
		"clientKey a list":               {payload.with("clientKey", []string{tenant}).json(t), "clientKey is not a string"},
		"clientKey too long":             {payload.with("clientKey", strings.Repeat("x", 257)).json(t), "clientKey is too long or has unprintable characters"},
		"clientKey with a line break":    {payload.with("clientKey", "x\n").json(t), "clientKey is too long or has unprintable characters"},
		"clientKey with a bidi override": {payload.with("clientKey", "x\u202e").json(t), "clientKey is too long or has unprintable characters"},
		"sharedSecret a number":          {payload.with("sharedSecret", 5).json(t), "sharedSecret is not a string"},
		"sharedSecret too long":          {payload.with("sharedSecret", strings.Repeat("x", 1025)).json(t), "sharedSecret is longer than 1024 bytes"},
		"no principal":                   {payload.without("principal").json(t), "principal is missing"},
		"principal a string":             {principal(team.UUID), "principal " + notStrict},
		"principal null":                 {principal(nil), "principal " + notStrict},
		"no principal.uuid":              {principal(object{"type": "team"}), "principal.uuid is missing"},
		"principal.uuid a number":        {principal(object{"uuid": 5}), "principal.uuid is not a string"},
		"principal.uuid without braces":  {principal(object{"uuid": team.UUID[1:37]}), "principal.uuid is not a UUID in braces"},
		"principal.uuid with a path":     {principal(object{"uuid": "../hook_events?" + team.UUID}), "principal.uuid is not a UUID in braces"},
		"principal.uuid and more":        {principal(object{"uuid": team.UUID + "/"}), "principal.uuid is not a UUID in braces"},
		"principal.uuid twice":           {strings.Replace(payload.json(t), `"uuid":`, `"uuid":"x","uuid":`, 1), "principal " + notStrict},
		"principal.type a number":        {principal(object{"uuid": team.UUID, "type": 5}), "principal.type is not a string"},
		"principal.display_name a list":  {principal(object{"uuid": team.UUID, "display_name": []int{}}), "principal.display_name is not a string"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := connect.ParseEvent(connect.EventInstalled, []byte(test.body))
			if !errors.Is(err, connect.ErrInvalidPayload) {
				t.Fatalf("error is %v, want ErrInvalidPayload", err)
			}
			if errors.Is(err, connect.ErrNoSharedSecret) {
				t.Error("the event is usable without its secret, but it is not")
			}
			if want := "invalid payload: " + test.want; err.Error() != want {
				t.Errorf("error is %q, want %q", err, want)
			}
			if event != (connect.Event{}) {
				t.Errorf("an error comes with the event %+v", event)
			}
		})
	}
}

// Without a secret there is still an event, for a registered app to judge.
func TestParseEventWithoutSecret(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]object{
		"missing": installedPayload().without("sharedSecret"),
		"null":    installedPayload().with("sharedSecret", nil),
		"empty":   installedPayload().with("sharedSecret", ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := connect.ParseEvent(connect.EventInstalled, []byte(payload.json(t)))
			if !errors.Is(err, connect.ErrNoSharedSecret) || !errors.Is(err, connect.ErrInvalidPayload) {
				t.Errorf("error is %v, want ErrNoSharedSecret, an ErrInvalidPayload", err)
			}
			if event.ClientKey != tenant || !event.SharedSecret.IsZero() {
				t.Errorf("event is %+v", event)
			}
		})
	}
}

// No other event brings a secret along, and each is what its route says.
func TestParseEventOfOtherTypes(t *testing.T) {
	t.Parallel()
	for _, want := range []connect.EventType{connect.EventUninstalled, connect.EventEnabled, connect.EventDisabled} {
		body := []byte(installedPayload().with("eventType", want).json(t))
		event, err := connect.ParseEvent(want, body)
		if err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if event.Type != want || !event.SharedSecret.IsZero() {
			t.Errorf("%s: event is %+v, want no secret", want, event)
		}
		if _, err := connect.ParseEvent(connect.EventInstalled, body); !errors.Is(err, connect.ErrInvalidPayload) {
			t.Errorf("%s passes for installed: %v", want, err)
		}
	}
	if _, err := connect.ParseEvent(connect.EventUninstalled, []byte(installedPayload().json(t))); !errors.Is(err, connect.ErrInvalidPayload) {
		t.Errorf("installed passes for uninstalled: %v", err)
	}
}

func TestEventSecretDoesNotPrint(t *testing.T) {
	t.Parallel()
	event, err := connect.ParseEvent(connect.EventInstalled, sample(t, "installed.team.json"))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(encoded), "not-a-real-shared-secret") {
		t.Errorf("the event prints its secret: %s", encoded)
	}
}

func TestCheckKeys(t *testing.T) {
	t.Parallel()
	event := connect.Event{AppKey: appKey, ClientKey: tenant, Principal: team}
	tests := map[string]struct {
		change func(*connect.Event)
		want   string
	}{
		"all agree":                        {func(*connect.Event) {}, ""},
		"old client key":                   {func(e *connect.Event) { e.ClientKey = "connection:479" }, ""},
		"uuid in capitals":                 {func(e *connect.Event) { e.ClientKey = upper(tenant) }, ""},
		"other app":                        {func(e *connect.Event) { e.AppKey = "other" }, "key is not this app's"},
		"client key of another app":        {func(e *connect.Event) { e.ClientKey = tenant + "2" }, "clientKey names another app"},
		"client key of another workspace":  {func(e *connect.Event) { e.ClientKey = stranger }, "clientKey names another principal"},
		"client key that only looks right": {func(e *connect.Event) { e.ClientKey = "ari:cloud:bitbucket::app/{x}/" + appKey }, "clientKey is malformed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := event
			test.change(&changed)
			err := changed.CheckKeys(appKey)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, connect.ErrInvalidPayload) || err.Error() != "invalid payload: "+test.want {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}
