package reconcile_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// fakeInfisical keeps connections by Infisical's rules: a name is unique in its
// scope across all apps, credentials are tried before anything else, an update
// leaves out what it doesn't name. It has no expectations.
type fakeInfisical struct {
	t  *testing.T
	mu sync.Mutex
	// tokens that Bitbucket takes; nil takes every one.
	tokens []string
	// orgDenied: the identity may read projects' lists only.
	orgDenied bool
	// dropsDescription is an old server's habit.
	dropsDescription bool
	// dropsProject is an older one's, which keeps everything for the organization.
	dropsProject bool
	// otherEmail is stored instead of the one that was sent.
	otherEmail string
	// hidden is a project whose rows the organization's list leaves out.
	hidden string
	inUse  bool
	fault  func(n int, op string) *broken
	before func(n int, op string)

	rows  []stored
	calls []string
}

// stored is a row with what Infisical never returns.
type stored struct {
	infisical.Connection
	token string
}

func (f *fakeInfisical) begin(ctx context.Context, op string) (bool, error) {
	f.calls = append(f.calls, op)
	if f.before != nil {
		f.before(len(f.calls), op)
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if f.fault != nil {
		if failure := f.fault(len(f.calls), op); failure != nil {
			return failure.applied, failure.err
		}
	}
	return true, nil
}

func (f *fakeInfisical) insert(row infisical.Connection, token string) {
	row.ID = fmt.Sprintf("00000000-0000-0000-0000-%012d", len(f.rows)+1)
	if row.App == "" {
		row.App = "bitbucket"
	}
	f.rows = append(f.rows, stored{row, token})
}

func (f *fakeInfisical) at(match func(stored) bool) (int, error) {
	i := slices.IndexFunc(f.rows, match)
	if i < 0 {
		return 0, fmt.Errorf("get: %w", infisical.ErrNotFound)
	}
	if f.rows[i].App != "bitbucket" {
		return 0, fmt.Errorf("get: %w", infisical.ErrWrongApp)
	}
	return i, nil
}

func (f *fakeInfisical) Connections(ctx context.Context, projectID string) ([]infisical.Connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if effect, err := f.begin(ctx, "list "+projectID); !effect || err != nil {
		return nil, err
	}
	if projectID == "" && f.orgDenied {
		return nil, fmt.Errorf("list: %w", infisical.ErrPermission)
	}
	var listed []infisical.Connection
	for _, row := range f.rows {
		inList := projectID == "" && (f.hidden == "" || row.ProjectID != f.hidden)
		if row.App == "bitbucket" && (inList || row.ProjectID == projectID) {
			listed = append(listed, row.Connection)
		}
	}
	return listed, nil
}

func (f *fakeInfisical) ConnectionByName(ctx context.Context, name, projectID string) (infisical.Connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if effect, err := f.begin(ctx, "get "+name); !effect || err != nil {
		return infisical.Connection{}, err
	}
	i, err := f.at(func(row stored) bool { return row.Name == name && row.ProjectID == projectID })
	if err != nil {
		return infisical.Connection{}, err
	}
	return f.rows[i].Connection, nil
}

// keep stores a description and credentials by the server's rules.
func (f *fakeInfisical) keep(row *stored, description *string, credentials *infisical.Credentials) error {
	if credentials != nil {
		token := credentials.APIToken.Reveal()
		if f.tokens != nil && !slices.Contains(f.tokens, token) {
			return &infisical.APIError{Status: 400, Message: "Failed to validate credentials"}
		}
		row.Email, row.token = cmp.Or(f.otherEmail, credentials.Email), token
	}
	if description != nil && !f.dropsDescription {
		if length := len(utf16.Encode([]rune(*description))); length > 255 {
			f.t.Errorf("a description of %d units was sent", length)
		}
		row.Description = strings.Trim(*description, "\t\n\v\f\r \u00a0\ufeff\u2028\u2029") // as JavaScript trims
	}
	return nil
}

func (f *fakeInfisical) Create(ctx context.Context, n infisical.NewConnection) (infisical.Connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	effect, failure := f.begin(ctx, "create "+n.Name)
	if !effect {
		return infisical.Connection{}, failure
	}
	if err := infisical.ValidateConnection(n); err != nil {
		f.t.Errorf("invalid input was sent: %v", err)
	}
	if f.dropsProject {
		n.ProjectID = ""
	}
	row := stored{Connection: infisical.Connection{Name: n.Name, ProjectID: n.ProjectID}}
	if err := f.keep(&row, &n.Description, &n.Credentials); err != nil {
		return infisical.Connection{}, cmpErr(failure, err)
	}
	if slices.ContainsFunc(f.rows, func(r stored) bool { return r.Name == n.Name && r.ProjectID == n.ProjectID }) {
		return infisical.Connection{}, cmpErr(failure, &infisical.NameTakenError{Name: n.Name, Err: infisical.ErrNameTaken})
	}
	f.insert(row.Connection, row.token)
	return f.rows[len(f.rows)-1].Connection, failure
}

func (f *fakeInfisical) Update(ctx context.Context, id string, change infisical.ConnectionChange) (infisical.Connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	effect, failure := f.begin(ctx, "update "+id[len(id)-1:])
	if !effect {
		return infisical.Connection{}, failure
	}
	i, err := f.at(func(row stored) bool { return row.ID == id })
	if err != nil {
		return infisical.Connection{}, cmpErr(failure, err)
	}
	row := f.rows[i]
	if err := f.keep(&row, change.Description, change.Credentials); err != nil {
		return infisical.Connection{}, cmpErr(failure, err)
	}
	f.rows[i] = row
	return row.Connection, failure
}

func (f *fakeInfisical) Delete(ctx context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	effect, failure := f.begin(ctx, "delete "+id[len(id)-1:])
	if !effect {
		return failure
	}
	i, err := f.at(func(row stored) bool { return row.ID == id })
	if err != nil {
		return cmpErr(failure, err)
	}
	if f.inUse {
		return fmt.Errorf("delete: %w", infisical.ErrInUse)
	}
	f.rows = slices.Delete(f.rows, i, i+1)
	return failure
}

var (
	_             reconcile.Connections = (*infisical.Client)(nil)
	_             reconcile.Connections = (*fakeInfisical)(nil)
	errLostAnswer                       = errors.New("unexpected EOF")
)
