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

// CheckToken asks Bitbucket whether an API token works for the Atlassian account
// with this email. ErrUnauthorized: email or token is wrong, or the token has
// expired. ErrMissingScope: it is right and lacks read:user:bitbucket.
// ErrUnavailable: Bitbucket gave no verdict. An empty baseURL means DefaultBaseURL; a nil
// httpClient means one with the defaults of package transport.
// Source: https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/
func CheckToken(ctx context.Context, httpClient *http.Client, baseURL, email string, token redact.Secret) error {
	if email == "" || token.IsZero() {
		return fmt.Errorf("check API token: email and token are needed: %w", ErrInvalid)
	}
	u, err := resolve(baseURL, DefaultBaseURL, "/2.0/user", "")
	if err != nil {
		return fmt.Errorf("check API token: %w", err)
	}
	if httpClient == nil {
		base := transport.Base()
		defer base.CloseIdleConnections() // this call made them
		httpClient = &http.Client{Transport: transport.New(transport.Options{Next: base})}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("check API token: %w", err)
	}
	req.SetBasicAuth(email, token.Reveal())
	encoded := base64.StdEncoding.EncodeToString([]byte(email + ":" + token.Reveal()))
	body, err := send(httpClient, req, nil, token.Reveal(), encoded)
	if err != nil {
		return fmt.Errorf("check API token: %w", err)
	}
	if err := isAccount(request{method: req.Method, url: u}, body); err != nil {
		return fmt.Errorf("check API token: %w: %w", ErrUnavailable, err)
	}
	return nil
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
