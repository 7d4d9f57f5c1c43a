package platform

// gitLab is GitLab CI: inputs, outputs and summary are those of any other CI.
// Source: https://docs.gitlab.com/ci/variables/predefined_variables/
type gitLab struct{ plain }

// Name implements Platform.
func (*gitLab) Name() string { return gitLabCI }

// Trigger implements Platform. A merge request of a fork runs in the fork's project,
// unless a member of this project starts it here, with this project's variables.
func (g *gitLab) Trigger() Trigger {
	event := g.getenv("CI_PIPELINE_SOURCE")
	switch project := g.getenv("CI_MERGE_REQUEST_PROJECT_ID"); {
	case g.getenv("CI_MERGE_REQUEST_IID") != "" || event == "merge_request_event":
		event = "merge_request_event" // a child pipeline of one has a source of its own
		if project == "" || g.getenv("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") != project {
			event += fork
			if g.getenv("CI_PROJECT_ID") == project || project == "" {
				event = "merge_request_event" + forkHere
			}
		}
	case event == "external_pull_request_event":
		if target := g.getenv("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY"); target == "" || g.getenv("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY") != target {
			event += fork
		}
	default:
		return trigger(gitLabCI, event)
	}
	t := trigger(gitLabCI, event)
	t.PullRequest = true
	return t
}
