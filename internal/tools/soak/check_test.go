package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/internal/simulator/stack"
	"github.com/linkersync/linkersync/shared/rollout"
)

// asked is a world in which one workspace was given two values, without functions.
func asked(t *testing.T, issues, builds []string, token string) *world {
	t.Helper()
	s := &stack.Stack{
		Bitbucket: simbitbucket.New(simbitbucket.Options{}), Infisical: siminfisical.New(siminfisical.Options{}), AWS: simaws.New(simaws.Options{}),
	}
	t.Cleanup(s.AWS.Close)
	workspace := stack.Number(0)
	if err := s.Bitbucket.Seed(simbitbucket.State{
		Apps: []simbitbucket.App{{Key: appKey, Descriptor: simbitbucket.Descriptor(appKey, "https://app.example.com", "issues", "builds")}},
		Installations: []simbitbucket.Installation{{
			AppKey: appKey, Status: simbitbucket.Installed, SharedSecret: "the-secret", Principal: stack.Workspace(workspace, "w"),
			ClientKey: stack.ClientKey(appKey, workspace), Values: map[string][]string{"issues": issues, "builds": builds},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Infisical.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: "org", Slug: "acme"}},
		Connections:   []siminfisical.Connection{{ID: "c", Name: "bitbucket-0", App: "bitbucket", OrgID: "org", APIToken: token}},
	}); err != nil {
		t.Fatal(err)
	}
	return &world{
		stack: s, logs: &recording{}, installed: map[string]bool{workspace: true}, own: map[string][]string{},
		fallback: []string{"A", "B"}, runs: map[string]string{"run": "all"}, ended: map[string]outcome{"run": {Run: "run", Total: 3, Changed: 1, Unchanged: 1, Skipped: 1}}, tokens: map[string]string{"bitbucket-0": "newest"}, secrets: []string{"the-secret"},
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	both := []string{"A", "B"}
	for name, test := range map[string]struct {
		issues, builds []string
		token          string
		spoil          func(*testing.T, *world)
		want           string
	}{
		"all is well":                {issues: both, builds: []string{"MORE", "B"}, token: "newest"},
		"a value is missing":         {issues: []string{"A"}, builds: both, token: "newest", want: "lost 1"},
		"a kept value is missing":    {issues: both, builds: []string{"A"}, token: "newest", want: "lost 1"},
		"a value too many":           {issues: []string{"A", "B", "C"}, builds: both, token: "newest", want: "wrong 1"},
		"an old token":               {issues: both, builds: both, token: "older", want: "wrong 1"},
		"a connection is missing":    {issues: both, builds: both, token: "newest", want: "lost 1", spoil: func(_ *testing.T, w *world) { w.tokens["bitbucket-1"] = "x" }},
		"an installation is missing": {issues: both, builds: both, token: "newest", want: "lost 1", spoil: func(_ *testing.T, w *world) { w.installed[stack.Number(1)] = true }},
		"a secret in a log": {issues: both, builds: both, token: "newest", want: "leaked 1", spoil: func(_ *testing.T, w *world) {
			_, _ = w.logs.Write([]byte("msg=hello the-secret"))
		}},
		"an event for no bus": {issues: both, builds: both, token: "newest", want: "lost 1", spoil: func(t *testing.T, w *world) {
			if _, err := w.stack.Change(t.Context(), rollout.Change{}); err != nil { // the bus comes with a stack's start
				t.Fatal(err)
			}
		}},
		"a run without an end": {issues: both, builds: both, token: "newest", want: "lost 1", spoil: func(_ *testing.T, w *world) { w.runs["other"] = stack.Number(0) }},
		"a run with a failure": {issues: both, builds: both, token: "newest", want: "wrong 1", spoil: func(_ *testing.T, w *world) {
			w.ended["run"] = outcome{Run: "run", Total: 3, Changed: 1, Unchanged: 1, Failed: 1}
		}},
		"a run that lost count": {issues: both, builds: both, token: "newest", want: "wrong 1", spoil: func(_ *testing.T, w *world) {
			w.ended["run"] = outcome{Run: "run", Total: 4, Changed: 1, Unchanged: 1, Skipped: 1}
		}},
		"a brownout taken for the end": {issues: both, builds: both, token: "newest", want: "stopped 1", spoil: func(_ *testing.T, w *world) { w.late("stopped") }},
		"a dead letter": {issues: both, builds: both, token: "newest", want: "dead letters 1", spoil: func(t *testing.T, w *world) {
			client := sdksqs.NewFromConfig(w.stack.AWS.Config())
			queue, err := client.CreateQueue(t.Context(), &sdksqs.CreateQueueInput{QueueName: aws.String(stack.DeadLetters)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.SendMessage(t.Context(), &sdksqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("x")}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := asked(t, test.issues, test.builds, test.token)
			if test.spoil != nil {
				test.spoil(t, w)
			}
			var out bytes.Buffer
			clean := w.check().print(&out)
			if clean != (test.want == "") {
				t.Errorf("clean %v:\n%s", clean, &out)
			}
			squeezed := strings.Join(strings.Fields(out.String()), " ")
			for _, group := range []string{"lost", "wrong", "duplicated", "leaked", "dead letters", "stopped"} {
				want := group + " 0"
				if strings.HasPrefix(test.want, group) {
					want = test.want
				}
				if !strings.Contains(squeezed, want) {
					t.Errorf("want %q in:\n%s", want, &out)
				}
			}
		})
	}
}
