package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/linkersync/linkersync/shared/awsenv"
)

// Seen is which installations a run has queued a message for. A list that changes
// while it is read may show one on two pages; counted twice and reported once, it
// would keep the run from ever being complete.
type Seen struct {
	table *Table
	// digests stand for client keys: 16 bytes each, half a million fit.
	digests map[digest]struct{}
}

type digest [16]byte

// digestOf shortens a client key, which may be longer than is good for a key.
func digestOf(clientKey string) digest {
	sum := sha256.Sum256([]byte(clientKey))
	return digest(sum[:16])
}

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// Seen reads what earlier attempts at a run have recorded.
func (t *Table) Seen(ctx context.Context, run Run) (*Seen, error) {
	seen := &Seen{table: t, digests: map[digest]struct{}{}}
	for page := range run.Pages {
		found, err := t.get(ctx, pageKey(run.ID, page))
		if err != nil {
			return nil, err
		}
		for text := range strings.FieldsSeq(textOf(found, "digests")) {
			var d digest
			if _, err := hex.Decode(d[:], []byte(text)); err != nil {
				return nil, fmt.Errorf("read %s from the table: %w", pageKey(run.ID, page), err)
			}
			seen.digests[d] = struct{}{}
		}
	}
	return seen, nil
}

// Add tells whether the installation is new to the run.
func (s *Seen) Add(clientKey string) bool {
	before := len(s.digests)
	s.digests[digestOf(clientKey)] = struct{}{}
	return len(s.digests) > before
}

// Record keeps a page of installations for the next attempt at the run, which counts
// it once AdvanceRun has. A page has no more than a hundred: a few kilobytes.
func (s *Seen) Record(ctx context.Context, run Run, clientKeys []string) error {
	digests := make([]string, len(clientKeys))
	for i, clientKey := range clientKeys {
		digests[i] = digestOf(clientKey).String()
	}
	id := pageKey(run.ID, run.Pages)
	err := s.table.DynamoDB.Call(ctx, "PutItem", input{
		TableName: s.table.Name,
		Item:      item{"id": text(id), "digests": text(strings.Join(digests, " ")), "expires": s.table.expires(runLife)},
	}, nil)
	if err != nil {
		return fmt.Errorf("write %s to the table: %w", id, awsenv.Cut(err))
	}
	return nil
}

func pageKey(runID string, page int) string { return fmt.Sprintf("page#%s#%d", runID, page) }
