package infisical_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
)

func TestTakenNameNamesItsHolder(t *testing.T) {
	t.Parallel()
	const holderID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	taken := refuse(400, "BadRequest", `"An App Connection with the name \"bitbucket-main\" already exists"`)
	holder := `{"id":"` + holderID + `","name":"bitbucket-main","app":"github","projectId":"p-1"}`
	elsewhere := `{"id":"` + connectionID + `","name":"bitbucket-main","app":"gitlab","projectId":"p-2"}`
	namesake := `{"id":"` + connectionID + `","name":"bitbucket-main-2","app":"gitlab","projectId":"p-1"}`
	tests := map[string]struct {
		list reply
		want infisical.NameTakenError
	}{
		"another app's":                {many(elsewhere, namesake, holder), infisical.NameTakenError{HolderID: holderID, HolderApp: "github"}},
		"one that can't be seen":       {many(elsewhere, namesake), infisical.NameTakenError{}},
		"a list that isn't allowed":    {refuse(403, "PermissionDenied", `"You are not allowed to read on app-connections"`), infisical.NameTakenError{}},
		"one without a proper ID":      {many(`{"id":"<b>","name":"bitbucket-main","app":"github","projectId":"p-1"}`), infisical.NameTakenError{}},
		"one without a proper app":     {many(`{"id":"` + holderID + `","name":"bitbucket-main","app":"<b>","projectId":"p-1"}`), infisical.NameTakenError{}},
		"a list that can't be decoded": {ok("oops"), infisical.NameTakenError{}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(createPath, taken).on(listAllPath, test.list)
			_, err := server.client().Create(t.Context(), newConnection())
			checkTaken(t, err, test.want)
			if got := server.last().Query.Get("projectId"); got != "p-1" {
				t.Errorf("looked in project %q, want p-1", got)
			}
		})
	}
	t.Run("after a rename", func(t *testing.T) {
		t.Parallel()
		path := "/api/v1/app-connections/bitbucket/" + connectionID
		server := newRecorder(t).on("PATCH "+path, taken).on("GET "+path, one(connectionJSON)).on(listAllPath, many(elsewhere, holder))
		name := "bitbucket-main"
		_, err := server.client().Update(t.Context(), connectionID, infisical.ConnectionChange{Name: &name})
		checkTaken(t, err, infisical.NameTakenError{HolderID: holderID, HolderApp: "github"})
	})
}

// The rename's answer stands, even when nothing more can be found out.
func TestATakenNameWithoutMoreIsStillOne(t *testing.T) {
	t.Parallel()
	taken := refuse(400, "BadRequest", `"An App Connection with the name \"bitbucket-main\" already exists"`)
	gone := refuse(404, "NotFound", `"Could not find App Connection with ID x"`)
	server := newRecorder(t).on(updatePath, taken).on("GET /api/v1/app-connections/bitbucket/"+connectionID, gone)
	name := "bitbucket-main"
	_, err := server.client().Update(t.Context(), connectionID, infisical.ConnectionChange{Name: &name})
	checkTaken(t, err, infisical.NameTakenError{})
}

func checkTaken(t *testing.T, err error, want infisical.NameTakenError) {
	t.Helper()
	var taken *infisical.NameTakenError
	if !errors.As(err, &taken) || !errors.Is(err, infisical.ErrNameTaken) {
		t.Fatalf("error = %v, want a NameTakenError", err)
	}
	got := infisical.NameTakenError{HolderID: taken.HolderID, HolderApp: taken.HolderApp}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if taken.Name != "bitbucket-main" {
		t.Errorf("name = %q", taken.Name)
	}
	mustContain(t, err, `"bitbucket-main"`, want.HolderApp, want.HolderID)
}
