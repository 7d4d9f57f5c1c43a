package manifest_test

import (
	"fmt"

	"github.com/linkersync/linkersync/shared/manifest"
)

func ExampleParse() {
	text := `version: 1
linkers:
  - key: issues
    values: [WEB, not a value]
    prun: true
`
	_, err := manifest.Parse("linkersync.yaml", []byte(text), nil)
	fmt.Println(err)
	// Output:
	// linkersync.yaml:4:19: this value has the character ' '; only letters (A-Z, a-z), digits, _ and - are allowed
	// linkersync.yaml:5:5: key "prun" is not known; did you mean "prune"?
}
