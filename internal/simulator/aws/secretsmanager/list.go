package secretsmanager

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

const maxPage = 100

// filter selects secrets; all filters must match, by any of their values.
type filter struct {
	Key    string
	Values []string
}

// validate refuses what AWS refuses, and the keys that linkersync doesn't use.
func (f filter) validate() error {
	switch f.Key {
	case "name", "tag-key":
	case "all", "description", "tag-value", "primary-region", "owning-service":
		return wire.Missing("filter", f.Key)
	default:
		return wire.Refuse(validation, "1 validation error detected: Value %q at 'filters.key' failed to satisfy constraint", f.Key)
	}
	if len(f.Values) == 0 || len(f.Values) > 10 {
		return wire.Refuse(invalidParameter, "A filter must have between 1 and 10 values.")
	}
	for _, value := range f.Values {
		if err := lengthOf("filters.values", value, 1, 512); err != nil {
			return err
		}
		if strings.HasPrefix(value, "!") {
			return wire.Missing("negated filter", value)
		}
	}
	return nil
}

// matches compares by prefix and minds the case.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html
func (f filter) matches(s *secret) bool {
	return slices.ContainsFunc(f.Values, func(value string) bool {
		return f.Key == "name" && strings.HasPrefix(s.name, value) || f.Key == "tag-key" && s.hasTag(value)
	})
}

func (s *secret) hasTag(prefix string) bool {
	for key := range s.tags {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// query is a paged walk over the secrets in order of creation.
type query struct {
	filters  []filter
	withGone bool
	max      *int
	token    string
}

// page returns the next secrets and the token for those after them. The token
// names a position, so secrets that come and go between pages don't shift it.
func (s *Service) page(q query) ([]*secret, string, error) {
	size := maxPage
	if q.max != nil {
		size = *q.max
	}
	if size < 1 || size > maxPage {
		return nil, "", wire.Refuse(validation, "1 validation error detected: 'maxResults' must be between 1 and %d", maxPage)
	}
	if len(q.filters) > 10 {
		return nil, "", wire.Refuse(validation, "1 validation error detected: 'filters' must have at most 10 members")
	}
	for _, filter := range q.filters {
		if err := filter.validate(); err != nil {
			return nil, "", err
		}
	}
	s.expire()
	after, err := q.position()
	if err != nil {
		return nil, "", err
	}
	var page []*secret
	for _, next := range s.from(after) {
		if !next.deleted.IsZero() && !q.withGone || !matchesAll(q.filters, next) {
			continue
		}
		if len(page) == size {
			return page, q.tokenAt(page[size-1].number), nil
		}
		page = append(page, next)
	}
	return page, "", nil
}

func matchesAll(filters []filter, s *secret) bool {
	return !slices.ContainsFunc(filters, func(f filter) bool { return !f.matches(s) })
}

// from returns the secrets that come after the one with that number.
func (s *Service) from(after int) []*secret {
	start, found := slices.BinarySearchFunc(s.ordered, after, func(secret *secret, number int) int { return secret.number - number })
	if found {
		start++
	}
	return s.ordered[start:]
}

// tokenAt encodes a position together with the query, since AWS refuses a token
// that comes from another query.
func (q query) tokenAt(number int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d %q %v", number, q.filters, q.withGone))
}

func (q query) position() (int, error) {
	if q.token == "" {
		return 0, nil
	}
	var number int
	raw, err := base64.StdEncoding.DecodeString(q.token)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "%d ", &number)
	}
	if err != nil || q.tokenAt(number) != q.token {
		return 0, wire.Refuse("InvalidNextTokenException", "The NextToken value is invalid.")
	}
	return number, nil
}

type listInput struct {
	Filters                []filter
	IncludePlannedDeletion bool
	MaxResults             *int
	NextToken              string
}

type listOutput struct {
	SecretList []description `json:"SecretList"`
	NextToken  string        `json:"NextToken,omitempty"`
}

func (s *Service) listSecrets(_ context.Context, in listInput) (*listOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	page, next, err := s.page(query{filters: in.Filters, withGone: in.IncludePlannedDeletion, max: in.MaxResults, token: in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &listOutput{SecretList: make([]description, len(page)), NextToken: next}
	for i, secret := range page {
		out.SecretList[i] = describe(secret)
		out.SecretList[i].SecretVersionsToStages = secret.labelled()
	}
	return out, nil
}
