package installation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// stage stores next as a version that is not in force. It moves the pending label
// off a version that an earlier writer abandoned, which Secrets Manager then
// deletes in time.
func (s *SecretsManager) stage(ctx context.Context, name string, current, next record, event string) (record, error) {
	body, err := next.encode()
	if err != nil {
		return record{}, &Error{Op: "update installation", Subject: next.ClientKey, Kind: err}
	}
	for attempt := range 3 {
		next.Version = token(next.Installation, current.Version, event, attempt)
		_, err := s.api.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
			SecretId: aws.String(name), SecretString: aws.String(body),
			ClientRequestToken: aws.String(next.Version), VersionStages: []string{stagePending},
		})
		switch {
		case err == nil:
			return next, nil
		case !codeIs(err, "ResourceExistsException"):
			return record{}, s.failed(call{"update installation", next.ClientKey, "PutSecretValue"}, err)
		}
		// A run of the same event on the same state made this version and died, or is
		// still running. Its version is used if it differs from ours in the time only.
		staged, err := s.version(ctx, "update installation", next.ClientKey, next.Version)
		if err != nil {
			return record{}, err
		}
		if staged.sameContent(next) {
			return staged, nil
		}
	}
	return record{}, &Error{Op: "update installation", Subject: next.ClientKey, Kind: ErrConflict, Hint: "the event was used for other changes"}
}

// token is the ClientRequestToken of a write, and so the id of the version it
// makes. The same event on the same state has the same one, which makes a retry a
// no-op at AWS. The base is part of it because an event that lost a race is
// decided anew, with another outcome. It holds nothing secret, because CloudTrail
// records it.
func token(in Installation, base, event string, attempt int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{in.AppKey, in.ClientKey, base, event, fmt.Sprint(attempt)}))
	return hex.EncodeToString(sum[:])
}

// eventDigest is what a document remembers of an event. 64 bits: a collision
// would have to be with one of the last few events of the same installation.
func eventDigest(event string) string {
	sum := sha256.Sum256([]byte(event))
	return hex.EncodeToString(sum[:8])
}
