package dynamodb

import (
	"context"
	"regexp"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

type createInput struct {
	TableName            string
	AttributeDefinitions []attributeDefinition
	KeySchema            []keyElement
	BillingMode          string
}

type attributeDefinition struct {
	AttributeName string
	AttributeType attribute.Type
}

type keyElement struct {
	AttributeName string
	KeyType       string
}

type createOutput struct {
	TableDescription struct {
		TableName   string `json:"TableName"`
		TableStatus string `json:"TableStatus"`
	} `json:"TableDescription"`
}

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

// Add makes a table whose key is the string id, past the protocol. It panics when the
// table is there already.
func (s *Service) Add(name string) {
	_, err := s.createTable(context.Background(), createInput{
		TableName: name, BillingMode: "PAY_PER_REQUEST",
		AttributeDefinitions: []attributeDefinition{{AttributeName: "id", AttributeType: attribute.String}},
		KeySchema:            []keyElement{{AttributeName: "id", KeyType: "HASH"}},
	})
	if err != nil {
		panic("dynamodb: add table " + name + ": " + err.Error())
	}
}

func (s *Service) createTable(_ context.Context, in createInput) (*createOutput, error) {
	if !tableName.MatchString(in.TableName) {
		return nil, invalid("1 validation error detected: Value '%s' at 'tableName' failed to satisfy constraint", in.TableName)
	}
	if in.BillingMode != "PAY_PER_REQUEST" {
		return nil, wire.Missing("billing mode", in.BillingMode)
	}
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tables[in.TableName] != nil {
		return nil, wire.Refuse("ResourceInUseException", "Table already exists: %s", in.TableName)
	}
	s.tables[in.TableName] = &table{key: key, now: s.cloud.Now, items: map[string]attribute.Item{}, past: map[string]past{}}
	var out createOutput
	out.TableDescription.TableName, out.TableDescription.TableStatus = in.TableName, "ACTIVE"
	return &out, nil
}

// key returns the name of the only key attribute.
func (in createInput) key() (string, error) {
	if len(in.KeySchema) < 1 {
		return "", invalid("1 validation error detected: 'keySchema' must have 1 or 2 members")
	}
	key := in.KeySchema[0]
	if len(in.KeySchema) > 1 {
		return "", wire.Missing("sort key", in.KeySchema[1].AttributeName)
	}
	if key.AttributeName == "" || key.KeyType != "HASH" || len(in.AttributeDefinitions) != 1 || in.AttributeDefinitions[0].AttributeName != key.AttributeName {
		return "", invalid("One or more parameter values were invalid: the HASH key must be the one attribute in AttributeDefinitions")
	}
	if kind := in.AttributeDefinitions[0].AttributeType; kind != attribute.String {
		return "", wire.Missing("key of type", string(kind))
	}
	return key.AttributeName, nil
}
