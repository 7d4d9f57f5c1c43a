package connect

// ClientKeyWorkspace takes a client key of the form
// ari:cloud:bitbucket::app/{uuid}/<app key> apart. The uuid, of a workspace or a
// personal account, keeps its braces.
func ClientKeyWorkspace(clientKey string) (uuid, appKey string, ok bool) { return "", "", false }
