package infisical

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// AWSAuth lets an identity log in with an AWS identity. Empty lists allow all.
type AWSAuth struct {
	AccountIDs []string
	// PrincipalARNs may have * in them. A session of a role matches as
	// arn:aws:sts::<account>:assumed-role/<role> and as arn:aws:iam::<account>:role/<role>.
	PrincipalARNs []string
}

// AWSKey is an access key that the simulated STS knows, and whose it is.
type AWSKey struct {
	AccessKeyID string
	Secret      string
	// SessionToken is empty for a long-lived key.
	SessionToken string
	Account      string
	// ARN is what GetCallerIdentity answers.
	ARN string
}

var regionPattern = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)

// loginAWS is POST /api/v1/auth/aws-auth/login: the caller signs a request to STS
// and the server sends it.
// Source: https://infisical.com/docs/documentation/platform/identities/aws-auth
func (s *Server) loginAWS(x *exchange) (any, *refusal) {
	var in reader
	fields := in.object(x.body)
	if fields == nil {
		return nil, invalid(in.issues)
	}
	identityID, _ := in.text(fields, "identityId")
	body, _ := in.text(fields, "iamRequestBody")
	headers, _ := in.text(fields, "iamRequestHeaders")
	method := in.optionalText(fields, "iamHttpRequestMethod")
	slug := in.optionalText(fields, "organizationSlug")
	if len(in.issues) > 0 {
		return nil, invalid(in.issues)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	identity := s.identities[identityID]
	if identity == nil || identity.AWS == nil {
		return nil, notFound("AWS auth method not found for identity, did you configure AWS auth?")
	}
	if method == "" {
		method = http.MethodPost
	}
	caller, no := s.callerIdentity(method, body, headers)
	if no != nil {
		return nil, no
	}
	if no := identity.AWS.allows(caller); no != nil {
		return nil, no
	}
	return s.loggedIn(identity, slug)
}

// callerIdentity decodes the signed request and plays the STS of its region. What
// STS refuses, and what can't be decoded, is a 500 without a reason.
func (s *Server) callerIdentity(method, body, headers string) (*AWSKey, *refusal) {
	decodedHeaders, err := base64.StdEncoding.DecodeString(headers)
	if err != nil {
		return nil, internal()
	}
	var values map[string]string
	if err := json.Unmarshal(decodedHeaders, &values); err != nil || values == nil {
		return nil, internal()
	}
	authorization := values["Authorization"]
	if authorization == "" {
		authorization = values["authorization"]
	}
	region := regionOf(authorization)
	if !regionPattern.MatchString(region) {
		return nil, badRequest("Invalid AWS region")
	}
	decodedBody, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return nil, internal()
	}
	request := stsRequest{method: method, region: region, headers: lowerCased(values), body: string(decodedBody)}
	caller, err := request.verify(s.awsKeys, s.now())
	if err != nil {
		return nil, internal()
	}
	return caller, nil
}

// regionOf finds the region the way the server does: the third part of the field
// that starts with Credential=, where fields are separated by spaces.
func regionOf(authorization string) string {
	for field := range strings.SplitSeq(authorization, " ") {
		if scope, found := strings.CutPrefix(field, "Credential="); found {
			if parts := strings.Split(scope, "/"); len(parts) >= 3 {
				return parts[2]
			}
		}
	}
	return ""
}

func lowerCased(headers map[string]string) map[string]string {
	lower := make(map[string]string, len(headers))
	for name, value := range headers {
		lower[strings.ToLower(name)] = value
	}
	return lower
}

func (a *AWSAuth) allows(caller *AWSKey) *refusal {
	if len(a.AccountIDs) > 0 && !slices.Contains(a.AccountIDs, caller.Account) {
		return unauthorized("Access denied: AWS account ID not allowed.")
	}
	asSession, asRole := principals(caller.ARN)
	if len(a.PrincipalARNs) > 0 && !slices.ContainsFunc(a.PrincipalARNs, func(allowed string) bool {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(allowed), `\*`, ".*") + "$")
		return pattern.MatchString(asSession) || pattern.MatchString(asRole)
	}) {
		return unauthorized("Access denied: AWS principal ARN not allowed. [principal-arn=%s]", asSession)
	}
	return nil
}

// principals are the two forms in which an ARN is compared: without its path and
// session, and as the IAM role of an assumed one.
func principals(arn string) (asSession, asRole string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return arn, arn
	}
	resource := strings.Split(parts[5], "/")
	kind, name := resource[0], resource[len(resource)-1]
	if kind == "assumed-role" && len(resource) > 1 {
		name = resource[1]
		asRole = "arn:aws:iam::" + parts[4] + ":role/" + name
	}
	asSession = "arn:aws:" + parts[2] + "::" + parts[4] + ":" + kind + "/" + name
	if asRole == "" {
		asRole = asSession
	}
	return asSession, asRole
}
