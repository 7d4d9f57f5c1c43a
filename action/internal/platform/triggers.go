package platform

import (
	"slices"
	"strings"
)

// Trust says whose change a run works on, and whether it has the repository's secrets.
type Trust string

// The kinds of trust. An event that is in no rule is [Untrusted].
const (
	// Trusted runs start from a commit of the repository, by people who may write to it.
	Trusted Trust = "trusted"
	// Unmerged runs work on a change of the repository's own people that is not merged.
	Unmerged Trust = "not merged"
	// NoSecrets runs work on a stranger's change, without the repository's secrets.
	NoSecrets Trust = "no secrets"
	// Untrusted runs have the repository's secrets and may work on a stranger's change.
	Untrusted Trust = "untrusted"
)

// Rule says how far an event of a CI is trusted. The table in docs/action.md is made of
// these rules.
type Rule struct {
	CI, Event string
	Trust     Trust
	Why       string
}

// The CIs of the rules.
const (
	gitHubActions      = "GitHub Actions"
	gitLabCI           = "GitLab CI"
	bitbucketPipelines = "Bitbucket Pipelines"
	otherCI            = "any other CI, or a terminal"
)

// Rules returns the rules for every known event.
// Source: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
// Source: https://docs.gitlab.com/ci/jobs/job_rules/#ci_pipeline_source-predefined-variable
// Source: https://support.atlassian.com/bitbucket-cloud/docs/pipeline-start-conditions/
func Rules() []Rule {
	return slices.Concat(
		rules(gitHubActions, Trusted, "needs write access", "push", "workflow_dispatch", "repository_dispatch", "release", "create", "delete"),
		rules(gitHubActions, Trusted, "has no author", "schedule"),
		rules(gitHubActions, Trusted, "needs triage or write access, on the default branch", "branch_protection_rule", "image_version", "label", "milestone", "page_build", "public", "registry_package"),
		rules(gitHubActions, Unmerged, "a branch of the repository", "pull_request", "merge_group"),
		rules(gitHubActions, NoSecrets, "GitHub gives forks no secrets", "pull_request"+fork),
		rules(gitHubActions, Untrusted, "has secrets on a pull request, a fork's as well", "pull_request_target", "pull_request_target"+fork, "workflow_run"),
		rules(gitHubActions, Untrusted, "anybody can write one", "issue_comment", "issues", "discussion", "discussion_comment", "gollum",
			"pull_request_review", "pull_request_review"+fork, "pull_request_review_comment", "pull_request_review_comment"+fork, "pull_request_comment"),
		rules(gitHubActions, Untrusted, "anybody can do it", "fork", "watch"),
		rules(gitHubActions, Untrusted, "the commit can be a fork's", "check_run", "check_suite", "deployment", "deployment_status", "status"),

		rules(gitLabCI, Trusted, "needs write access", "push", "web", "webide", "api", "chat", "trigger", "pipeline", "parent_pipeline"),
		rules(gitLabCI, Trusted, "has no author", "schedule"),
		rules(gitLabCI, Unmerged, "a branch of the project", "merge_request_event", "external_pull_request_event"),
		rules(gitLabCI, NoSecrets, "runs in the fork's project, without this one's secrets", "merge_request_event"+fork),
		rules(gitLabCI, Untrusted, "a member ran a fork's change in this project", "merge_request_event"+forkHere),
		rules(gitLabCI, Untrusted, "has secrets on another repository's change", "external_pull_request_event"+fork),

		rules(bitbucketPipelines, Trusted, "needs write access, or has no author", branchOrCustom),
		rules(bitbucketPipelines, Unmerged, "a branch of the repository; forks start no pipeline here", pullRequest),

		rules(otherCI, Trusted, "no pull request is known: the CI's settings decide who can start it", manual),
		rules(otherCI, Untrusted, "the CI does not say whose change it is", pullRequest),
	)
}

// What is added to an event's name, and events without a name of the CI's own.
const (
	fork           = " (fork)"
	forkHere       = " (fork, in this project)"
	branchOrCustom = "branch, tag, custom or schedule"
	pullRequest    = "pull request"
	manual         = "manual"
)

func rules(ci string, trust Trust, why string, events ...string) []Rule {
	list := make([]Rule, 0, len(events))
	for _, event := range events {
		list = append(list, Rule{CI: ci, Event: event, Trust: trust, Why: why})
	}
	return list
}

// trigger looks an event up.
func trigger(ci, event string) Trigger {
	t := Trigger{Event: event, Trust: Untrusted, Fork: strings.HasSuffix(event, fork) || strings.HasSuffix(event, forkHere)}
	for _, rule := range Rules() {
		if rule.CI == ci && rule.Event == event {
			t.Trust = rule.Trust
		}
	}
	return t
}
