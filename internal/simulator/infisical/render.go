package infisical

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// answer is a connection in the envelope of a single one.
func answer(c *Connection) any { return map[string]any{"appConnection": c.render()} }

// render never tells the token.
func (c *Connection) render() map[string]any {
	const format = "2006-01-02T15:04:05.000Z"
	visible := map[string]any{}
	if c.App == bitbucketApp {
		visible["email"] = c.Email
	}
	return map[string]any{
		"id": c.ID, "name": c.Name, "description": c.Description, "version": 1, "orgId": c.OrgID,
		"createdAt": c.CreatedAt.UTC().Format(format), "updatedAt": c.UpdatedAt.UTC().Format(format),
		"isPlatformManagedCredentials": false, "gatewayId": nil, "projectId": orNull(c.ProjectID),
		"isAutoRotationEnabled": false, "gatewayPoolId": nil, "credentialsHash": c.CredentialsHash,
		"app": c.App, "method": c.Method, "credentials": visible,
	}
}

func (s *Server) renderProject(id string) any {
	project := s.projects[id]
	if project == nil {
		return nil
	}
	return map[string]string{"id": project.ID, "name": project.Name, "type": project.Type, "slug": project.Slug}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// newCredentialsHash stands for the hash of the encrypted credentials, which is
// another one each time.
func newCredentialsHash(email, token string) string {
	digest := sha256.Sum256([]byte(rand.Text() + email + token))
	return hex.EncodeToString(digest[:])
}
