package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/manifest"
)

func TestParseReadsEverything(t *testing.T) {
	t.Parallel()
	open := func(path string) ([]byte, error) {
		if path != "lists/projects.txt" {
			return nil, fmt.Errorf("unexpected path %q", path)
		}
		return []byte("WEB\n"), nil
	}
	got, err := manifest.Parse("dir/linkersync.yaml", []byte(everything), open)
	if err != nil {
		t.Fatal(err)
	}
	want := manifest.Manifest{
		App: "com.example.linker-app",
		Linkers: []manifest.Linker{
			{Key: "issues", Values: []string{"PROJ", "my_app", "2024", "B-2", "WEB"}, Prune: true, Position: manifest.Position{Line: 4, Column: 5}},
			{Key: "builds", Position: manifest.Position{Line: 8, Column: 5}},
		},
		Connections: []manifest.Connection{
			{
				Name: "bitbucket-ci", ProjectID: "3c9f2b1e-0000-4000-8000-a1b2c3d4e5f6", Description: "Read by the sync of the web team",
				Email: "ci@example.com", Token: manifest.Reference{Scheme: "env", Target: "BITBUCKET_API_TOKEN"}, Adopt: true,
				Position: manifest.Position{Line: 11, Column: 5},
			},
			{
				Name: "bitbucket-ci", Email: "ops@example.com",
				Token:    manifest.Reference{Scheme: "aws-secret", Target: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bitbucket/ci-AbCdEf", Key: "token"},
				Position: manifest.Position{Line: 19, Column: 5},
			},
			{
				Name: "scanner", Email: "scan@example.com", Token: manifest.Reference{Scheme: "file", Target: "/run/secrets/bitbucket"},
				Position: manifest.Position{Line: 22, Column: 5},
			},
		},
		Path: "dir/linkersync.yaml",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

func TestProblemsCarryTheirPlace(t *testing.T) {
	t.Parallel()
	text := "version: 1\nlinkers:\n  - key: k\n    values: [A, B C]\nconnections:\n  - {name: n, email: nobody, token: 'env:T', tokne: x}\n"
	_, err := manifest.Parse("m.yaml", []byte(text), nil)
	var problems manifest.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error is %T, want Problems", err)
	}
	var places []string
	for _, problem := range problems {
		places = append(places, fmt.Sprintf("%s %d:%d %s", problem.File, problem.Line, problem.Column, problem.Path))
	}
	want := []string{"m.yaml 4:17 linkers[0].values[1]", "m.yaml 6:22 connections[0].email", "m.yaml 6:46 connections[0].tokne"}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

func TestParseRefusesWithoutSideEffects(t *testing.T) {
	t.Parallel()
	got, err := manifest.Parse("m.yaml", []byte("version: 1\napp: fine\nlinkers: 5\n"), nil)
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(manifest.Manifest{}, got); diff != "" {
		t.Errorf("half a manifest came back with the error (-want +got):\n%s", diff)
	}
}

func TestParseRefusesTooLargeAManifest(t *testing.T) {
	t.Parallel()
	largest := "version: 1\n#" + strings.Repeat("x", manifest.MaxFileSize-12)
	if _, err := manifest.Parse("m.yaml", []byte(largest), nil); err != nil {
		t.Errorf("the largest manifest is refused: %v", err)
	}
	text := "version: 1\n" + strings.Repeat("#\n", manifest.MaxFileSize/2)
	_, err := manifest.Parse("m.yaml", []byte(text), nil)
	want := []string{"m.yaml: the manifest has 4194315 bytes, more than 4194304; move values to a values_file"}
	if diff := cmp.Diff(want, problemLines(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	for _, text := range []string{"version: 1\nlinkers: [" + strings.Repeat("a,", 150_001) + "]\n", strings.Repeat("a: 1\n", 75_001)} {
		_, err = manifest.Parse("m.yaml", []byte(text), nil)
		want = []string{"m.yaml: the manifest has more than 150000 lines and list entries; list fewer values, or move them to a values_file"}
		if diff := cmp.Diff(want, problemLines(err)); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
	}
}

// TestHostileYAMLEnds has input that overflows the stack or takes minutes in a
// YAML parser that is not guarded; the test's time-out is the assertion.
func TestHostileYAMLEnds(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"[", "{", "{a: ", "- ", "? ", "&a ", "*a ", "!a ", "a: ", "- - ", "[a: ", "\"a\": "} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			if _, err := manifest.Parse("m.yaml", []byte(strings.Repeat(part, (1<<17)/len(part))), nil); err == nil {
				t.Error("no error")
			}
		})
	}
	t.Run("many keys", func(t *testing.T) {
		t.Parallel()
		if _, err := manifest.Parse("m.yaml", []byte(repeat(20_000, "k%d: 1\n")), nil); err == nil {
			t.Error("no error")
		}
	})
}

func problemLines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}
