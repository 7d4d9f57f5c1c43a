package setup

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

// InfisicalOptions say where Infisical is and how the machine identity logs in.
// The client secret and the OIDC token come from the environment.
type InfisicalOptions struct {
	// URL is Infisical's: US, EU or your own.
	URL string
	// Method is how the machine identity logs in, one of [methods]; see [InfisicalOptions.method].
	Method string
	// IdentityID is the machine identity's, for oidc and aws.
	IdentityID string
	// ClientID is the machine identity's, for universal; see [ClientSecretVariable].
	ClientID string
	// Organization is the slug of the sub-organization, when there is one.
	Organization string
	// Audience is that of the CI's identity token, for oidc; empty means the CI's own.
	Audience string
	// CAFile has the certificate authority of a server of your own, as PEM.
	CAFile string
}

// Variables that hold Infisical secrets.
const (
	// ClientSecretVariable holds the client secret, or a reference to it.
	ClientSecretVariable = "LINKERSYNC_INFISICAL_CLIENT_SECRET"
	// OIDCTokenVariable holds the identity token of the CI, when the platform gives
	// it in no variable of its own.
	OIDCTokenVariable = "LINKERSYNC_INFISICAL_OIDC_TOKEN"
	// AppSecretVariable holds a reference to the app-level secret, for installations add.
	AppSecretVariable = "LINKERSYNC_APP_SECRET"
)

// OIDCToken returns the CI's identity token for an audience.
type OIDCToken func(ctx context.Context) (redact.Secret, error)

// table are Infisical's options.
func (o *InfisicalOptions) table() []Option {
	return []Option{
		{
			Name: "infisical_url", Default: "https://app.infisical.com", Input: true, Flag: true, Value: Text(&o.URL, "URL"),
			Help: "Infisical's address: US, EU (https://eu.infisical.com) or your own.",
		},
		{
			Name: "infisical_method", OneOf: methods(), Input: true, Flag: true, Value: Text(&o.Method, "WORD"),
			Help: "How the machine identity logs in; docs/connections.md lists the methods. Without it, universal when there is a client id, and oidc otherwise.",
		},
		{
			Name: "infisical_identity_id", Input: true, Flag: true, Value: Text(&o.IdentityID, "UUID"),
			Help: "The machine identity, for oidc and aws.",
		},
		{
			Name: "infisical_client_id", Input: true, Flag: true, Value: Text(&o.ClientID, "UUID"),
			Help: "The machine identity's client id, for universal. LINKERSYNC_INFISICAL_CLIENT_SECRET has its secret.",
		},
		{
			Name: "infisical_organization", Input: true, Flag: true, Value: Text(&o.Organization, "SLUG"),
			Help: "The slug of the Infisical sub-organization, when there is one.",
		},
		{
			Name: "infisical_audience", Input: true, Value: Text(&o.Audience, "TEXT"),
			Help: "Audience of the identity token for oidc, as the machine identity is configured. Without it, the CI's own.",
		},
		{
			Name: "infisical_ca_file", Input: true, Flag: true, Value: Text(&o.CAFile, "FILE"),
			Help: "The certificate authority of an Infisical of your own, as a PEM file.",
		},
	}
}

// Infisical returns a client that logs in on its first call. Call its Revoke when
// the work is done. oidc may be nil when the method is another.
func (s *Session) Infisical(ctx context.Context, oidc OIDCToken) (*infisical.Client, error) {
	login, err := s.login(ctx, oidc)
	if err != nil {
		return nil, fmt.Errorf("log in to Infisical: %w", err)
	}
	options := s.options.Infisical
	client := &infisical.Client{BaseURL: options.URL, Login: login, OrganizationSlug: options.Organization, OnToken: s.secretSeen, Watch: s.options.Watch}
	if options.CAFile != "" {
		if client.RootCAs, err = infisical.LoadRootCAs(options.CAFile); err != nil {
			return nil, err
		}
	}
	return client, nil
}

// methods are the logins that [Session.login] knows.
func methods() []string { return []string{"oidc", "universal", "aws"} }

// method is the login that was chosen, or the one that fits what is given.
func (o *InfisicalOptions) method() string {
	switch {
	case o.Method != "":
		return o.Method
	case o.ClientID != "":
		return "universal"
	}
	return "oidc"
}

func (s *Session) login(ctx context.Context, oidc OIDCToken) (infisical.Login, error) {
	options := s.options.Infisical
	method := options.method()
	if method == "universal" {
		secret, err := s.clientSecret(ctx)
		if err != nil {
			return nil, err
		}
		if options.ClientID == "" || secret.IsZero() {
			return nil, fmt.Errorf("no credentials: set infisical_client_id (LINKERSYNC_INFISICAL_CLIENT_ID) and %s, or choose another infisical_method", ClientSecretVariable)
		}
		return infisical.UniversalAuth{ClientID: options.ClientID, ClientSecret: secret}, nil
	}
	if options.IdentityID == "" {
		return nil, fmt.Errorf("no identity: set infisical_identity_id (--infisical-identity-id, LINKERSYNC_INFISICAL_IDENTITY_ID) for %s, or infisical_client_id for universal", method)
	}
	if method == "aws" {
		config, err := s.AWS(ctx)
		if err != nil {
			return nil, err
		}
		return infisical.AWSAuth{IdentityID: options.IdentityID, Region: config.Region, Credentials: config.Credentials}, nil
	}
	if oidc == nil {
		oidc = s.oidcFromEnvironment
	}
	return infisical.OIDCAuth{IdentityID: options.IdentityID, Token: oidc}, nil
}

// clientSecret reads the variable; a reference in it is followed.
func (s *Session) clientSecret(ctx context.Context) (redact.Secret, error) {
	value := s.getenv(ClientSecretVariable)
	if reference, err := manifest.ParseReference(value); err == nil && reference.Scheme == manifest.SchemeAWSSecret {
		return s.Resolve(ctx, reference)
	}
	if input.Trim(value) == "" {
		return redact.Secret{}, nil
	}
	secret, err := input.Token(redact.New(value))
	if err != nil {
		return secret, fmt.Errorf("%s: %w", ClientSecretVariable, err)
	}
	return secret, nil
}

func (s *Session) oidcFromEnvironment(context.Context) (redact.Secret, error) {
	for _, name := range []string{OIDCTokenVariable, platform.StepTokenVariable} {
		if token := s.getenv(name); token != "" {
			return redact.New(token), nil
		}
	}
	return redact.Secret{}, fmt.Errorf("no OIDC token: set \"oidc: true\" on the Bitbucket step, or %s", OIDCTokenVariable)
}

// WithInfisical calls work with a client, and ends its login. oidc may be nil, see
// Infisical.
func (s *Session) WithInfisical(ctx context.Context, oidc OIDCToken, log *slog.Logger, work func(*infisical.Client) error) error {
	client, err := s.Infisical(ctx, oidc)
	if err != nil {
		return err
	}
	// The login ends by itself in time; that it could not be ended now is worth a
	// word, and no reason to call what was done a failure.
	defer func() {
		if err := client.Revoke(ctx); err != nil {
			log.WarnContext(ctx, "infisical login not revoked, it ends by itself", slog.String("error", err.Error()))
		}
	}()
	return withAuthority(work(client))
}

// withAuthority adds the option to the error about an unknown certificate authority.
func withAuthority(err error) error {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return fmt.Errorf("%w: set infisical_ca_file (--infisical-ca-file, LINKERSYNC_INFISICAL_CA_FILE) to a PEM file", err)
	}
	return err
}

// account calls Bitbucket with an API token.
func (s *Session) account(email string, token redact.Secret) bitbucket.Account {
	return bitbucket.Account{HTTP: &http.Client{Transport: s.transport}, BaseURL: s.options.BitbucketURL, Email: email, Token: token}
}

func (s *Session) countVariables(ctx context.Context, email string, token redact.Secret, sync manifest.Sync) (int, error) {
	return s.account(email, token).CountVariables(ctx, sync.Workspace, sync.Repository, sync.DeploymentEnvironment)
}

// CheckScopes asks Bitbucket which scopes an API token has of those that its uses need.
func (s *Session) CheckScopes(ctx context.Context, email string, token redact.Secret, uses []string) ([]bitbucket.Scope, error) {
	return s.account(email, token).CheckScopes(ctx, uses)
}

// CheckToken asks Bitbucket whether an API token works for the account.
func (s *Session) CheckToken(ctx context.Context, email string, token redact.Secret) error {
	return s.account(email, token).CheckToken(ctx)
}
