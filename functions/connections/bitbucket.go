package main

import (
	"context"
	"net/http"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/redact"
)

// account asks Bitbucket about tokens.
type account struct {
	url  string
	http *http.Client
}

// lacking are the scopes that a token certainly lacks for its uses.
func (a account) lacking(ctx context.Context, email string, token redact.Secret, uses []string) ([]string, error) {
	if len(uses) == 0 {
		return nil, nil
	}
	scopes, err := bitbucket.Account{HTTP: a.http, BaseURL: a.url, Email: email, Token: token}.CheckScopes(ctx, uses)
	return bitbucket.LackingScopes(scopes), err
}

// check tells whether a token works, and what is wrong with it: Infisical, which
// asks the same thing before it stores one, answers 400 to all of it.
func (a account) check(ctx context.Context, email string, token redact.Secret) error {
	return bitbucket.Account{HTTP: a.http, BaseURL: a.url, Email: email, Token: token}.CheckToken(ctx)
}
