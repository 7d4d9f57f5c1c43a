package reconcile

import (
	"errors"
	"fmt"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

// checkConnections reports every problem at once, and tidies the descriptions.
func checkConnections(desired []DesiredConnection) error {
	var problems []error
	seen := map[place]bool{}
	for i := range desired {
		d := &desired[i]
		d.Description = tidy(d.Description)
		if err := checkConnection(*d); err != nil {
			problems = append(problems, fmt.Errorf("connection %s: %w", placeOf(*d), err))
		}
		if seen[placeOf(*d)] {
			problems = append(problems, fmt.Errorf("connection %s: %w: it is there twice", placeOf(*d), infisical.ErrInvalid))
		}
		seen[placeOf(*d)] = true
	}
	return errors.Join(problems...)
}

func checkConnection(d DesiredConnection) error {
	if length := units(d.Description); length > maxText(d.Owner) {
		return fmt.Errorf("%w: its description has %d characters, and %d are left beside linkersync's mark", infisical.ErrInvalid, length, maxText(d.Owner))
	}
	if _, _, ours := unmarked(d.Description); ours {
		return fmt.Errorf("%w: its description holds linkersync's mark, which is added by itself", infisical.ErrInvalid)
	}
	token := d.Token
	if token.IsZero() { // allowed in a plan
		token = redact.New(redact.Placeholder)
	}
	return infisical.ValidateConnection(infisical.NewConnection{
		Name: d.Name, ProjectID: d.ProjectID, Description: d.Description,
		Credentials: infisical.Credentials{Email: d.Email, APIToken: token},
	})
}
