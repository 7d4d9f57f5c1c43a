package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/manifest"
)

// pasted is shaped like an Atlassian API token, and is none.
const pasted = "ATATT3xFfGF0canary-7f3a_canary-7f3a=5B1C2D3E"

func TestCredentialsAreFoundAnywhere(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string
	}{
		"in a comment": {
			"version: 1 # " + pasted + "\n",
			[]string{"m.yaml:1:14: this looks like an Atlassian API token; " + advice},
		},
		"as a value, after characters of several bytes": {
			"version: 1\n# ä\n# é " + pasted + "\n",
			[]string{"m.yaml:3:5: this looks like an Atlassian API token; " + advice},
		},
		"an access token and an app password": {
			"version: 1\n# ATCTT3xFfGN0abcdefghijklm\n# ATBBabcdefghijklmnopqrstuvwx\n",
			[]string{
				"m.yaml:2:3: this looks like a Bitbucket access token; " + advice,
				"m.yaml:3:3: this looks like a Bitbucket app password; " + advice,
			},
		},
		"where the file ends": {
			"version: 1\n# ATCTT3xFfGN0abcdefghijklm",
			[]string{"m.yaml:2:3: this looks like a Bitbucket access token; " + advice},
		},
		"in a file that isn't YAML": {
			"version: [\n# " + pasted + "\n",
			[]string{
				"m.yaml:2:3: this looks like an Atlassian API token; " + advice,
				"m.yaml:2:47: this is not valid YAML: did not find expected node content",
			},
		},
		"where the file starts": {
			pasted + ": 1\n",
			[]string{
				"m.yaml:1:1: this looks like an Atlassian API token; " + advice,
				"m.yaml:1:1: the manifest has no version; add a line: version: 1",
				`m.yaml:1:1: this key is not known; the manifest may have version, app, linkers, connections, syncs, prune_connections, prune_syncs`,
			},
		},
		"talk about tokens": {"version: 1 # starts with ATATT3xFf, ATCTT or ATBB, and has many letters and digits after it\n", nil},
		"values that start so": {
			"version: 1\nlinkers: [{key: k, values: [ATBB, ATATT-1]}]\n", nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := manifest.Parse("m.yaml", []byte(test.text), nil)
			if diff := cmp.Diff(test.want, problemLines(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCredentialsAreCountedUpToABound(t *testing.T) {
	t.Parallel()
	text := "version: 1\n" + strings.Repeat("# "+pasted+"\n", manifest.MaxProblems+50)
	_, err := manifest.Parse("m.yaml", []byte(text), nil)
	if got := len(problemLines(err)); got != manifest.MaxProblems {
		t.Errorf("%d problems, want %d", got, manifest.MaxProblems)
	}
}

// TestProblemsNeverRepeatACredential puts one wherever a message could repeat
// what it found.
func TestProblemsNeverRepeatACredential(t *testing.T) {
	t.Parallel()
	places := []string{
		"version: " + pasted,
		"version: 1\napp: " + pasted,
		"version: 1\n" + pasted + ": 1",
		"version: 1\n\"" + pasted + "\": 1\n\"" + pasted + "\": 2",
		"version: 1\nlinkers: [{key: " + pasted + ", values: []}]",
		"version: 1\nlinkers: [{key: k, values: [" + pasted + ", " + pasted + "]}]",
		"version: 1\nlinkers: [{key: k, values_file: ../" + pasted + "}]",
		"version: 1\nlinkers: [{key: k, values_file: " + pasted + "}]",
		"version: 1\nlinkers: [{key: k, values: [], prune: " + pasted + "}]",
		"version: 1\nconnections: [{name: " + pasted + ", email: " + pasted + ", token: " + pasted + ", project_id: " + pasted + ", adopt: " + pasted + "}]",
		"version: 1\nconnections: [{name: a, email: a@b.de, token: 'env:" + pasted + "'}]",
		"version: 1\nconnections: [{name: a, email: a@b.de, token: '" + pasted + ":x'}]",
		"version: 1\nconnections: [{name: a, email: a@b.de, token: 'file:" + pasted + "'}]",
		"version: 1\nconnections: [{name: a, email: a@b.de, token: 'aws-secret:" + pasted + "'}]",
		"version: 1\nconnections: [{name: a, email: a@b.de, token: 'aws-secret:a#" + pasted + "'}]",
		"version: 1\napp: \"" + pasted,
		"version: 1\napp: |" + pasted,
		"version: 1\napp: {" + pasted + "]",
		"version: 1\napp: !" + pasted,
		"version: 1\napp: *" + pasted,
		"version: 1\napp: @" + pasted,
		"%" + pasted + "\n---\nversion: 1",
	}
	for _, text := range places {
		t.Run(strings.ReplaceAll(text, pasted, "HERE"), func(t *testing.T) {
			t.Parallel()
			_, err := manifest.Parse("m.yaml", []byte(text), nil)
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the message repeats the credential: %v", err)
			}
		})
	}
}
