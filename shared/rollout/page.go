package rollout

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/linkersync/linkersync/shared/queue"
)

// A page is the part of a run that dispatch queues at a time: up to a hundred
// installations, and one item of the table. Each outcome is one conditional write of that
// item, so an outcome that is reported twice counts once, and workers of different pages
// don't write to the same item. When a page has all its outcomes, the run adds its
// counts, once.
//
// A dispatch that is interrupted after it opened a page makes another page for the same
// installations. The run knows only pages that AdvanceRun recorded, so outcomes of the
// first one count nowhere.
type page struct {
	Total   int    `dynamodbav:"total"`
	Digests string `dynamodbav:"digests"`
	Counts
}

// OpenPage makes a page for installations whose messages are to be queued next, and
// returns the name that the messages carry.
func (t *Table) OpenPage(ctx context.Context, run Run, clientKeys []string) (name string, err error) {
	digests := make([]string, len(clientKeys))
	for i, clientKey := range clientKeys {
		digests[i] = digestOf(clientKey).String()
	}
	name = strings.ToLower(rand.Text()[:12])
	err = t.add(ctx, pageKey(run.ID, name), values{"total": len(digests), "digests": strings.Join(digests, " ")})
	return name, err
}

func (t *Table) page(ctx context.Context, runID, name string) (page page, found bool, err error) {
	found, err = t.get(ctx, pageKey(runID, name), &page)
	return page, found, err
}

// Report counts the outcome of one installation, once however often it is reported. It
// returns the run when this ended a page, so that the caller can [Announce] its end, and
// a Run without an ID when others of the page are outstanding. ErrNoRun when the table
// doesn't have the page (any more).
func (t *Table) Report(ctx context.Context, message queue.Message, result Result) (Run, error) {
	if message.Run == "" || message.Page == "" {
		return Run{}, fmt.Errorf("%w: the message names none", ErrNoRun)
	}
	key, mark := pageKey(message.Run, message.Page), mark(digestOf(message.ClientKey))
	with := result.counts().values()
	with[":outcome"] = result.Outcome
	var page page
	met, err := t.update(ctx, key, "SET "+mark+" = :outcome "+addCounts, "attribute_exists(id) AND attribute_not_exists("+mark+")", with, &page)
	if err != nil {
		return Run{}, err
	}
	if met && page.Reported() < page.Total {
		return Run{}, nil
	}
	return t.countPage(ctx, message.Run, message.Page)
}

// countPage adds a page that has all its outcomes to its run. The run has no ID when
// the page doesn't have them all.
func (t *Table) countPage(ctx context.Context, runID, name string) (Run, error) {
	page, found, err := t.page(ctx, runID, name)
	switch {
	case err != nil:
		return Run{}, err
	case !found:
		return Run{}, fmt.Errorf("%w: %s", ErrNoRun, runID)
	case page.Reported() < page.Total:
		return Run{}, nil
	}
	return t.fold(ctx, runID, name, page.Counts)
}

// fold adds the counts of a page to its run, once.
func (t *Table) fold(ctx context.Context, runID, name string, counts Counts) (Run, error) {
	with := values{":name": name, ":set": set{name}}
	maps.Copy(with, counts.values())
	var item runItem
	met, err := t.update(ctx, runKey(runID), addCounts+", done :set",
		"attribute_exists(id) AND contains(pages, :name) AND NOT contains(done, :name)", with, &item)
	if err == nil && !met {
		item, err = t.runItem(ctx, runID)
	}
	return item.run(), err
}

// CountPages adds every page that has all its outcomes to the run: an attempt that died
// may have recorded a page and not looked at it.
func (t *Table) CountPages(ctx context.Context, run Run) (Run, error) {
	item, err := t.runItem(ctx, run.ID)
	if err != nil {
		return run, err
	}
	run = item.run()
	for _, name := range item.open() {
		counted, err := t.countPage(ctx, run.ID, name)
		if err != nil && !errors.Is(err, ErrNoRun) {
			return run, err
		}
		if counted.ID != "" {
			run = counted
		}
	}
	return run, nil
}

// Seen is which installations a run has queued a message for. A list that changes while
// it is read may show one on two pages, and each page waits for all its installations.
type Seen struct {
	digests map[digest]struct{}
}

// digest stands for a client key, in 16 bytes: half a million fit.
type digest [16]byte

// digestOf shortens a client key, which may be longer than is good for an attribute.
func digestOf(clientKey string) digest {
	sum := sha256.Sum256([]byte(clientKey))
	return digest(sum[:16])
}

func (d digest) String() string { return hex.EncodeToString(d[:]) }

func parseDigest(text string) (d digest, err error) {
	if n, err := hex.Decode(d[:], []byte(text)); err != nil || n != len(d) {
		return d, errors.New("a digest has an unknown shape")
	}
	return d, nil
}

// mark is the attribute of a page that has an installation's outcome.
func mark(d digest) string { return "r" + d.String() }

// Seen reads what earlier attempts at a run have recorded.
func (t *Table) Seen(ctx context.Context, run Run) (*Seen, error) {
	seen := &Seen{digests: map[digest]struct{}{}}
	item, err := t.runItem(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	for _, name := range item.Pages {
		if name == noPage {
			continue
		}
		page, _, err := t.page(ctx, run.ID, name)
		if err != nil {
			return nil, err
		}
		for text := range strings.FieldsSeq(page.Digests) {
			d, err := parseDigest(text)
			if err != nil {
				return nil, fmt.Errorf("read page %s of run %s: %w", name, run.ID, err)
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

func pageKey(runID, name string) string { return "page#" + runID + "#" + name }

// BeginAttempt counts an attempt at a message that SQS delivered before, and returns how
// many have begun since the last one that came to an end, this one included.
func (t *Table) BeginAttempt(ctx context.Context, messageID string) (begun int, err error) {
	var attempts struct {
		Begun int `dynamodbav:"begun"`
	}
	_, err = t.update(ctx, attemptKey(messageID), "SET expires = :expires ADD begun :one", "", values{":expires": t.expires(), ":one": 1}, &attempts)
	return attempts.Begun, err
}

// EndAttempt records that an attempt at a message came to an end.
func (t *Table) EndAttempt(ctx context.Context, messageID string) error {
	_, err := t.update(ctx, attemptKey(messageID), "SET begun = :none", "attribute_exists(id)", values{":none": 0}, nil)
	return err
}

func attemptKey(messageID string) string { return "attempt#" + messageID }
