package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// safe is Infisical, as the function reaches it.
type safe struct {
	url, organization string
	login             login
	// roots are the certificate authorities of a server of one's own, nil for the system's.
	roots *x509.CertPool

	// clients, by organization, are kept between invocations, for their connections
	// and because each remembers a refused login instead of trying it until Infisical
	// locks the identity out. Lambda runs one invocation at a time in a process.
	clients map[string]*infisical.Client
}

// open returns a client of the organization, or of the configured one when the slug
// is empty. It logs in when it is used first. Revoke it.
func (s *safe) open(ctx context.Context, organization string) (*infisical.Client, error) {
	by, changed, err := s.login.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("log in to Infisical: %w", err)
	}
	if s.clients == nil || changed {
		s.clients = map[string]*infisical.Client{}
	}
	organization = cmp.Or(organization, s.organization)
	if s.clients[organization] == nil {
		s.clients[organization] = &infisical.Client{BaseURL: s.url, Login: by, OrganizationSlug: organization, RootCAs: s.roots}
	}
	return s.clients[organization], nil
}

// explain adds to an error of Infisical what is set in a deployment to mend it.
func explain(err error) error {
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		return fmt.Errorf("%w: deploy with CA_FILE and the parameter InfisicalCaFile (LINKERSYNC_INFISICAL_CA_FILE)", err)
	}
	return err
}

// login makes the proof of the machine identity. changed tells that it is another
// one than the last time.
type login interface {
	get(ctx context.Context) (by infisical.Login, changed bool, err error)
}

// awsLogin is the function's own role: there is no secret to keep.
type awsLogin struct{ auth infisical.AWSAuth }

func (l awsLogin) get(context.Context) (infisical.Login, bool, error) { return l.auth, false, nil }

// universalLogin reads the client's id and secret anew for each invocation, so
// that a rotated one is noticed.
type universalLogin struct {
	api  installation.SecretsManagerAPI
	id   string
	last redact.Secret
}

func (l *universalLogin) get(ctx context.Context) (infisical.Login, bool, error) {
	value, err := installation.ReadSecret(ctx, l.api, l.id)
	if err != nil {
		return nil, false, err
	}
	var client struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(value.Reveal()), &client); err != nil {
		return nil, false, fmt.Errorf("read secret %s: want a JSON object with client_id and client_secret", l.id)
	}
	changed := !l.last.Equal(value)
	l.last = value
	return infisical.UniversalAuth{ClientID: client.ID, ClientSecret: redact.New(client.Secret)}, changed, nil
}
