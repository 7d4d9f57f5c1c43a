package infisical_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRevokeEndsTheLogin(t *testing.T) {
	t.Parallel()
	server := newRecorder(t).on(listPath, many())
	client := server.client()
	list(t, client)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // an interrupted command cleans up, too
	if err := client.Revoke(cancelled); err != nil {
		t.Fatal(err)
	}
	made := server.last()
	if diff := cmp.Diff(map[string]any{"accessToken": "access-1"}, made.decoded(t)); made.Route != revokePath || diff != "" {
		t.Errorf("%s (-want +got):\n%s", made.Route, diff)
	}
	if err := client.Revoke(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{loginPath, listPath, revokePath}, server.routes()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	list(t, client)
	if got := server.last().Header.Get("Authorization"); got != "Bearer access-2" {
		t.Errorf("after the revocation: %s, want a new login's", got)
	}
}

// A function that was frozen for an hour must not log in on a connection that is long cut.
func TestRevokeLeavesNoConnectionBehind(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	script := newRecorder(t).on(listPath, many())
	server := httptest.NewUnstartedServer(script)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := script.client()
	client.BaseURL, client.HTTP = server.URL, nil
	for round := range int32(2) {
		list(t, client)
		if err := client.Revoke(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := opened.Load(); got != round+1 {
			t.Errorf("%d connections after %d jobs", got, round+1)
		}
	}
}

func TestRevokeWithoutALiveLoginCallsNothing(t *testing.T) {
	t.Parallel()
	t.Run("never logged in", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t)
		if err := server.client().Revoke(t.Context()); err != nil || len(server.routes()) > 0 {
			t.Errorf("error %v, calls %v", err, server.routes())
		}
	})
	t.Run("ended", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t).on(listPath, many()).on(loginPath, granted("t", "3600"))
		client := server.client()
		list(t, client)
		server.advance(time.Hour)
		if err := client.Revoke(t.Context()); err != nil || server.count(revokePath) > 0 {
			t.Errorf("error %v, calls %v", err, server.routes())
		}
	})
	t.Run("in its last minute it still can", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t).on(listPath, many()).on(loginPath, granted("t", "3600"))
		client := server.client()
		list(t, client)
		server.advance(time.Hour - time.Second)
		if err := client.Revoke(t.Context()); err != nil || server.count(revokePath) != 1 {
			t.Errorf("error %v, calls %v", err, server.routes())
		}
	})
}

func TestRevokeReportsWhatLeavesTheTokenAlive(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reply reply
		kinds []string
	}{
		"gone already":  {refuse(401, "UnauthorizedError", `"No identity access token found"`), nil},
		"expired":       {refuse(403, "TokenError", `"Your token has expired. Please re-authenticate."`), nil},
		"outage":        {reply{status: http.StatusNotImplemented}, []string{"ErrServer"}},
		"not Infisical": {ok("<html>"), []string{"ErrUnexpectedAnswer"}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, many()).on(revokePath, test.reply)
			client := server.client()
			list(t, client)
			err := client.Revoke(t.Context())
			if len(test.kinds) == 0 {
				if err != nil {
					t.Errorf("error = %v, want none", err)
				}
				return
			}
			checkKinds(t, err, test.kinds...)
			mustContain(t, err, "revoke the access token")
		})
	}
}
