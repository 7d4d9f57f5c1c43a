package infisical

import "context"

// nameTaken looks for the connection that has the name: Infisical doesn't say,
// and it may be another app's. It is a read on the way to an error, whose own
// failure only leaves the holder unnamed.
func (c *Client) nameTaken(ctx context.Context, name, projectID string, cause error) error {
	taken := &NameTakenError{Name: name, Err: cause}
	all, err := c.list(ctx, appConnections(), projectID)
	if err != nil {
		return taken
	}
	for _, one := range all {
		// Without a project the list holds those of all projects, too. An ID and an
		// app that don't look like one aren't worth showing.
		if one.Name == name && one.ProjectID == projectID && checkID(one.ID) == "" && checkSlug(one.App) == "" {
			taken.HolderID, taken.HolderApp = one.ID, one.App
		}
	}
	return taken
}

// renameTaken finds out first which project the connection is in.
func (c *Client) renameTaken(ctx context.Context, id, name string, cause error) error {
	renamed, err := c.Connection(ctx, id)
	if err != nil {
		return &NameTakenError{Name: name, Err: cause}
	}
	return c.nameTaken(ctx, name, renamed.ProjectID, cause)
}
