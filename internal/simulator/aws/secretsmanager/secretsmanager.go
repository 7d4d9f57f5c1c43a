// Package secretsmanager simulates AWS Secrets Manager: secrets, their versions
// and staging labels, deletion with a recovery window, and paged lists.
//
// It has no encryption, replication, rotation or resource policies, and no
// permissions: a test that needs AccessDeniedException or a KMS failure injects
// it as a fault.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html
package secretsmanager

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// The staging labels that Secrets Manager moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Emit takes an event for EventBridge's default bus.
type Emit func(source, detailType string, resources []string, detail any)

// Service holds the secrets of one account and region. It is safe for concurrent use.
type Service struct {
	cloud wire.Cloud
	emit  Emit

	mu     sync.Mutex
	byName map[string]*secret
	byARN  map[string]*secret
	// ordered has the secrets by creation, so that a page is found by binary search.
	ordered []*secret
	created int
	// nextGone is when the first recovery window ends; zero when none is running.
	nextGone time.Time
}

// New returns a service without secrets that hands its events to emit.
func New(cloud wire.Cloud, emit Emit) *Service {
	return &Service{cloud: cloud, emit: emit, byName: map[string]*secret{}, byARN: map[string]*secret{}}
}

// API returns the service behind its protocol.
func (s *Service) API() *wire.JSON {
	return &wire.JSON{
		Signing: "secretsmanager", Prefix: "secretsmanager", Version: "1.1",
		Operations: map[string]wire.Operation{
			"BatchGetSecretValue":      wire.Operate(s.batchGetSecretValue),
			"CreateSecret":             wire.Operate(s.createSecret),
			"DeleteSecret":             wire.Operate(s.deleteSecret),
			"DescribeSecret":           wire.Operate(s.describeSecret),
			"GetSecretValue":           wire.Operate(s.getSecretValue),
			"ListSecrets":              wire.Operate(s.listSecrets),
			"PutSecretValue":           wire.Operate(s.putSecretValue),
			"RestoreSecret":            wire.Operate(s.restoreSecret),
			"TagResource":              wire.Operate(s.tagResource),
			"UpdateSecretVersionStage": wire.Operate(s.updateSecretVersionStage),
		},
	}
}

// Names returns the names of all secrets, those that are scheduled for deletion
// included, in order of creation: what a test expects to be left over.
func (s *Service) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	names := make([]string, len(s.ordered))
	for i, secret := range s.ordered {
		names[i] = secret.name
	}
	return names
}

// secret is one secret; all fields are guarded by Service.mu.
type secret struct {
	number                           int
	arn, name, description, kmsKeyID string
	tags                             map[string]string
	versions                         map[string]*version
	stages                           map[string]string // label to version id: a label is on one version at most
	created, changed                 time.Time
	deleted, gone                    time.Time // deletion asked for, and when it becomes final
}

// version is one immutable value.
type version struct {
	id      string
	number  int
	value   value
	created time.Time
}

// value is a secret's content: text or binary, never both.
type value struct {
	SecretString *string `json:"SecretString,omitempty"`
	SecretBinary []byte  `json:"SecretBinary,omitempty"`
}

func (v value) empty() bool { return v.SecretString == nil && len(v.SecretBinary) == 0 }

func (v value) equal(other value) bool {
	if (v.SecretString == nil) != (other.SecretString == nil) {
		return false
	}
	if v.SecretString != nil && *v.SecretString != *other.SecretString {
		return false
	}
	return slices.Equal(v.SecretBinary, other.SecretBinary)
}

// labels returns the staging labels of a version, sorted.
func (s *secret) labels(versionID string) []string {
	var labels []string
	for label, id := range s.stages {
		if id == versionID {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	return labels
}

// labelled returns the labels of each version that has any.
func (s *secret) labelled() map[string][]string {
	labelled := map[string][]string{}
	for _, label := range slices.Sorted(maps.Keys(s.stages)) {
		labelled[s.stages[label]] = append(labelled[s.stages[label]], label)
	}
	return labelled
}

// byAge returns the versions, oldest first.
func (s *secret) byAge() []*version {
	return slices.SortedFunc(maps.Values(s.versions), func(a, b *version) int { return cmp.Compare(a.number, b.number) })
}

// find returns the secret of that name or ARN, also when it's scheduled for deletion.
func (s *Service) find(id string) (*secret, error) {
	if err := lengthOf("secretId", id, 1, 2048); err != nil {
		return nil, err
	}
	s.expire()
	if found := cmp.Or(s.byName[id], s.byARN[id]); found != nil {
		return found, nil
	}
	return nil, wire.Refuse(notFound, "Secrets Manager can't find the specified secret.")
}

// active is find for the operations that refuse a secret scheduled for deletion.
func (s *Service) active(id string) (*secret, error) {
	found, err := s.find(id)
	if err != nil {
		return nil, err
	}
	if !found.deleted.IsZero() {
		return nil, wire.Refuse(invalidRequest, "You can't perform this operation on the secret because it was marked for deletion.")
	}
	return found, nil
}

// expire forgets the secrets whose recovery window is over.
func (s *Service) expire() {
	now := s.cloud.Now()
	if s.nextGone.IsZero() || now.Before(s.nextGone) {
		return // the usual case, which keeps a look-up cheap among 10,000 secrets
	}
	s.nextGone = time.Time{}
	s.ordered = slices.DeleteFunc(s.ordered, func(old *secret) bool {
		if old.gone.IsZero() {
			return false
		}
		if now.Before(old.gone) {
			s.goneAt(old.gone)
			return false
		}
		delete(s.byName, old.name)
		delete(s.byARN, old.arn)
		return true
	})
}

func (s *Service) goneAt(t time.Time) {
	if s.nextGone.IsZero() || t.Before(s.nextGone) {
		s.nextGone = t
	}
}

// newARN returns an ARN with the six random-looking characters that Secrets
// Manager adds, so that a secret that is created anew has another ARN.
func (s *Service) newARN(name string) string {
	sum := sha256.Sum256([]byte(name + strconv.Itoa(s.created)))
	suffix := strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(sum[:])[:6])
	return s.cloud.ARN("secretsmanager", "secret:"+name+"-"+suffix)
}
