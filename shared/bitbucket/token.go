package bitbucket

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

// Account is an Atlassian account that calls Bitbucket with an API token.
type Account struct {
	// HTTP sends the requests; nil means a client with the defaults of package transport.
	HTTP *http.Client
	// BaseURL is the API's; empty means DefaultBaseURL.
	BaseURL string
	Email   string
	Token   redact.Secret
}

// CheckToken asks Bitbucket whether the API token works for the Atlassian account with
// this email. ErrUnauthorized: email or token is wrong, or the token has
// expired. ErrMissingScope: it is right and lacks read:user:bitbucket.
// ErrUnavailable: Bitbucket gave no verdict.
// Source: https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/
func (a Account) CheckToken(ctx context.Context) error {
	body, r, err := a.get(ctx, "/2.0/user", "")
	if err != nil {
		return fmt.Errorf("check API token: %w", err)
	}
	if err := isAccount(r, body); err != nil {
		return fmt.Errorf("check API token: %w: %w", ErrUnavailable, err)
	}
	return nil
}

func (a Account) get(ctx context.Context, escapedPath, query string) ([]byte, request, error) {
	if a.Email == "" || a.Token.IsZero() {
		return nil, request{}, fmt.Errorf("email and token are needed: %w", ErrInvalid)
	}
	u, err := resolve(a.BaseURL, DefaultBaseURL, escapedPath, query)
	if err != nil {
		return nil, request{}, err
	}
	if a.HTTP == nil {
		base := transport.Base()
		defer base.CloseIdleConnections() // this call made them
		a.HTTP = &http.Client{Transport: transport.New(transport.Options{Next: base})}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, request{}, err
	}
	req.SetBasicAuth(a.Email, a.Token.Reveal())
	encoded := base64.StdEncoding.EncodeToString([]byte(a.Email + ":" + a.Token.Reveal()))
	body, err := send(a.HTTP, req, nil, a.Token.Reveal(), encoded)
	return body, request{method: req.Method, url: u}, err
}

// isAccount refuses what proves nothing: a proxy's login page is a 200, too, and
// so is an error of Bitbucket's behind a gateway that forgets the status.
func isAccount(r request, body []byte) error {
	var account map[string]json.RawMessage
	if err := decode(r, body, &account); err != nil {
		return err
	}
	if _, failed := account["error"]; failed || account == nil {
		return unknownShape(r, "not an account")
	}
	return nil
}
