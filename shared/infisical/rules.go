package infisical

import (
	"net/http"
	"strings"
)

// rule is a row of the table that gives Infisical's answers their meaning. The
// status alone doesn't: 400 stands for a wrong token and for Bitbucket's outage,
// 403 for an expired login and for a missing permission. The first row whose
// status, code and texts all match is taken; codes and texts are compared without
// regard to case.
// Source: the server's error handler, backend/src/server/plugins/error-handler.ts
type rule struct {
	status int
	code   string
	texts  []string
	kinds  []error
	advice string
}

const (
	adviceToken    = "Bitbucket refused the email and token: is the token right, still valid, and of this account?"
	adviceScope    = "Bitbucket knows the token but won't take it: it needs the scope read:user:bitbucket"
	adviceOutage   = "Bitbucket could not be asked, so nothing is known about the token: try again later"
	adviceProject  = "use the project's ID from its settings, not its name or slug, and an identity that is a member of it"
	adviceUpgrade  = "this server has no Bitbucket connections, upgrade it; or the base URL isn't Infisical's"
	adviceFolder   = "create the folder in Infisical first, or correct environment and secret path"
	adviceSyncName = "choose another name: all syncs of a project share their names"
	adviceLater    = "try again later; the server's log has more"
	adviceLimit    = "wait a minute, and make fewer calls at a time"
	adviceFresh    = "a new login didn't help: does the identity limit a token's life, uses or addresses, or is a clock wrong?"
	adviceRole     = "give the identity a role that allows it"
	adviceElsewise = "does the base URL lead to Infisical, or does a proxy answer?"
	adviceSecret   = "check the client ID and secret, and that the base URL is the one where the identity lives (US, EU or your own)"
	adviceLocked   = "wrong secrets have locked this client, for 5 minutes by default: correct the secret, wait, then try once"
	adviceNewUA    = "create a new client secret"
	adviceBound    = "compare the identity's OIDC auth with what the token has"
)

// apiRules are for everything but logins.
func apiRules() []rule {
	const check = "failed to validate credentials"
	return []rule{
		{400, "", []string{"an app connection with the name", "already exists"}, []error{ErrNameTaken}, ""},
		{400, "", []string{check, "status code 401"}, []error{ErrBadCredentials}, adviceToken},
		{400, "", []string{check, "status code 403"}, []error{ErrBadCredentials}, adviceScope},
		{400, "", []string{check}, []error{ErrBitbucketUnavailable}, adviceOutage},
		{400, "", []string{"unable to validate connection"}, []error{ErrBadCredentials}, adviceToken},
		{400, "", []string{"could not find project"}, []error{ErrUnknownProject}, adviceProject},
		{400, "", []string{"cannot delete app connection with existing connections"}, []error{ErrInUse}, "remove the secret syncs and data sources that use it first"},
		{400, "", []string{"is not for app"}, []error{ErrWrongApp}, ""},
		{400, "", []string{"a secret sync with the name", "already exists"}, []error{ErrNameTaken}, adviceSyncName},
		{400, "", []string{"could not find folder with path"}, []error{ErrUnknownFolder}, adviceFolder},
		{400, "", []string{"you cannot connect project app connection"}, []error{ErrInvalid}, "use a connection of the sync's project or of the organization"},
		{400, "", []string{"cannot be used to connect to bitbucket"}, []error{ErrWrongApp}, ""},
		{400, "", []string{"is not configured for bitbucket"}, []error{ErrWrongApp}, adviceSyncName},
		{400, "", []string{"a secret sync with this destination already exists"}, []error{ErrDuplicateTarget}, "the organization allows one sync for each target: delete the other one first"},
		{400, "", []string{"plan limit reached"}, []error{ErrPlan}, ""},
		{400, "", []string{"project version does not support secret syncs"}, []error{ErrProjectType}, "upgrade the project in Infisical"},
		{400, "", []string{"a job for this sync is already in progress"}, []error{ErrBusy}, ""},
		{400, "", []string{"invalid source configuration"}, []error{ErrInvalid}, "point the sync at a folder that exists"},
		{400, "", []string{"the project is of type", "are not allowed"}, []error{ErrProjectType}, ""},
		{400, "", []string{"plan restriction"}, []error{ErrPlan}, ""},
		{400, "", nil, []error{ErrInvalid}, ""},
		{401, "", []string{"no identity access token found"}, []error{ErrTokenExpired}, adviceFresh},
		{401, "", nil, []error{ErrUnauthorized}, adviceFresh},
		{403, "TokenError", []string{"expired"}, []error{ErrTokenExpired}, adviceFresh},
		{403, "TokenError", nil, []error{ErrUnauthorized}, adviceFresh},
		{403, "", []string{"permission to read secrets at path"}, []error{ErrPermission}, "let the identity read the secrets of that folder, too"},
		{403, "PermissionDenied", nil, []error{ErrPermission}, adviceRole},
		{403, "Forbidden access to", nil, []error{ErrPermission}, "Infisical lets only people do this, no machine identities"},
		{403, "", nil, []error{ErrPermission}, ""},
		{404, "NotFound", []string{"could not find app connection"}, []error{ErrNotFound}, ""},
		{404, "NotFound", []string{"could not find bitbucket sync"}, []error{ErrNotFound}, ""},
		{404, "NotFound", []string{"could not find bitbucket data source"}, []error{ErrNotFound}, ""},
		{404, "NotFound", []string{"project"}, []error{ErrUnknownProject}, adviceProject},
		{404, "NotFound", nil, []error{ErrNotFound}, ""},
		{404, "Not Found", []string{"route"}, []error{ErrUnsupported}, adviceUpgrade},
		{422, "", nil, []error{ErrInvalid}, ""},
	}
}

// loginRules are for logins, where nearly everything is a refusal.
func loginRules() []rule {
	return []rule{
		{400, "", nil, []error{ErrLoginRefused, ErrInvalid}, ""},
		{401, "", []string{"temporarily locked"}, []error{ErrLoginRefused, ErrLockedOut}, adviceLocked},
		{401, "", []string{"invalid credentials"}, []error{ErrLoginRefused}, adviceSecret},
		{401, "", []string{"client secret"}, []error{ErrLoginRefused}, adviceNewUA},
		{401, "", []string{"audience not allowed"}, []error{ErrLoginRefused, ErrAudienceRefused}, adviceBound},
		{401, "", nil, []error{ErrLoginRefused}, ""},
		{403, "", []string{"oidc subject not allowed"}, []error{ErrLoginRefused, ErrSubjectRefused}, adviceBound},
		{403, "", nil, []error{ErrLoginRefused}, ""},
		{404, "NotFound", nil, []error{ErrLoginRefused}, ""},
		{404, "Not Found", []string{"route"}, []error{ErrUnsupported}, adviceUpgrade},
		{422, "", nil, []error{ErrLoginRefused, ErrInvalid}, ""},
		// The lock is held while a wrong secret is counted, so this answer means a refused login, too.
		{429, "", []string{"failed to acquire lock"}, []error{ErrLoginRefused, ErrRateLimited}, adviceSecret},
	}
}

// judge finds an answer's row. One without Infisical's envelope is judged by its
// status only, so that a proxy's 404 isn't taken for a missing connection.
func judge(status int, code, message string, enveloped, login bool) rule {
	var rows []rule
	switch {
	case status >= http.StatusInternalServerError:
		return rule{kinds: []error{ErrServer}, advice: adviceLater}
	case enveloped && login:
		rows = loginRules()
	case enveloped:
		rows = apiRules()
	}
	code, message = strings.ToLower(code), strings.ToLower(message)
	for _, row := range append(rows, rule{status: http.StatusTooManyRequests, kinds: []error{ErrRateLimited}, advice: adviceLimit}) {
		if row.matches(status, code, message) {
			return row
		}
	}
	return rule{kinds: []error{ErrUnexpectedAnswer}, advice: adviceElsewise}
}

func (r rule) matches(status int, code, message string) bool {
	if r.status != status || !strings.HasPrefix(code, strings.ToLower(r.code)) {
		return false
	}
	for _, text := range r.texts {
		if !strings.Contains(message, text) {
			return false
		}
	}
	return true
}
