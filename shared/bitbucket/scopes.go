package bitbucket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// What a connection's token is for.
const (
	UseSync = "sync"
	UseScan = "scan"
)

// Uses are all that a token can be for.
func Uses() []string { return []string{UseSync, UseScan} }

// Verdict is what is known about a scope of a token.
type Verdict string

// The verdicts. Unproven: no GET asks for the scope, or the GET gave no verdict.
const (
	Granted  Verdict = "granted"
	Lacking  Verdict = "lacking"
	Unproven Verdict = "unproven"
)

// Scope is a scope of an API token and what is known about it.
type Scope struct {
	// Name is such as read:user:bitbucket.
	Name    string
	Verdict Verdict
	// Why says what keeps an unproven scope from being proven.
	Why string
	// Optional: only some versions of Infisical need the scope.
	Optional bool
}

// neededScope is a scope, what needs it, and the GET that asks for it.
type neededScope struct {
	name     string
	uses     []string
	path     string
	optional bool
}

const (
	inWorkspace  = "{workspace}"
	inRepository = "{repository}"
	wantsNoScope = "no GET asks for it"
)

// neededScopes are from Infisical's documents and server; admin:pipeline and
// read:pipeline are what a run of a sync uses.
// Source: https://infisical.com/docs/integrations/app-connections/bitbucket
func neededScopes() []neededScope {
	both := Uses()
	return []neededScope{
		{name: "read:user", uses: nil, path: "user"},
		{name: "read:workspace", uses: both, path: "user/workspaces?pagelen=1"},
		{name: "read:project", uses: both, path: "workspaces/" + inWorkspace + "/projects?pagelen=1", optional: true},
		{name: "read:repository", uses: both, path: "repositories/" + inWorkspace + "?pagelen=1"},
		{name: "read:pipeline", uses: []string{UseSync}, path: "repositories/" + inRepository + "/environments?pagelen=1"},
		{name: "admin:pipeline", uses: []string{UseSync}},
		{name: "write:pipeline", uses: []string{UseSync}},
		{name: "admin:workspace", uses: []string{UseSync}},
		{name: "read:webhook", uses: []string{UseScan}, path: "workspaces/" + inWorkspace + "/hooks?pagelen=1"},
		{name: "write:webhook", uses: []string{UseScan}},
		{name: "delete:webhook", uses: []string{UseScan}},
	}
}

// CheckScopes tells which scopes the token has of those that its uses need, with GETs
// only. The workspace and the repository that it asks about are the first that the token
// can list. The error is that of a token that Bitbucket does not take at all
// ([ErrUnauthorized]): without a scope it would be known, and refused.
func (a Account) CheckScopes(ctx context.Context, uses []string) ([]Scope, error) {
	known := map[string]string{}
	var scopes []Scope
	for _, need := range neededScopes() {
		if need.uses != nil && !slices.ContainsFunc(need.uses, func(use string) bool { return slices.Contains(uses, use) }) {
			continue
		}
		scope := Scope{Name: need.name + ":bitbucket", Verdict: Unproven, Why: wantsNoScope, Optional: need.optional}
		path, missing := fill(need.path, known)
		switch {
		case missing != "":
			scope.Why = missing
		case path != "":
			path, query, _ := strings.Cut(path, "?")
			body, _, err := a.get(ctx, "/2.0/"+path, query)
			if errors.Is(err, ErrUnauthorized) {
				return nil, fmt.Errorf("check API token: %w", err)
			}
			scope.Verdict, scope.Why = verdictOf(err)
			learn(known, body)
		}
		scopes = append(scopes, scope)
	}
	return scopes, nil
}

func verdictOf(err error) (verdict Verdict, why string) {
	switch {
	case err == nil:
		return Granted, ""
	case errors.Is(err, ErrMissingScope):
		return Lacking, ""
	}
	return Unproven, err.Error()
}

// fill puts what is known into a path, or says what is missing.
func fill(path string, known map[string]string) (filled, missing string) {
	for _, part := range []string{inWorkspace, inRepository} {
		if !strings.Contains(path, part) {
			continue
		}
		if known[part] == "" {
			return "", "the token can list no " + strings.Trim(part, "{}") + " to ask about"
		}
		path = strings.Replace(path, part, known[part], 1)
	}
	return path, ""
}

// learn keeps the first workspace or repository of a list.
func learn(known map[string]string, body []byte) {
	var page struct {
		Values []struct {
			FullName  string `json:"full_name"`
			Workspace struct {
				Slug string `json:"slug"`
			} `json:"workspace"`
		} `json:"values"`
	}
	if json.Unmarshal(body, &page) != nil || len(page.Values) == 0 {
		return
	}
	first := page.Values[0]
	workspace, repository, isRepository := strings.Cut(first.FullName, "/")
	switch {
	case isRepository:
		known[inRepository] = url.PathEscape(workspace) + "/" + url.PathEscape(repository)
	case known[inWorkspace] == "" && first.Workspace.Slug != "":
		known[inWorkspace] = url.PathEscape(first.Workspace.Slug)
	}
}

// LackingScopes are those that the token certainly lacks and that every server needs.
func LackingScopes(scopes []Scope) (names []string) {
	for _, scope := range scopes {
		if scope.Verdict == Lacking && !scope.Optional {
			names = append(names, scope.Name)
		}
	}
	return names
}
