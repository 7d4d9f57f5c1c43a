// Package dynamodb simulates Amazon DynamoDB as far as linkersync uses it: tables whose
// key is one string, conditional writes, update expressions, and transactions.
//
// It has no sort keys, queries, indexes, scans, batches or streams, and no time to live:
// DynamoDB removes what is over within days and returns it until then, and whoever
// reads has to look at the time. A GetItem without ConsistentRead misses a write of the
// last second.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html
package dynamodb

import (
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// Service holds the tables of one account and region. It is safe for concurrent use.
type Service struct {
	cloud wire.Cloud

	mu           sync.Mutex
	tables       map[string]*table
	transactions map[string]transaction // by ClientRequestToken
	swept        time.Time              // when old ones were forgotten
}

// New returns a service without tables.
func New(cloud wire.Cloud) *Service {
	return &Service{cloud: cloud, tables: map[string]*table{}, transactions: map[string]transaction{}}
}

// API returns the service behind its protocol.
func (s *Service) API() *wire.JSON {
	return &wire.JSON{
		Signing: "dynamodb", Prefix: "DynamoDB_20120810", Version: "1.0", Namespace: "com.amazonaws.dynamodb.v20120810",
		Operations: map[string]wire.Operation{
			"CreateTable":        wire.Operate(s.createTable),
			"DeleteItem":         wire.Operate(s.deleteItem),
			"GetItem":            wire.Operate(s.getItem),
			"PutItem":            wire.Operate(s.putItem),
			"TransactWriteItems": wire.Operate(s.transactWriteItems),
			"UpdateItem":         wire.Operate(s.updateItem),
		},
	}
}

// table is a table; all fields are guarded by Service.mu.
type table struct {
	key   string                    // the name of the key attribute
	items map[string]attribute.Item // by the key's text
	past  map[string]past           // likewise
	now   func() time.Time
}

// idOf is the text of an item's key, or of a key.
func (t *table) idOf(item attribute.Item) string { return item[t.key].Text }

// set puts an item in its place.
func (t *table) set(item attribute.Item) {
	t.keep(t.idOf(item))
	t.items[t.idOf(item)] = item
}

// remove takes an item away, if it's there.
func (t *table) remove(id string) {
	t.keep(id)
	delete(t.items, id)
}

func (s *Service) find(name string) (*table, error) {
	if found := s.tables[name]; found != nil {
		return found, nil
	}
	return nil, wire.Refuse("ResourceNotFoundException", "Requested resource not found")
}

func invalid(format string, args ...any) error {
	return wire.Refuse("ValidationException", format, args...)
}
