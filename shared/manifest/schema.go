package manifest

import _ "embed"

//go:embed linkersync.schema.json
var schema string

// Schema returns the published JSON Schema (draft 2020-12) of a manifest. It
// can't express everything that [Parse] checks, such as unique linker keys.
func Schema() string { return schema }
