package dynamodb

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

const (
	maxTransaction = 100
	// tokenLife is how long the same ClientRequestToken means the same transaction.
	tokenLife = 10 * time.Minute
)

// transaction is one that was done, for those who ask again.
type transaction struct {
	request [sha256.Size]byte // digest of what was asked for
	at      time.Time
}

type transactInput struct {
	TransactItems      []transactItem
	ClientRequestToken string
}

// transactItem has exactly one of its members. DynamoDB's ConditionCheck and Delete
// aren't simulated.
type transactItem struct {
	Put    *write `json:"Put,omitempty"`
	Update *write `json:"Update,omitempty"`
}

// reason says why one item made the transaction fail, or that it didn't.
type reason struct {
	Code    string `json:"Code"`
	Message string `json:"Message,omitempty"`
}

func (s *Service) transactWriteItems(_ context.Context, in transactInput) (any, error) {
	if n := len(in.TransactItems); n < 1 || n > maxTransaction {
		return nil, invalid("1 validation error detected: 'transactItems' must have between 1 and %d members", maxTransaction)
	}
	if len(in.ClientRequestToken) > 36 {
		return nil, invalid("1 validation error detected: 'clientRequestToken' must have length less than or equal to 36")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	request := sha256.Sum256([]byte(mustJSON(in.TransactItems)))
	if done, err := s.doneBefore(in.ClientRequestToken, request); done || err != nil {
		return struct{}{}, err
	}
	writes, err := s.prepareAll(in.TransactItems)
	if err != nil {
		return nil, err
	}
	fresh, err := evaluate(in.TransactItems, writes)
	if err != nil {
		return nil, err
	}
	for i, item := range fresh {
		writes[i].table.set(item)
	}
	s.remember(in.ClientRequestToken, request)
	return struct{}{}, nil
}

func mustJSON(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err) // it came out of JSON
	}
	return string(encoded)
}

// remember notes a transaction and forgets those whose time is over: the SDK
// sends a token with each, so in a long run there are many.
func (s *Service) remember(token string, request [sha256.Size]byte) {
	if token == "" {
		return
	}
	now := s.cloud.Now()
	if now.Sub(s.swept) > tokenLife {
		s.swept = now
		maps.DeleteFunc(s.transactions, func(_ string, t transaction) bool { return now.Sub(t.at) > tokenLife })
	}
	s.transactions[token] = transaction{request, now}
}

// doneBefore looks the token up; with another request it's refused.
func (s *Service) doneBefore(token string, request [sha256.Size]byte) (bool, error) {
	before, ok := s.transactions[token]
	if token == "" || !ok || s.cloud.Now().Sub(before.at) > tokenLife {
		return false, nil
	}
	if before.request != request {
		return false, wire.Refuse("IdempotentParameterMismatchException", "The request uses the same client token as a previous, but non-identical request.")
	}
	return true, nil
}

// prepareAll checks everything that makes DynamoDB refuse a transaction before
// it looks at the items.
func (s *Service) prepareAll(items []transactItem) ([]*prepared, error) {
	writes := make([]*prepared, len(items))
	seen := map[string]bool{}
	for i, item := range items {
		request, err := item.only()
		if err != nil {
			return nil, err
		}
		if writes[i], err = s.prepare(*request); err != nil {
			return nil, err
		}
		id := request.TableName + " " + writes[i].id()
		if seen[id] {
			return nil, invalid("Transaction request cannot include multiple operations on one item")
		}
		seen[id] = true
	}
	return writes, nil
}

// only returns the one member that is set, if it has what its kind needs.
func (t transactItem) only() (*write, error) {
	switch {
	case t.Put != nil && t.Update != nil:
		return nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	case t.Put != nil && t.Put.Item != nil && t.Put.UpdateExpression == nil:
		return t.Put, nil
	case t.Update != nil && t.Update.Item == nil && t.Update.UpdateExpression != nil:
		return t.Update, nil
	case t.Put == nil && t.Update == nil:
		return nil, invalid("TransactItems must contain one of Check, Put, Update or Delete")
	}
	return nil, invalid("Item goes with Put, and UpdateExpression with Update")
}

// evaluate checks all conditions and computes all items; when one fails, all do.
func evaluate(items []transactItem, writes []*prepared) ([]attribute.Item, error) {
	fresh := make([]attribute.Item, len(writes))
	reasons := make([]reason, len(writes))
	codes := make([]string, len(writes))
	failed := false
	for i, ready := range writes {
		old, err := ready.check()
		switch {
		case err != nil:
		case items[i].Update != nil:
			fresh[i], err = ready.updated(old)
		default:
			fresh[i] = ready.item
		}
		reasons[i] = reasonOf(err)
		codes[i] = reasons[i].Code
		failed = failed || err != nil
	}
	if !failed {
		return fresh, nil
	}
	canceled := wire.Refuse("TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))
	canceled.Members = map[string]any{"CancellationReasons": reasons}
	return nil, canceled
}

func reasonOf(err error) reason {
	var refusal *wire.Error
	switch {
	case !errors.As(err, &refusal):
		return reason{Code: "None"}
	case refusal.Code == "ConditionalCheckFailedException":
		return reason{"ConditionalCheckFailed", refusal.Message}
	}
	return reason{"ValidationError", refusal.Message}
}
