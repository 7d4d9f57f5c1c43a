package main

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/transport"
)

// left is how much time a context leaves; very much when it has no end.
func left(ctx context.Context) time.Duration {
	deadline, ends := ctx.Deadline()
	if !ends {
		return time.Duration(1<<63 - 1)
	}
	return time.Until(deadline)
}

type timedStore struct {
	*memory
	left time.Duration
}

func (s *timedStore) Get(ctx context.Context, clientKey string) (installation.Installation, error) {
	s.left = left(ctx)
	return s.memory.Get(ctx, clientKey)
}

type timedQueue struct {
	queue.SQS
	left time.Duration
}

func (q *timedQueue) SendMessageBatch(ctx context.Context, _ *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	q.left = left(ctx)
	return &sqs.SendMessageBatchOutput{}, ctx.Err()
}

// TestBounds: Bitbucket waits ten seconds for an answer. Whatever hangs, there is
// one before that.
func TestBounds(t *testing.T) {
	t.Parallel()
	h, known := isolated(t)
	store, queue := &timedStore{memory: known}, &timedQueue{}
	h.authorizer.store, h.lifecycle.store, h.lifecycle.firstSync.queue.SQS = store, store, queue
	var proof time.Duration
	calls, asked := proofCalls(), 0
	calls.Sleep = func(context.Context, time.Duration) error { return nil }
	calls.Next = roundTripper(func(r *http.Request) (*http.Response, error) {
		proof = left(r.Context())
		asked++
		return nil, context.DeadlineExceeded
	})
	h.authorizer.prover.http.Transport = transport.New(calls)
	w := &world{clock: &clock{now: recordedAt}}
	for want, event := range map[int]events.APIGatewayV2HTTPRequest{
		204: posted(w.signed(installed(one, secretNew), secretOne)), 503: posted(installed(stranger, secretNew)),
	} {
		response, err := h.Handle(context.Background(), event)
		if err != nil || response.StatusCode != want {
			t.Errorf("answered %+v, %v; want %d", response, err, want)
		}
	}
	if callbackTime >= 10*time.Second || store.left > callbackTime || proof > proofTime/2 || asked != 2 || queue.left > firstSyncTime {
		t.Errorf("time left for the store: %s, for Bitbucket: %s in each of %d attempts, for the queue: %s", store.left, proof, asked, queue.left)
	}
}

// TestBadBase64: a body that is too large is refused before anything is decoded, and
// of one that breaks off nothing is used.
func TestBadBase64(t *testing.T) {
	t.Parallel()
	whole := base64.StdEncoding.EncodeToString(payload("installed", stranger, secretNew).json())
	for body, want := range map[string]int{
		strings.Repeat("!", 2*connect.MaxPayload): http.StatusRequestEntityTooLarge,
		whole + "!": http.StatusBadRequest,
	} {
		h, _ := isolated(t)
		event := posted(message{path: "/installed", body: []byte(body)})
		event.IsBase64Encoded = true
		response, err := h.Handle(t.Context(), event)
		if err != nil || response.StatusCode != want {
			t.Errorf("%d bytes: answered %+v, %v; want %d", len(body), response, err, want)
		}
	}
}

// TestOutsideTheBase: what is not below the base URL's path is not served, be it
// signed or not.
func TestOutsideTheBase(t *testing.T) {
	t.Parallel()
	h, _ := isolated(t)
	h.basePath = "/prod"
	for _, path := range []string{"", "/", "/installed", "/atlassian-connect.json", "/production", "/prodinstalled", "/prod%2Finstalled", "//prod/installed"} {
		for _, method := range []string{"GET", "POST"} {
			event := posted(installed(stranger, secretNew).at(path))
			event.RequestContext.HTTP.Method = method
			response, err := h.Handle(t.Context(), event)
			if err != nil || response.StatusCode != http.StatusNotFound {
				t.Errorf("%s %q answered %+v, %v; want 404", method, path, response, err)
			}
		}
	}
}

// contested is a store in which another process always writes first.
type contested struct {
	*memory
	writes int
}

func (c *contested) Update(context.Context, installation.Installation, string) (installation.Installation, error) {
	c.writes++
	return installation.Installation{}, installation.ErrConflict
}

// TestContested: an event that loses every race is for Bitbucket to send again.
func TestContested(t *testing.T) {
	t.Parallel()
	h, known := isolated(t)
	store := &contested{memory: known}
	h.authorizer.store, h.lifecycle.store = store, store
	w := &world{clock: &clock{now: recordedAt}}
	response, err := h.Handle(t.Context(), posted(w.signed(installed(one, secretNew), secretOne)))
	if err != nil || response.StatusCode != http.StatusServiceUnavailable || store.writes != 4 {
		t.Errorf("answered %+v, %v after %d writes; want 503 after 4", response, err, store.writes)
	}
}
