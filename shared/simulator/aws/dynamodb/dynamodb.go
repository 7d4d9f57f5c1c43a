// Package dynamodb simulates Amazon DynamoDB's tables with conditional writes,
// update expressions, queries, transactions and a time to live.
//
// It has no indexes, scans, batches or streams. A GetItem without ConsistentRead
// misses a write of the last second; queries are always consistent.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html
package dynamodb

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
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
			"DescribeTable":      wire.Operate(s.describeTable),
			"GetItem":            wire.Operate(s.getItem),
			"PutItem":            wire.Operate(s.putItem),
			"Query":              wire.Operate(s.query),
			"TransactWriteItems": wire.Operate(s.transactWriteItems),
			"UpdateItem":         wire.Operate(s.updateItem),
			"UpdateTimeToLive":   wire.Operate(s.updateTimeToLive),
		},
	}
}

// table is a table; all fields are guarded by Service.mu.
type table struct {
	name            string
	created         time.Time
	partition, sort keyAttribute // sort has no name in a table without
	timeToLive      string       // attribute with seconds since 1970; empty for none
	// partitions have their items in order of the sort key.
	partitions map[string][]attribute.Item
	now        func() time.Time
	past       map[string]past // by key
}

type keyAttribute struct {
	name     string
	attrType attribute.Type
}

func (t *table) keys() []keyAttribute {
	if t.sort.name == "" {
		return []keyAttribute{t.partition}
	}
	return []keyAttribute{t.partition, t.sort}
}

func (t *table) isKey(name string) bool { return name == t.partition.name || name == t.sort.name }

// find returns where the item with that key is, or belongs.
func (t *table) find(key attribute.Item) (at int, found bool) {
	return slices.BinarySearchFunc(t.partitions[key[t.partition.name].Text], key, func(a, b attribute.Item) int {
		if t.sort.name == "" {
			return 0
		}
		return a[t.sort.name].Compare(b[t.sort.name])
	})
}

// get returns the item with that key, nil when there is none.
func (t *table) get(key attribute.Item) attribute.Item {
	if at, found := t.find(key); found {
		return t.partitions[key[t.partition.name].Text][at]
	}
	return nil
}

// set puts an item in its place.
func (t *table) set(item attribute.Item) {
	t.keep(t.keyOf(item))
	partition := item[t.partition.name].Text
	at, found := t.find(item)
	if found {
		t.partitions[partition][at] = item
		return
	}
	t.partitions[partition] = slices.Insert(t.partitions[partition], at, item)
}

// remove takes the item with that key away, if it's there.
func (t *table) remove(key attribute.Item) {
	key = t.keyOf(key)
	t.keep(key)
	partition := key[t.partition.name].Text
	if at, found := t.find(key); found {
		t.partitions[partition] = slices.Delete(t.partitions[partition], at, at+1)
	}
	if len(t.partitions[partition]) == 0 {
		delete(t.partitions, partition)
	}
}

// keyOf returns the key of an item.
func (t *table) keyOf(item attribute.Item) attribute.Item {
	key := attribute.Item{}
	for _, part := range t.keys() {
		key[part.name] = item[part.name]
	}
	return key
}

func (s *Service) find(name string) (*table, error) {
	if found := s.tables[name]; found != nil {
		return found, nil
	}
	return nil, wire.Refuse("ResourceNotFoundException", "Requested resource not found")
}

// ExpireItems removes the items whose time to live is over and returns how many
// there were. DynamoDB does so within days and returns them until then; a test
// decides when, and can look at both states.
func (s *Service) ExpireItems() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	removed, now := 0, s.cloud.Now().Unix()
	for _, table := range s.tables {
		if table.timeToLive == "" {
			continue
		}
		for _, items := range table.partitions {
			for _, item := range slices.Clone(items) {
				value := item[table.timeToLive]
				// What is no whole number never expires.
				end, err := strconv.ParseInt(value.Text, 10, 64)
				if value.Type == attribute.Number && err == nil && end < now {
					table.remove(item)
					removed++
				}
			}
		}
	}
	return removed
}

func invalid(format string, args ...any) error {
	return wire.Refuse("ValidationException", format, args...)
}
