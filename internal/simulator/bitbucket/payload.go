package bitbucket

import (
	"encoding/json"
	"net/url"
)

// The fields of a lifecycle payload, in the order and with the gaps of recorded
// ones: an uninstall has neither actor nor secret, and a personal account's install
// has no secret either.
type lifecyclePayload struct {
	ProductType  string         `json:"productType"`
	Principal    accountPayload `json:"principal"`
	EventType    string         `json:"eventType"`
	BaseURL      string         `json:"baseUrl"`
	PublicKey    string         `json:"publicKey"`
	User         accountPayload `json:"user"`
	Key          string         `json:"key"`
	BaseAPIURL   string         `json:"baseApiUrl"`
	ClientKey    string         `json:"clientKey"`
	Actor        *actorPayload  `json:"actor,omitempty"`
	SharedSecret string         `json:"sharedSecret,omitempty"`
}

type accountPayload struct {
	DisplayName string         `json:"display_name"`
	UUID        string         `json:"uuid"`
	Links       map[string]any `json:"links"`
	IsActive    bool           `json:"is_active"`
	CreatedOn   string         `json:"created_on"`
	Type        string         `json:"type"`
	*teamPayload
	*userPayload
}

type teamPayload struct {
	Username   string   `json:"username"`
	Properties struct{} `json:"properties"`
	Has2FA     *bool    `json:"has_2fa_enabled"`
}

type userPayload struct {
	AccountID  string  `json:"account_id"`
	Department *string `json:"department"`
	ZoneInfo   *string `json:"zoneinfo"`
	IsStaff    bool    `json:"is_staff"`
}

type actorPayload struct {
	Type      string `json:"type"`
	UUID      string `json:"uuid"`
	AccountID string `json:"account_id"`
}

func payload(in *installation, event string) []byte {
	account := account(in.principal)
	p := lifecyclePayload{
		ProductType: "bitbucket", Principal: account, EventType: event, BaseURL: "https://bitbucket.org",
		PublicKey: "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ-not-a-real-key",
		User:      account, Key: in.app.Key, BaseAPIURL: "https://api.bitbucket.org", ClientKey: in.clientKey,
	}
	if event == "installed" {
		p.Actor = &actorPayload{
			Type: "user", UUID: "66666666-7777-4888-8999-aaaaaaaaaaaa", AccountID: "000000000000000000000001",
		}
		if in.principal.Type != "user" {
			p.SharedSecret = in.offered
		}
	}
	encoded, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings always encode
	}
	return encoded
}

func account(principal Principal) accountPayload {
	escaped := url.PathEscape(principal.UUID)
	collection, avatar := "teams", principal.Username
	if principal.Type == "user" {
		collection, avatar = "users", principal.DisplayName
	}
	link := func(href string) map[string]string { return map[string]string{"href": href} }
	a := accountPayload{
		DisplayName: principal.DisplayName, UUID: principal.UUID, Type: principal.Type,
		IsActive: true, CreatedOn: "2024-03-01T09:30:00.000000+00:00",
		Links: map[string]any{
			"self":   link("https://api.bitbucket.org/2.0/" + collection + "/" + escaped),
			"html":   link("https://bitbucket.org/" + escaped + "/"),
			"avatar": link("https://bitbucket.org/account/" + avatar + "/avatar/"),
		},
	}
	if principal.Type == "user" {
		a.userPayload = &userPayload{AccountID: principal.AccountID}
	} else {
		a.teamPayload = &teamPayload{Username: principal.Username}
	}
	return a
}
