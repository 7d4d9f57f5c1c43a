package infisical

import (
	"cmp"
	"net/http"
)

// loggedIn ends a login: it resolves the organisation and issues the token. The
// caller holds the lock.
func (s *Server) loggedIn(identity *Identity, slug string) (any, *refusal) {
	orgID, no := s.scope(identity, slug)
	if no != nil {
		return nil, no
	}
	row := &tokenRow{
		id: newUUID(), identityID: identity.ID, orgID: orgID,
		expires: s.now().Add(cmp.Or(identity.TokenTTL, defaultTTL)),
	}
	s.tokens[row.id] = row
	return s.tokenAnswer(row), nil
}

// scope is the organisation that a slug selects for an identity: its own, or a
// sub-organisation that it is a member of. An identity of a sub-organisation has no choice.
func (s *Server) scope(identity *Identity, slug string) (string, *refusal) {
	own := s.organizations[identity.OrgID]
	if slug == "" || own.Slug == slug || own.ParentID != "" {
		return own.ID, nil
	}
	for _, org := range s.organizations {
		if org.ParentID != own.ID || org.Slug != slug {
			continue
		}
		for _, member := range identity.SubOrganizations {
			if member == org.ID {
				return org.ID, nil
			}
		}
		return "", unauthorized("Identity not authorized to access sub organization %s", slug)
	}
	return "", notFound("Sub organization with slug %s not found", slug)
}

// actor is who calls: an identity, for one organisation.
type actor struct {
	identity *Identity
	orgID    string
}

// authenticate reads the Authorization header of any call; nil without one.
func (s *Server) authenticate(r *http.Request) (*actor, *refusal) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, nil
	}
	// Whatever the scheme is, the server cuts off as much as "Bearer " is long.
	row, no := s.verify(header[min(len("Bearer "), len(header)):])
	if no != nil {
		return nil, no
	}
	slug := r.Header.Get("x-infisical-org")
	if slug != "" && !slugPattern.MatchString(slug) {
		return nil, invalid([]issue{{
			Code: "custom", Message: "Slug field can only contain lowercase letters, numbers, and hyphens", Path: []string{},
		}})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	identity := s.identities[row.identityID]
	if identity == nil {
		return nil, unauthorized("No identity access token found")
	}
	orgID := row.orgID
	if slug != "" {
		if orgID, no = s.scope(identity, slug); no != nil {
			return nil, no
		}
	}
	return &actor{identity: identity, orgID: orgID}, nil
}
