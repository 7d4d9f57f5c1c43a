// Package sts simulates the two calls of AWS's Security Token Service that a CI
// job makes: who am I, and credentials for a web identity. It speaks the older
// query protocol.
//
// The signature of a web identity token isn't checked, since no issuer is
// simulated; its claims are. Every role trusts every token.
// Source: https://docs.aws.amazon.com/STS/latest/APIReference/Welcome.html
package sts

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

const (
	apiVersion = "2011-06-15"
	namespace  = "https://sts.amazonaws.com/doc/2011-06-15/"
	// maxSession is in seconds: the default of a role's MaxSessionDuration.
	maxSession = 3600
	// A token has between 4 and 20,000 characters.
	// Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
	minToken, maxToken = 4, 20_000
)

// identity is what a web identity token says.
type identity struct {
	issuer, subject string
	audience        []string
}

// Service issues temporary credentials. It is safe for concurrent use.
type Service struct {
	cloud wire.Cloud
	user  string // ARN of the lasting access key's user

	mu     sync.Mutex
	issued map[string]session // by access key
}

type session struct {
	wire.Credential
	arn, id string
}

// New returns a service that trusts every well-formed token for every role.
func New(cloud wire.Cloud) *Service {
	return &Service{
		cloud: cloud, user: "arn:aws:iam::" + cloud.Account + ":user/simulator",
		issued: map[string]session{},
	}
}

// Credential returns what an issued access key goes with.
func (s *Service) Credential(accessKey string) (wire.Credential, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.issued[accessKey]
	return found.Credential, ok
}

// SigningName implements wire.Service.
func (s *Service) SigningName() string { return "sts" }

// Target implements wire.Service.
func (s *Service) Target(_ *http.Request, body []byte) string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "sts.?"
	}
	return "sts." + form.Get("Action")
}

// Unsigned tells whether the request is the one that needs no signature: it asks
// for credentials with a web identity.
func (s *Service) Unsigned(r *http.Request, body []byte) bool {
	return s.Target(r, body) == "sts.AssumeRoleWithWebIdentity"
}

// Handle implements wire.Service.
func (s *Service) Handle(w http.ResponseWriter, r *http.Request, body []byte) error {
	form, err := url.ParseQuery(string(body))
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/" {
		return wire.Refuse("MalformedQueryString", "The query protocol takes a form by POST / only.")
	}
	if got := form.Get("Version"); got != apiVersion {
		return wire.Refuse("InvalidAction", "Could not find operation %s for version %s", form.Get("Action"), got)
	}
	switch form.Get("Action") {
	case "GetCallerIdentity":
		if err := onlyHas(form); err != nil {
			return err
		}
		return s.callerIdentity(w, r)
	case "AssumeRoleWithWebIdentity":
		if err := onlyHas(form, "RoleArn", "RoleSessionName", "WebIdentityToken", "DurationSeconds"); err != nil {
			return err
		}
		return s.assumeRole(w, form)
	}
	return wire.Missing("STS action", form.Get("Action"))
}

func onlyHas(form url.Values, names ...string) error {
	known := map[string]bool{"Action": true, "Version": true}
	for _, name := range names {
		known[name] = true
	}
	for name := range form {
		if !known[name] {
			return wire.Missing("parameter", name)
		}
	}
	return nil
}

func (s *Service) callerIdentity(w http.ResponseWriter, r *http.Request) error {
	out := struct {
		XMLName xml.Name `xml:"GetCallerIdentityResponse"`
		XMLNS   string   `xml:"xmlns,attr"`
		Arn     string   `xml:"GetCallerIdentityResult>Arn"`
		UserID  string   `xml:"GetCallerIdentityResult>UserId"`
		Account string   `xml:"GetCallerIdentityResult>Account"`
	}{XMLNS: namespace, Arn: s.user, UserID: "AIDASIMULATOR", Account: s.cloud.Account}
	s.mu.Lock()
	if session, ok := s.issued[wire.AccessKey(r)]; ok {
		out.Arn, out.UserID = session.arn, session.id
	}
	s.mu.Unlock()
	write(w, http.StatusOK, out)
	return nil
}

var (
	roleARN     = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/([\w+=,.@/-]{1,576})$`)
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

func (s *Service) assumeRole(w http.ResponseWriter, form url.Values) error {
	role := roleARN.FindStringSubmatch(form.Get("RoleArn"))
	name := form.Get("RoleSessionName")
	if role == nil {
		return wire.Refuse("ValidationError", "%s is invalid", form.Get("RoleArn"))
	}
	if !sessionName.MatchString(name) {
		return wire.Refuse("ValidationError", "1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint", name)
	}
	seconds := 3600
	if given := form.Get("DurationSeconds"); given != "" {
		var err error
		if seconds, err = strconv.Atoi(given); err != nil || seconds < 900 {
			return wire.Refuse("ValidationError", "1 validation error detected: 'durationSeconds' must be a number of at least 900")
		}
		if seconds > maxSession {
			return wire.Refuse("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
		}
	}
	claims, err := s.claims(form.Get("WebIdentityToken"))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	roleName := role[2][strings.LastIndex(role[2], "/")+1:]
	id := "AROASIMULATOR:" + name
	key := "ASIA" + strings.ToUpper(strings.ReplaceAll(loopback.UUID(), "-", ""))[:16]
	issued := session{
		Credential: wire.Credential{
			SecretAccessKey: loopback.UUID(), SessionToken: loopback.UUID(), Expires: time.Now().Add(time.Duration(seconds) * time.Second),
		},
		arn: "arn:aws:sts::" + role[1] + ":assumed-role/" + roleName + "/" + name, id: id,
	}
	s.issued[key] = issued
	writeAssumed(w, key, issued, claims)
	return nil
}

// claims reads a token without its signature, and refuses one that isn't valid now.
func (s *Service) claims(token string) (identity, error) {
	if len(token) < minToken || len(token) > maxToken {
		return identity{}, wire.Refuse("ValidationError", "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length between %d and %d", minToken, maxToken)
	}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &claims); err != nil {
		return identity{}, wire.Refuse("InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	if claims.Issuer == "" || claims.Subject == "" || len(claims.Audience) == 0 || claims.ExpiresAt == nil {
		return identity{}, wire.Refuse("InvalidIdentityToken", "Missing a required claim: iss, sub, aud, exp")
	}
	if !s.cloud.Now().Before(claims.ExpiresAt.Time) {
		return identity{}, wire.Refuse("ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time")
	}
	if claims.NotBefore != nil && s.cloud.Now().Before(claims.NotBefore.Time) {
		return identity{}, wire.Refuse("InvalidIdentityToken", "The token is not valid yet")
	}
	return identity{claims.Issuer, claims.Subject, claims.Audience}, nil
}
