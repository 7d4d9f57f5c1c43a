package bitbucket

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

const addonPath = "/2.0/addon"

// UpdateAddon makes Bitbucket read the installation's descriptor again, from the
// URL it has.
//
// Scopes must not grow nor shrink to none: ErrInvalid. Errors are *APIError.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-put
func (c *Client) UpdateAddon(ctx context.Context) error {
	return c.updateAddon(ctx, struct{}{})
}

// UpdateAddonDescriptor gives the installation a new descriptor. It is for apps
// that aren't registered in the marketplace. Rules and errors are UpdateAddon's.
func (c *Client) UpdateAddonDescriptor(ctx context.Context, descriptor json.RawMessage) error {
	if !json.Valid(descriptor) {
		return fmt.Errorf("update addon: the descriptor isn't JSON: %w", ErrInvalid)
	}
	return c.updateAddon(ctx, map[string]json.RawMessage{"descriptor": descriptor})
}

// UpdateAddonDescriptorURL makes the installation read its descriptor from another
// URL, which must match the app's registration. Rules and errors are UpdateAddon's.
func (c *Client) UpdateAddonDescriptorURL(ctx context.Context, descriptorURL string) error {
	if descriptorURL == "" {
		return fmt.Errorf("update addon: the descriptor's URL is empty: %w", ErrInvalid)
	}
	return c.updateAddon(ctx, map[string]string{"descriptor_url": descriptorURL})
}

func (c *Client) updateAddon(ctx context.Context, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("update addon: %w", err)
	}
	u, err := c.endpoint(addonPath, "")
	if err != nil {
		return err
	}
	_, err = c.call(ctx, request{method: http.MethodPut, url: u, contentType: contentJSON, body: encoded})
	return err
}

// DeleteAddon uninstalls the app from the installation's workspace. Nothing can be
// called for it afterwards. Errors are *APIError.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-delete
func (c *Client) DeleteAddon(ctx context.Context) error {
	u, err := c.endpoint(addonPath, "")
	if err != nil {
		return err
	}
	_, err = c.call(ctx, request{method: http.MethodDelete, url: u})
	return err
}
