package status_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/action/internal/status"
)

// samples is where `make test-page` wants pages to look at in a browser.
var samples = flag.String("samples", "", "write sample pages into this folder")

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// sample is a report in which each kind of thing needs a person once.
func sample(installations int) status.Report {
	r := status.Report{
		App: "example-linker-app", At: now, Endpoints: status.Endpoints{Health: status.OK},
		Connections: []status.Connection{
			{
				Name: "bitbucket-ci", Health: status.OK, Owner: "example", Expires: now.Add(300 * 24 * time.Hour),
				Users: []status.User{{Kind: "sync", Name: "app-production", Repository: "example/app", Health: status.OK}},
			},
			{
				Name: "bitbucket-old", Project: "3f1d0a1c-7f0e-4f52-9b1d-2f6f6c1f4a10", Health: status.OK, Expires: now.Add(6 * 24 * time.Hour),
				Users: []status.User{{Kind: "sync", Name: "site", Repository: "example/site", Health: status.Failed, Detail: "failing since 2026-11-27: Bitbucket answered 401"}},
			},
			{Name: "bitbucket-scan", Health: status.Unknown, Detail: "the project may not be read", Expires: now.Add(-24 * time.Hour)},
		},
		Runs: []status.Run{
			{ID: "11111111-2222-4333-8444-555555555555", Started: now.Add(-time.Hour), Ended: now, Phase: "done", Total: installations, Unchanged: installations - 1, Failed: 1},
			{ID: "66666666-2222-4333-8444-555555555555", Started: now.Add(-25 * time.Hour), Ended: now, Phase: "done", Total: installations, Changed: installations},
		},
		DeadLetters: map[string]int{"DeadLetters": 2},
	}
	for i := range installations {
		in := status.Installation{
			Workspace: fmt.Sprintf("{%08d-2222-4333-8444-555555555555}", i), Name: fmt.Sprintf("Workspace %d", i),
			State: "installed", Linkers: status.OK, Outcome: "unchanged", Updated: now.Add(-time.Duration(i) * time.Minute),
		}
		switch i {
		case 1:
			in.Linkers, in.Detail, in.Outcome = status.Failed, "Bitbucket answered 401: reinstall the app", "failed"
		case 2:
			in.Name = `<script>alert("x")</script>`
			in.Linkers, in.Detail = status.Attention, "linker issues: 2 values to add"
		}
		r.Installations = append(r.Installations, in)
	}
	return r
}

func TestSentenceNamesWhatNeedsAPerson(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		report status.Report
		health status.Health
		want   string
	}{
		"nothing there": {status.Report{Endpoints: status.Endpoints{Health: status.OK}}, status.OK, "Everything is in order."},
		"not asked":     {status.Report{Endpoints: status.Endpoints{Health: status.Unknown}}, status.Unknown, "Nothing is known to be wrong, and not everything could be looked at."},
		"unreadable":    {status.Report{Errors: []string{"list runs: access denied"}}, status.Unknown, "1 thing could not be read."},
		"everything": {
			sample(3), status.Failed,
			"1 installation fails, 1 installation differs from the manifest, 2 connections fail, 2 dead letters wait.",
		},
		"a suspicion": {
			status.Report{Endpoints: status.Endpoints{Health: status.Attention, Detail: "suspected to be gone since 10:00"}},
			status.Attention, "Suspected to be gone since 10:00.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.report.Summary()
			if got.Health != test.health || got.Sentence != test.want {
				t.Errorf("%s: %q, want %s: %q", got.Health, got.Sentence, test.health, test.want)
			}
		})
	}
}

func TestConnectionsHealthHasItsTokenAndItsUsers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		connection status.Connection
		want       status.Health
	}{
		"nothing known of the token": {status.Connection{Health: status.OK}, status.OK},
		"fifteen days left":          {status.Connection{Health: status.OK, Expires: now.Add(15 * 24 * time.Hour)}, status.OK},
		"fourteen days left":         {status.Connection{Health: status.OK, Expires: now.Add(14 * 24 * time.Hour)}, status.Attention},
		"expired now":                {status.Connection{Health: status.OK, Expires: now}, status.Failed},
		"a sync that fails":          {status.Connection{Health: status.OK, Users: []status.User{{Health: status.Failed}}}, status.Failed},
		"a sync that is unknown":     {status.Connection{Health: status.OK, Users: []status.User{{Health: status.Unknown}}}, status.Unknown},
	} {
		if got := test.connection.Of(now); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestTextFitsATerminal(t *testing.T) {
	t.Parallel()
	var plain, coloured, all bytes.Buffer
	report := sample(30)
	for out, write := range map[*bytes.Buffer]func() error{
		&plain:    func() error { return report.WriteText(&plain, false, false) },
		&coloured: func() error { return report.WriteText(&coloured, true, false) },
		&all:      func() error { return report.WriteText(&all, false, true) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(out.String(), "1 installation fails, 1 installation differs from the manifest, 2 connections\nfail, 2 dead letters wait.\n") {
			t.Errorf("the last line is not the summary:\n%s", out)
		}
	}
	for line := range strings.Lines(plain.String()) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 80 {
			t.Errorf("over 80 columns: %q", line)
		}
	}
	if !strings.Contains(plain.String(), "10 more") || strings.Contains(all.String(), "more") {
		t.Error("a long list is cut, unless all of it is asked for")
	}
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(coloured.String(), "\x1b[31mfails") {
		t.Error("colours are for a terminal")
	}
	if first := strings.Index(plain.String(), "Workspace 1 "); first < 0 || first > strings.Index(plain.String(), "Workspace 0 ") {
		t.Errorf("what fails comes first:\n%s", &plain)
	}
}

func TestDocumentHasTheCommandsForm(t *testing.T) {
	t.Parallel()
	report := sample(3)
	encoded, err := json.Marshal(map[string]any{"results": report.Results(), "summary": report.Whole()})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Results []struct {
			Kind, Name, Health string
			Users              []any
		}
		Summary struct{ Health, App string }
	}
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, result := range got.Results {
		kinds[result.Kind]++
		if result.Kind == "connection" && (result.Users == nil || result.Name == "bitbucket-scan" && result.Health != "failed") {
			t.Errorf("connection %s is %s, users %v", result.Name, result.Health, result.Users)
		}
	}
	if diff := cmp.Diff(map[string]int{"installation": 3, "connection": 3, "run": 2}, kinds); diff != "" || got.Summary.Health != "failed" || got.Summary.App == "" {
		t.Errorf("summary %+v, kinds (-want +got):\n%s", got.Summary, diff)
	}
}

func TestPageEscapesAndIsSmall(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := sample(10_000).WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if page.Len() > 3<<20 {
		t.Errorf("%d bytes for 10,000 installations, want 3 MB at most", page.Len())
	}
	text := page.String()
	if strings.Contains(text, `<script>alert`) || !strings.Contains(text, `&lt;script&gt;alert`) {
		t.Error("a workspace's name is not escaped")
	}
	for _, outside := range []string{"http://", "https://", "src=", "@import", "url("} {
		if strings.Contains(text, outside) {
			t.Errorf("the page refers to something outside: %s", outside)
		}
	}
	if *samples == "" {
		return
	}
	for name, count := range map[string]int{"small.html": 30, "large.html": 10_000} {
		var sampled bytes.Buffer
		if err := sample(count).WriteHTML(&sampled); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*samples, name), sampled.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServerShowsAndFollows(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	server, err := status.Listen(ctx, sample(3))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()

	if got := ask(t, server.URL, ""); got.StatusCode != http.StatusOK || got.Header.Get("Set-Cookie") != "" ||
		!strings.Contains(got.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("the page: %s, %v", got.Status, got.Header)
	}
	root, _, _ := strings.Cut(server.URL[len("http://"):], "/")
	if got := ask(t, "http://"+root+"/", ""); got.StatusCode != http.StatusNotFound {
		t.Errorf("without the token: %s", got.Status)
	}
	if got := ask(t, server.URL, "example.com"); got.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("for another host: %s", got.Status)
	}

	events := ask(t, server.URL+"events", "")
	lines := bufio.NewScanner(events.Body)
	lines.Buffer(nil, 1<<20)
	follow(t, lines, "1 installation fails")
	next := sample(3)
	next.DeadLetters["DeadLetters"] = 77
	server.Show(next)
	follow(t, lines, "77 dead letters wait")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func ask(t *testing.T, url, host string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// follow reads one event and wants text in it.
func follow(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	found := false
	for lines.Scan() && lines.Text() != "" {
		found = found || strings.Contains(lines.Text(), text)
	}
	if !found {
		t.Errorf("the event has no %q: %v", text, lines.Err())
	}
}
