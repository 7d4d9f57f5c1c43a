package dynamodb

import (
	"context"
	"regexp"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

type createInput struct {
	TableName            string
	AttributeDefinitions []attributeDefinition
	KeySchema            []keyElement
	BillingMode          string
}

type attributeDefinition struct {
	AttributeName string         `json:"AttributeName"`
	AttributeType attribute.Type `json:"AttributeType"`
}

type keyElement struct {
	AttributeName string `json:"AttributeName"`
	KeyType       string `json:"KeyType"`
}

type description struct {
	TableName            string                `json:"TableName"`
	TableARN             string                `json:"TableArn"`
	TableStatus          string                `json:"TableStatus"`
	CreationDateTime     wire.Time             `json:"CreationDateTime"`
	AttributeDefinitions []attributeDefinition `json:"AttributeDefinitions"`
	KeySchema            []keyElement          `json:"KeySchema"`
	ItemCount            int                   `json:"ItemCount"`
}

type createOutput struct {
	TableDescription description `json:"TableDescription"`
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
	fresh := &table{name: in.TableName, created: s.cloud.Now(), partitions: map[string][]attribute.Item{}, now: s.cloud.Now, past: map[string]past{}}
	if err := fresh.define(in.KeySchema, in.AttributeDefinitions); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tables[in.TableName] != nil {
		return nil, wire.Refuse("ResourceInUseException", "Table already exists: %s", in.TableName)
	}
	s.tables[in.TableName] = fresh
	return &createOutput{s.describe(fresh)}, nil
}

// define sets the key from the schema and checks that it fits the definitions.
func (t *table) define(schema []keyElement, definitions []attributeDefinition) error {
	types := map[string]attribute.Type{}
	for _, definition := range definitions {
		if !definition.AttributeType.Ordered() {
			return invalid("Member must satisfy enum value set: [B, N, S]")
		}
		if n := len(definition.AttributeName); n < 1 || n > 255 {
			return invalid("1 validation error detected: 'attributeName' must have between 1 and 255 characters")
		}
		types[definition.AttributeName] = definition.AttributeType
	}
	roles := []struct {
		role string
		key  *keyAttribute
	}{{"HASH", &t.partition}, {"RANGE", &t.sort}}
	if len(schema) < 1 || len(schema) > len(roles) {
		return invalid("1 validation error detected: 'keySchema' must have 1 or 2 members")
	}
	for i, element := range schema {
		if element.KeyType != roles[i].role || types[element.AttributeName] == "" {
			return invalid("Invalid KeySchema: element %d must be %s and be defined in AttributeDefinitions", i, roles[i].role)
		}
		*roles[i].key = keyAttribute{element.AttributeName, types[element.AttributeName]}
	}
	if len(types) != len(schema) {
		return invalid("One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	return nil
}

func (s *Service) describe(t *table) description {
	out := description{
		TableName: t.name, TableARN: s.cloud.ARN("dynamodb", "table/"+t.name), TableStatus: "ACTIVE", CreationDateTime: wire.Time(t.created),
	}
	for i, key := range t.keys() {
		out.AttributeDefinitions = append(out.AttributeDefinitions, attributeDefinition{key.name, key.attrType})
		out.KeySchema = append(out.KeySchema, keyElement{key.name, []string{"HASH", "RANGE"}[i]})
	}
	for _, items := range t.partitions {
		out.ItemCount += len(items)
	}
	return out
}

type tableInput struct {
	TableName string
}

type describeOutput struct {
	Table description `json:"Table"`
}

func (s *Service) describeTable(_ context.Context, in tableInput) (*describeOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.TableName)
	if err != nil {
		return nil, err
	}
	return &describeOutput{s.describe(found)}, nil
}

type timeToLive struct {
	AttributeName string `json:"AttributeName"`
	Enabled       bool   `json:"Enabled"`
}

type timeToLiveInput struct {
	TableName               string
	TimeToLiveSpecification timeToLive
}

type timeToLiveOutput struct {
	TimeToLiveSpecification timeToLive `json:"TimeToLiveSpecification"`
}

func (s *Service) updateTimeToLive(_ context.Context, in timeToLiveInput) (*timeToLiveOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.TableName)
	if err != nil {
		return nil, err
	}
	spec := in.TimeToLiveSpecification
	if spec.AttributeName == "" {
		return nil, invalid("1 validation error detected: 'timeToLiveSpecification.attributeName' must have length greater than or equal to 1")
	}
	if spec.Enabled == (found.timeToLive != "") {
		return nil, invalid("TimeToLive is already %s", map[bool]string{true: "enabled", false: "disabled"}[spec.Enabled])
	}
	found.timeToLive = ""
	if spec.Enabled {
		found.timeToLive = spec.AttributeName
	}
	return &timeToLiveOutput{spec}, nil
}
