package infisical_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// problem is what a person would read of an issue.
type problem struct{ Code, Path, Message string }

func (r *rig) problems(q request) []problem {
	r.t.Helper()
	var got struct {
		Message []struct {
			Code, Message string
			Path          []string
		}
	}
	r.want(422, "ValidationFailure", "", q).decode(r.t, &got)
	var problems []problem
	for _, issue := range got.Message {
		if issue.Path == nil {
			r.t.Errorf("issue %+v has no path", issue)
		}
		problems = append(problems, problem{issue.Code, strings.Join(issue.Path, "."), issue.Message})
	}
	return problems
}

const (
	textSlug     = "name field can only contain lowercase letters, numbers, and hyphens"
	textOther    = "Not supported for Bitbucket Connections"
	textTooLong  = "String must contain at most 255 character(s)"
	textRequired = "Required"
)

func TestCreateBodyIsValidated(t *testing.T) {
	t.Parallel()
	credentials := func(email, token any) map[string]any {
		fields := map[string]any{}
		if email != nil {
			fields["email"] = email
		}
		if token != nil {
			fields["apiToken"] = token
		}
		return map[string]any{"credentials": fields}
	}
	const name, description = "name", "description"
	for title, test := range map[string]struct {
		changes map[string]any
		want    []problem
	}{
		"name missing":          {map[string]any{name: nil}, []problem{{"invalid_type", name, textRequired}}},
		"name a number":         {map[string]any{name: 7}, []problem{{"invalid_type", name, "Expected string, received number"}}},
		"name empty":            {map[string]any{name: " "}, []problem{{"too_small", name, "name field must be at least 1 lowercase character"}}},
		"name in capitals":      {map[string]any{name: "Main"}, []problem{{"custom", name, textSlug}}},
		"name with underscore":  {map[string]any{name: "a_b"}, []problem{{"custom", name, textSlug}}},
		"name with a space":     {map[string]any{name: "a b"}, []problem{{"custom", name, textSlug}}},
		"name ends with dash":   {map[string]any{name: "a-"}, []problem{{"custom", name, textSlug}}},
		"name with two dashes":  {map[string]any{name: "a--b"}, []problem{{"custom", name, textSlug}}},
		"name too long and bad": {map[string]any{name: strings.Repeat("A", 65)}, []problem{{"too_big", name, "name field must be at most 64 lowercase characters"}, {"custom", name, textSlug}}},
		"description too long":  {map[string]any{description: strings.Repeat("ä", 257)}, []problem{{"too_big", description, "Description cannot exceed 256 characters"}}},
		"description in UTF-16": {map[string]any{description: strings.Repeat("😀", 129)}, []problem{{"too_big", description, "Description cannot exceed 256 characters"}}},
		"description a boolean": {map[string]any{description: true}, []problem{{"invalid_type", description, "Expected string, received boolean"}}},
		"method missing":        {map[string]any{"method": nil}, []problem{{"invalid_union_discriminator", "method", "Invalid discriminator value. Expected 'api-token'"}}},
		"method of another app": {map[string]any{"method": "oauth"}, []problem{{"invalid_union_discriminator", "method", "Invalid discriminator value. Expected 'api-token'"}}},
		"credentials missing":   {map[string]any{"credentials": nil}, []problem{{"invalid_type", "credentials", textRequired}}},
		"credentials a list":    {map[string]any{"credentials": []string{}}, []problem{{"invalid_type", "credentials", "Expected object, received array"}}},
		"both missing":          {credentials(nil, nil), []problem{{"invalid_type", "credentials.apiToken", textRequired}, {"invalid_type", "credentials.email", textRequired}}},
		"token empty":           {credentials(email, " "), []problem{{"too_small", "credentials.apiToken", "API Token required"}}},
		"token too long":        {credentials(email, strings.Repeat("t", 256)), []problem{{"too_big", "credentials.apiToken", textTooLong}}},
		"email empty":           {credentials("", "good"), []problem{{"invalid_string", "credentials.email", "Invalid email"}, {"too_small", "credentials.email", "Email required"}}},
		"email with spaces":     {credentials(" "+email, "good"), []problem{{"invalid_string", "credentials.email", "Invalid email"}}},
		"email without domain":  {credentials("robot@localhost", "good"), []problem{{"invalid_string", "credentials.email", "Invalid email"}}},
		"email with two dots":   {credentials("a..b@example.com", "good"), []problem{{"invalid_string", "credentials.email", "Invalid email"}}},
		"email with dot first":  {credentials(".a@example.com", "good"), []problem{{"invalid_string", "credentials.email", "Invalid email"}}},
		"email too long":        {credentials(strings.Repeat("a", 250)+"@example.com", "good"), []problem{{"too_big", "credentials.email", textTooLong}}},
		"project a number":      {map[string]any{"projectId": 7}, []problem{{"invalid_type", "projectId", "Expected string, received number"}}},
		"platform managed":      {map[string]any{"isPlatformManagedCredentials": true}, []problem{{"invalid_literal", "isPlatformManagedCredentials", textOther}}},
		"auto rotation":         {map[string]any{"isAutoRotationEnabled": true}, []problem{{"invalid_literal", "isAutoRotationEnabled", textOther}}},
		"gateway":               {map[string]any{"gatewayId": "x"}, []problem{{"invalid_union", "gatewayId", "Invalid input"}}},
		"all at once": {
			map[string]any{name: "A", "credentials": map[string]any{"email": "x", "apiToken": "t"}, "gatewayId": "x"},
			[]problem{{"invalid_string", "credentials.email", "Invalid email"}, {"custom", name, textSlug}, {"invalid_union", "gatewayId", "Invalid input"}},
		},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			got := r.problems(request{method: "POST", path: connectionsURL, token: r.login("robot"), body: creation(test.changes)})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if made := r.sim.Snapshot().Connections; len(made) != 0 {
				t.Errorf("a refused body made %+v", made)
			}
		})
	}
}

func TestCreateBodyAtItsLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	for _, changes := range []map[string]any{
		{"name": strings.Repeat("a", 64)},
		{"name": "  a-1  ", "description": strings.Repeat("ä", 255)},
		{"name": "b", "isPlatformManagedCredentials": false, "isAutoRotationEnabled": false, "unknown": []int{1}},
	} {
		r.create(token, changes)
	}
	// The API allows what the database's column has no room for.
	r.want(500, "InternalServerError", "Something went wrong", request{
		method: "POST", path: connectionsURL, token: token, body: creation(map[string]any{"name": "long", "description": strings.Repeat("ä", 256)}),
	})
	r.want(400, "BadRequest", "Could not find project with ID  "+project, request{
		method: "POST", path: connectionsURL, token: token, body: creation(map[string]any{"projectId": " " + project}),
	})
	// Long enough for Bitbucket to refuse it, rather than the schema.
	r.want(400, "BadRequest", "Failed to validate credentials: Request failed with status code 401", request{
		method: "POST", path: connectionsURL, token: token,
		body: creation(map[string]any{"credentials": map[string]any{"email": email, "apiToken": strings.Repeat("t", 255)}}),
	})
	body := `{"name":"c","method":"api-token","credentials":{"email":"` + email + `","apiToken":"good"},"gatewayId":null,"gatewayPoolId":null,"description":null}`
	r.want(200, "", "", request{method: "POST", path: connectionsURL, token: token, body: body})
}

func TestIssuesHaveTheSchemaLibrarysFields(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	for body, want := range map[string]string{
		creation(map[string]any{"name": nil}): `[{"code":"invalid_type","expected":"string","received":"undefined","message":"Required","path":["name"]}]`,
		creation(map[string]any{"name": ""}): `[{"code":"too_small","minimum":1,"type":"string","inclusive":true,"exact":false,` +
			`"message":"name field must be at least 1 lowercase character","path":["name"]}]`,
		creation(map[string]any{"description": strings.Repeat("x", 257)}): `[{"code":"too_big","maximum":256,"type":"string","inclusive":true,"exact":false,` +
			`"message":"Description cannot exceed 256 characters","path":["description"]}]`,
		creation(map[string]any{"isAutoRotationEnabled": true}): `[{"code":"invalid_literal","expected":false,"received":true,"message":"` + textOther + `","path":["isAutoRotationEnabled"]}]`,
		creation(map[string]any{"gatewayId": "x"}): `[{"code":"invalid_union","unionErrors":[` +
			`{"issues":[{"code":"invalid_type","expected":"undefined","received":"string","message":"` + textOther + `","path":["gatewayId"]}],"name":"ZodError"},` +
			`{"issues":[{"code":"invalid_type","expected":"null","received":"string","message":"` + textOther + `","path":["gatewayId"]}],"name":"ZodError"}],` +
			`"message":"Invalid input","path":["gatewayId"]}]`,
	} {
		got := r.want(422, "ValidationFailure", "", request{method: "POST", path: connectionsURL, token: token, body: body})
		if !strings.Contains(got.body, `"message":`+want) {
			t.Errorf("body\n got %s\nwant %s", got.body, want)
		}
	}
}

func TestUpdateBodyIsValidated(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	c := r.create(token, nil)
	patch := func(id, body string) request {
		return request{method: "PATCH", path: connectionsURL + "/" + id, token: token, body: body}
	}
	for body, want := range map[string][]problem{
		`{"credentials":{"apiToken":"better"}}`: {{"invalid_type", "credentials.email", textRequired}},
		`{"credentials":null}`:                  {{"invalid_type", "credentials", "Expected object, received null"}},
		`{"name":"A"}`:                          {{"custom", "name", textSlug}},
		`{"name":null}`:                         {{"invalid_type", "name", "Expected string, received null"}},
		`{"gatewayId":7}`:                       {{"invalid_union", "gatewayId", "Invalid input"}},
		`[]`:                                    {{"invalid_type", "", "Expected object, received array"}, {"invalid_type", "", "Expected object, received array"}},
	} {
		if diff := cmp.Diff(want, r.problems(patch(c.ID, body))); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	for _, q := range []request{
		patch("not-a-uuid", `{}`),
		{method: "GET", path: connectionsURL + "/not-a-uuid", token: token},
		{method: "DELETE", path: connectionsURL + "/not-a-uuid", token: token},
	} {
		if diff := cmp.Diff([]problem{{"invalid_string", "connectionId", "Invalid uuid"}}, r.problems(q)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWhatIsNotJSONIsAnInternalError(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	const text = "Something went wrong"
	for name, q := range map[string]request{
		"malformed":          {method: "POST", body: `{"name":`},
		"empty as JSON":      {method: "POST", contentType: "application/json"},
		"another type":       {method: "POST", body: `x`, contentType: "text/plain"},
		"a broken form":      {method: "POST", body: `a=%zz`, contentType: "application/x-www-form-urlencoded"},
		"malformed on PATCH": {method: "PATCH", body: `{`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			q.path, q.token = connectionsURL, r.login("robot")
			if q.method == "PATCH" {
				q.path += "/11111111-2222-4333-8444-555555555555"
			}
			r.want(500, "InternalServerError", text, q)
		})
	}
	r.want(422, "ValidationFailure", "", request{method: "POST", path: connectionsURL, token: token}) // no body at all
	r.want(413, "Payload Too Large", "Request body is too large",
		request{method: "POST", path: connectionsURL, token: token, body: strings.Repeat(" ", 1<<20+1)})

	// A DELETE that says it is JSON is fine without a body, and isn't with an empty one.
	gone := request{method: "DELETE", path: connectionsURL + "/11111111-2222-4333-8444-555555555555", token: token, contentType: "application/json"}
	r.want(404, "NotFound", "Could not find App Connection with ID 11111111-2222-4333-8444-555555555555", gone)
	empty := httptest.NewRequest(gone.method, gone.path, nil)
	empty.Header = http.Header{"Content-Length": {"0"}, "Content-Type": {"application/json"}, "Authorization": {"Bearer " + token}}
	recorder := httptest.NewRecorder()
	r.sim.ServeHTTP(recorder, empty)
	if recorder.Code != 500 {
		t.Errorf("an empty body that says it is JSON: status %d, want 500", recorder.Code)
	}
}
