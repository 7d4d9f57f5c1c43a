package bitbucket_test

import (
	"testing"

	"github.com/linkersync/linkersync/shared/bitbucket"
)

func TestOnlyBitbucketsOwnWordsAnnounceARemoval(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer bitbucket.APIError
		want   bool
	}{
		"gone":                          {bitbucket.APIError{Status: 410}, true},
		"the announcement":              {bitbucket.APIError{Status: 404, Message: "CHANGE-2770 - Functionality has been deprecated"}, true},
		"no such route":                 {bitbucket.APIError{Status: 404, Message: "Resource not found: There is no API hosted at this URL."}, true},
		"a workspace that was removed":  {bitbucket.APIError{Status: 404, Message: "This workspace has been removed"}, false},
		"a linker with such a name":     {bitbucket.APIError{Status: 404, Message: "deprecated-things does not exist"}, false},
		"the list of linkers, no words": {bitbucket.APIError{Status: 404, Path: "/2.0/addon/linkers"}, false},
		"another call found it removed": {bitbucket.APIError{Status: 404, Removed: true}, false},
		"the words with another status": {bitbucket.APIError{Status: 403, Message: "CHANGE-2770"}, false},
	} {
		if got := test.answer.Announced(); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
