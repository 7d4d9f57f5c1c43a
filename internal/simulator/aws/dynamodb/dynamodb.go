// Package dynamodb puts minidyn, an independent imitation of Amazon DynamoDB, behind
// the simulator's endpoint. The contract of package aws names the rows in which
// minidyn differs from DynamoDB.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html
package dynamodb

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
	"github.com/truora/minidyn/server"
)

// Service holds the tables of one account and region. It is safe for concurrent use.
type Service struct {
	*wire.JSON
	mu     sync.Mutex // minidyn reads its map of tables without a lock in some operations
	tables *server.Server
}

// New returns a service without tables.
func New() *Service {
	return &Service{
		JSON:   &wire.JSON{Signing: "dynamodb", Prefix: "DynamoDB_20120810", Version: "1.0", Namespace: "com.amazonaws.dynamodb.v20120810"},
		tables: server.NewServer(),
	}
}

// Handle implements wire.Service.
func (s *Service) Handle(w http.ResponseWriter, r *http.Request, _ []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables.ServeHTTP(w, r)
	return nil
}

// Add makes a table as template.yaml has it, past the signature: its key is the string
// id, and its index Runs sorts by app and started. It panics when the table is there
// already.
func (s *Service) Add(name string) {
	create := fmt.Sprintf(`{"TableName":%q,"BillingMode":"PAY_PER_REQUEST",`+
		`"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},{"AttributeName":"app","AttributeType":"S"},{"AttributeName":"started","AttributeType":"S"}],`+
		`"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"GlobalSecondaryIndexes":[{"IndexName":"Runs","Projection":{"ProjectionType":"ALL"},`+
		`"KeySchema":[{"AttributeName":"app","KeyType":"HASH"},{"AttributeName":"started","KeyType":"RANGE"}]}]}`, name)
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader(create))
	r.Header.Set("X-Amz-Target", s.Prefix+".CreateTable")
	w := httptest.NewRecorder()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		panic("dynamodb: add table " + name + ": " + w.Body.String())
	}
}
