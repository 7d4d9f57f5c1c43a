package infisical

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// maxSyncMessage is where the server cuts a run's message.
const maxSyncMessage = 1024

// SetRunTime sets how long each run that starts from now on takes, by the server's
// clock. A run that is due ends when a sync is next asked about.
func (s *Server) SetRunTime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runTime = d
}

// queue makes a run of the sync pending. The caller holds the lock.
func (s *Server) queue(y *Sync) {
	y.Status, y.queued, y.removing = "pending", true, false
	y.due, y.UpdatedAt = s.now().Add(s.runTime), s.now()
}

// queueRemoval makes a run pending that removes the variables, and after success
// the row if vanish is set. The caller holds the lock.
func (s *Server) queueRemoval(y *Sync, vanish bool) {
	y.RemoveStatus, y.queued, y.removing, y.vanish = "pending", true, true, vanish
	y.due, y.UpdatedAt = s.now().Add(s.runTime), s.now()
}

// startable is the refusal of a run beside another one, or without a folder.
func (y *Sync) startable() *refusal {
	switch {
	case y.queued:
		return badRequest("A job for this sync is already in progress. Please try again shortly.")
	case y.SecretPath == "":
		return badRequest("Invalid source configuration: folder no longer exists. Please update source environment and secret path.")
	}
	return nil
}

// finishRuns ends the runs that are due. A run tries the connection's credentials
// at Bitbucket and fails as it does there when the token is no good. The variables
// themselves are not played.
func (s *Server) finishRuns(ctx context.Context) {
	for _, id := range s.dueRuns() {
		s.mu.Lock()
		var used credentials
		if y := s.syncs[id]; y != nil {
			c := s.connections[y.ConnectionID]
			used = credentials{email: c.Email, apiToken: c.APIToken}
		}
		s.mu.Unlock()
		problem := s.runProblem(ctx, &used)
		s.mu.Lock()
		if y := s.syncs[id]; y != nil && y.queued {
			s.finish(y, problem)
		}
		s.mu.Unlock()
	}
}

func (s *Server) dueRuns() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []string
	for id, y := range s.syncs {
		if y.queued && !s.now().Before(y.due) {
			due = append(due, id)
		}
	}
	return due
}

func (s *Server) finish(y *Sync, problem string) {
	status := "succeeded"
	if problem != "" {
		status = "failed"
	}
	y.queued, y.UpdatedAt = false, s.now()
	switch {
	case y.removing && y.vanish && problem == "":
		delete(s.syncs, y.ID)
	case y.removing:
		y.RemoveStatus, y.RemoveMessage = status, problem
	default:
		y.Status, y.Message, y.JobID = status, problem, newUUID()
		if problem == "" {
			y.SyncedAt = s.now()
		}
	}
}

// runProblem is the message of a run with these credentials: empty for success,
// otherwise Bitbucket's answer in the server's envelope.
func (s *Server) runProblem(ctx context.Context, used *credentials) string {
	status, err := s.getUser(ctx, used)
	if err == nil && status < http.StatusMultipleChoices {
		return ""
	}
	text := fmt.Sprintf("Request failed with status code %d", status)
	if err != nil {
		text = networkProblem(err)
	}
	encoded, err := json.Marshal(map[string]any{"error": map[string]any{
		"type": "error", "error": map[string]string{"message": "Token is invalid, expired, or not supported for this endpoint. " + text},
	}})
	if err != nil {
		panic(err) // texts always encode
	}
	return string(encoded[:min(len(encoded), maxSyncMessage)])
}
