package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
)

// TestManyProjects is the daily check of projects with 5 connections and 10 syncs each.
// Two projects are forbidden, and a third answers late. Every other project is looked at,
// with one list for each kind. With 200 projects it takes 599 calls.
func TestManyProjects(t *testing.T) {
	t.Parallel()
	const projects, each, syncs = 20, 5, 10
	name := func(i int) string { return fmt.Sprintf("bbbbbbbb-0000-4000-9000-%012d", i) }
	w := newWorld(t)
	state := w.infisical.Snapshot()
	state.Identities[0].Permissions = nil // so that no list of the organization helps
	for i := range projects {
		state.Projects = append(state.Projects, siminfisical.Project{ID: name(i), OrgID: "org", Name: name(i), Slug: fmt.Sprintf("p-%d", i), Type: "secret-manager"})
		state.Identities[0].Projects[name(i)] = siminfisical.Everything()
		for c := range each {
			w.put(fmt.Sprintf("token-%03d-%d", i, c), value(map[string]string{"connection": fmt.Sprintf("ci-%d", c), "project_id": name(i)}))
		}
	}
	w.must(w.infisical.Seed(state))
	h, out := w.start()
	if _, err := h.Handle(t.Context(), event(t, "scheduled")); err != nil {
		t.Fatal(err)
	}
	if made := len(w.infisical.Snapshot().Connections); made != projects*each {
		t.Fatalf("%d connections were made", made)
	}

	state = w.infisical.Snapshot()
	for _, connection := range state.Connections {
		for n := range syncs / each {
			id := len(state.Syncs)
			status := "succeeded"
			if connection.ProjectID == name(projects-1) {
				status = "failed"
			}
			state.Syncs = append(state.Syncs, siminfisical.Sync{
				ID: fmt.Sprintf("dddddddd-0000-4000-8000-%012d", id), Name: fmt.Sprintf("%s-%d", connection.Name, n), ProjectID: connection.ProjectID,
				ConnectionID: connection.ID, Environment: "prod", SecretPath: "/", Status: status,
				Destination: siminfisical.Destination{Workspace: "acme", Repository: fmt.Sprintf("app-%d", id)},
			})
		}
	}
	delete(state.Identities[0].Projects, name(0))
	delete(state.Identities[0].Projects, name(1))
	w.must(w.infisical.Seed(state))
	w.mu.Lock()
	w.meanwhile = func(r *http.Request) {
		if strings.Contains(r.URL.RawQuery, name(2)) {
			time.Sleep(300 * time.Millisecond)
		}
	}
	w.mu.Unlock()
	w.calls("infisical")
	_, err := h.Handle(t.Context(), event(t, "scheduled"))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d of %d connections failed", 2*each, projects*each)) {
		t.Errorf("the check ended with %v", err)
	}
	calls := w.calls("infisical")
	const ideal = 1 + 3*projects + 2 + 1 // login; connections, syncs and data sources of each project; the lists of projects; revoke
	if len(calls) > ideal {
		t.Errorf("%d calls, and %d would do", len(calls), ideal)
	}
	if failed := out.count(t, "SyncsFailed"); failed != syncs {
		t.Errorf("%d failed syncs were counted, of %d", failed, syncs)
	}
}
