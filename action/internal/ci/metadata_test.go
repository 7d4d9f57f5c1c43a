package ci

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/linkersync/linkersync/action/internal/setup"
)

const root = "../../../"

// declared is an input of action.yml or a variable of pipe.yml.
type declared struct {
	Description string
	Required    bool
	Default     string
}

type actionFile struct {
	Inputs  map[string]declared
	Outputs map[string]struct{ Description string }
	Runs    struct {
		Using, Image string
		Args         []string
	}
}

type pipeFile struct {
	Name, Image, Description, Repository string
	Variables                            []struct {
		Name, Description, Default string
		Required                   bool
	}
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(root + name)
	if err == nil {
		err = yaml.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(name, err)
	}
}

// inputs are the options of the step, by name.
func inputs() map[string]setup.Option {
	list := map[string]setup.Option{}
	for _, option := range new(setup.Options).List() {
		if option.Input {
			list[option.Name] = option
		}
	}
	return list
}

// check compares declared inputs with the table of options, both ways.
func check(t *testing.T, got map[string]declared) {
	t.Helper()
	want := map[string]declared{}
	for name, option := range inputs() {
		// Nothing is required: what a command needs depends on the manifest.
		want[name] = declared{Description: option.Help, Default: option.Default}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-table of options +declared):\n%s", diff)
	}
}

func TestActionFileIsTheTableOfOptions(t *testing.T) {
	t.Parallel()
	var action actionFile
	readYAML(t, "action.yml", &action)
	check(t, action.Inputs)
	got := []string{}
	for _, name := range outputNames {
		if action.Outputs[name].Description != "" {
			got = append(got, name)
		}
	}
	if diff := cmp.Diff(outputNames, got); diff != "" || len(action.Outputs) != len(outputNames) {
		t.Errorf("outputs: %v %s", action.Outputs, diff)
	}
	if action.Runs.Using != "docker" || !cmp.Equal(action.Runs.Args, []string{"action"}) {
		t.Errorf("runs: %+v", action.Runs)
	}
	for name := range action.Inputs {
		if strings.Contains(name, "secret") || strings.Contains(name, "token") || strings.Contains(name, "password") {
			t.Errorf("%s: secrets come from the environment, never as inputs", name)
		}
	}
	// The runner's build context is the folder of the Dockerfile, and go.mod is here.
	if target, err := os.Readlink(root + action.Runs.Image); err != nil || target != "action/Dockerfile" {
		t.Errorf("the image %s is not the link to action/Dockerfile: %s %v", action.Runs.Image, target, err)
	}
}

func TestPipeFileIsTheTableOfOptions(t *testing.T) {
	t.Parallel()
	var pipe pipeFile
	readYAML(t, "pipe.yml", &pipe)
	variables := map[string]declared{}
	for _, variable := range pipe.Variables {
		if variable.Name != strings.ToUpper(variable.Name) {
			t.Errorf("%s is not in upper case", variable.Name)
		}
		variables[strings.ToLower(variable.Name)] = declared{variable.Description, variable.Required, variable.Default}
	}
	check(t, variables)
	if pipe.Name == "" || pipe.Image == "" || pipe.Description == "" || pipe.Repository == "" {
		t.Errorf("incomplete: %+v", pipe)
	}
}

// TestDocumentedInputs holds docs/action.md to the table of options.
func TestDocumentedInputs(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(root + "docs/action.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(data), "| input | default | what it is |\n| --- | --- | --- |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var want []string
	for _, option := range new(setup.Options).List() {
		if !option.Input {
			continue
		}
		value := option.Default
		if value != "" {
			value = "`" + value + "`"
		}
		want = append(want, strings.Join([]string{"", " `" + option.Name + "` ", " " + value + " ", " " + option.Help + " ", ""}, "|"))
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), table); diff != "" {
		t.Errorf("docs/action.md (-table of options +documented):\n%s", diff)
	}
	for _, name := range outputNames {
		if !strings.Contains(string(data), "| `"+name+"` |") {
			t.Errorf("docs/action.md doesn't have the output %s in its table", name)
		}
	}
}

// TestExamplesUseWhatExists checks the three examples against the inputs.
func TestExamplesUseWhatExists(t *testing.T) {
	t.Parallel()
	fields := inputs()
	known := func(example, name string) {
		if _, ok := fields[name]; !ok {
			t.Errorf("%s uses %s, which does not exist", example, name)
		}
	}
	var workflow struct {
		On   map[string]struct{ Paths []string }
		Jobs map[string]struct {
			Steps []struct {
				Uses string
				With map[string]string
			}
		}
	}
	readYAML(t, "examples/github-workflow.yml", &workflow)
	var manifest struct {
		Linkers []struct {
			ValuesFile string `yaml:"values_file"`
		}
	}
	readYAML(t, "examples/linkersync.yaml", &manifest)
	for event, trigger := range workflow.On {
		for _, file := range []string{"linkersync.yaml", manifest.Linkers[0].ValuesFile} {
			if !slices.Contains(trigger.Paths, file) {
				t.Errorf("github-workflow.yml: a change of %q starts nothing on %s", file, event)
			}
		}
	}
	used := 0
	for _, job := range workflow.Jobs {
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Uses, "linkersync/linkersync@") {
				used++
				for name := range step.With {
					known("github-workflow.yml", name)
				}
			}
		}
	}
	if used != 2 {
		t.Errorf("github-workflow.yml uses the action %d times, want a plan and an apply", used)
	}
	checkPipe(t, known)
	var gitlab map[string]struct {
		Image     any
		Variables map[string]string
	}
	readYAML(t, "examples/gitlab-ci.yml", &gitlab)
	for _, job := range gitlab {
		for name := range job.Variables {
			if input, ok := strings.CutPrefix(name, "LINKERSYNC_"); ok && !strings.HasSuffix(name, "_FILE") {
				known("gitlab-ci.yml", strings.ToLower(input))
			}
		}
	}
	if len(gitlab) < 2 {
		t.Errorf("gitlab-ci.yml has %d jobs, want a plan and an apply", len(gitlab))
	}
}

func checkPipe(t *testing.T, known func(example, name string)) {
	t.Helper()
	type step struct {
		Step struct {
			OIDC   bool
			Script []struct {
				Pipe      string
				Variables map[string]string
			}
		}
	}
	var pipelines struct {
		Pipelines struct {
			PullRequests map[string][]step `yaml:"pull-requests"`
			Branches     map[string][]step
		}
	}
	readYAML(t, "examples/bitbucket-pipelines.yml", &pipelines)
	steps := slices.Concat(pipelines.Pipelines.PullRequests["**"], pipelines.Pipelines.Branches["main"])
	if len(steps) != 2 {
		t.Fatalf("bitbucket-pipelines.yml has %d steps, want a plan and an apply", len(steps))
	}
	for _, step := range steps {
		if !step.Step.OIDC || len(step.Step.Script) != 1 || step.Step.Script[0].Pipe == "" {
			t.Errorf("bitbucket-pipelines.yml: a step without identity token or pipe: %+v", step)
		}
		for name := range step.Step.Script[0].Variables {
			// Secrets are the environment's, and no variable of the pipe.
			if name != "BITBUCKET_API_TOKEN" {
				known("bitbucket-pipelines.yml", strings.ToLower(name))
			}
		}
	}
}
