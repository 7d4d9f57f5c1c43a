package infisical

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/linkersync/linkersync/shared/redact"
)

// callerIdentity is the call that Infisical makes in the identity's name.
// Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
const callerIdentity = "Action=GetCallerIdentity&Version=2011-06-15"

// AWSAuth logs in with AWS credentials: a GetCallerIdentity request is signed
// here, and Infisical sends it to STS to learn who signed. The credentials
// themselves are not sent.
// Source: https://infisical.com/docs/documentation/platform/identities/aws-auth
type AWSAuth struct {
	// IdentityID is the machine identity's UUID.
	IdentityID string
	// Region is any enabled region of the commercial partition: Infisical calls
	// that region's STS.
	Region      string
	Credentials aws.CredentialsProvider
}

func (a AWSAuth) proof(ctx context.Context, now time.Time) (proof, error) {
	issues := appendIssue(nil, "identity_id", checkID(a.IdentityID))
	issues = appendIssue(issues, "region", checkRegion(a.Region))
	if a.Credentials == nil {
		issues = append(issues, Issue{Path: "credentials", Message: "have no source"})
	}
	if len(issues) > 0 {
		return proof{}, &InputError{What: "AWS login", Issues: issues}
	}
	credentials, err := a.Credentials.Retrieve(ctx)
	if err != nil {
		return proof{}, fmt.Errorf("read AWS credentials: %w", cutAWSError(err))
	}
	headers, err := signCallerIdentity(ctx, credentials, a.Region, now)
	if err != nil {
		return proof{}, err
	}
	encoded := base64.StdEncoding.EncodeToString(headers)
	return proof{
		// Not repeatable: a 500 is a refusal here.
		method: "aws-auth",
		body: map[string]string{
			"identityId":           a.IdentityID,
			"iamHttpRequestMethod": http.MethodPost,
			"iamRequestBody":       base64.StdEncoding.EncodeToString([]byte(callerIdentity)),
			"iamRequestHeaders":    encoded,
		},
		secrets:       []redact.Secret{redact.New(encoded), redact.New(credentials.SessionToken)},
		name:          fmt.Sprintf("AWS in %s as identity %s", a.Region, a.IdentityID),
		onServerError: "Infisical answers so when STS refuses the signature: check that the credentials are current, the region is enabled and the clock is right",
	}, nil
}

// signCallerIdentity returns the signed headers as a JSON object. Every header
// that Infisical will send is signed, the content type too.
func signCallerIdentity(ctx context.Context, credentials aws.Credentials, region string, now time.Time) ([]byte, error) {
	// The regional host: Infisical takes the region from the signature's scope and
	// calls that region's, never the global one.
	target := "https://sts." + region + ".amazonaws.com/"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(callerIdentity))
	if err != nil {
		return nil, fmt.Errorf("prepare the STS request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	hash := sha256.Sum256([]byte(callerIdentity))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(hash[:]), "sts", region, now); err != nil {
		return nil, fmt.Errorf("sign the STS request: %w", err)
	}
	headers := map[string]string{
		"Host":           req.URL.Host,
		"Content-Length": strconv.Itoa(len(callerIdentity)),
	}
	for name := range req.Header {
		headers[name] = req.Header.Get(name)
	}
	encoded, err := json.Marshal(headers)
	if err != nil {
		return nil, fmt.Errorf("encode the STS request: %w", err)
	}
	return encoded, nil
}

// cutAWSError keeps an AWS error's code, or the context's error, and no text.
func cutAWSError(err error) error {
	var coded interface{ ErrorCode() string }
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.As(err, &coded):
		return errors.New(clean(coded.ErrorCode(), maxShort))
	default:
		return errors.New("none were found; `aws sts get-caller-identity` shows what is set up")
	}
}
