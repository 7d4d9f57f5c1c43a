package sts

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

type assumed struct {
	XMLName xml.Name      `xml:"AssumeRoleWithWebIdentityResponse"`
	XMLNS   string        `xml:"xmlns,attr"`
	Result  assumedResult `xml:"AssumeRoleWithWebIdentityResult"`
}

type assumedResult struct {
	Audience, Provider          string
	SubjectFromWebIdentityToken string
	Arn                         string `xml:"AssumedRoleUser>Arn"`
	AssumedRoleID               string `xml:"AssumedRoleUser>AssumedRoleId"`
	Credentials                 credentials
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

func writeAssumed(w http.ResponseWriter, key string, issued session, claims identity) {
	write(w, http.StatusOK, assumed{XMLNS: namespace, Result: assumedResult{
		Audience: strings.Join(claims.audience, ","), Provider: claims.issuer, SubjectFromWebIdentityToken: claims.subject,
		Arn: issued.arn, AssumedRoleID: issued.id,
		Credentials: credentials{key, issued.SecretAccessKey, issued.SessionToken, issued.Expires.UTC().Format(time.RFC3339)},
	}})
}

// Refuse implements wire.Service.
func (s *Service) Refuse(w http.ResponseWriter, _ *http.Request, refusal *wire.Error) {
	write(w, refusal.Status, struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		XMLNS     string   `xml:"xmlns,attr"`
		Type      string   `xml:"Error>Type"`
		Code      string   `xml:"Error>Code"`
		Message   string   `xml:"Error>Message"`
		RequestID string   `xml:"RequestId"`
	}{XMLNS: namespace, Type: "Sender", Code: refusal.Code, Message: refusal.Message, RequestID: loopback.UUID()})
}

// Denials implements wire.Service.
func (s *Service) Denials() wire.Denials {
	denied := func(code string) wire.Error { return wire.Error{Status: http.StatusForbidden, Code: code} }
	return wire.Denials{
		Missing: denied("MissingAuthenticationToken"), Mismatch: denied("SignatureDoesNotMatch"), UnknownKey: denied("InvalidClientTokenId"),
		Expired: denied("ExpiredToken"), Skewed: denied("SignatureDoesNotMatch"),
		Incomplete: wire.Error{Status: http.StatusBadRequest, Code: "IncompleteSignature"},
	}
}

func write(w http.ResponseWriter, status int, body any) {
	encoded, err := xml.Marshal(body)
	if err != nil {
		panic(err) // the package's own types
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}
