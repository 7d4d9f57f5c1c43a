package aws_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// table is a table of a behaviour's own, with the key "id".
type table struct {
	*dynamodb.Client
	t    *testing.T
	name *string
}

type attributes = map[string]types.AttributeValue

func text(value string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: value} }
func number(value string) types.AttributeValue { return &types.AttributeValueMemberN{Value: value} }

func newTable(t *testing.T, c cloud) table {
	t.Helper()
	in := &dynamodb.CreateTableInput{
		TableName: aws.String(unique(t)), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: "HASH"}},
	}
	client := dynamodb.NewFromConfig(c.Config)
	must[*dynamodb.CreateTableOutput](t)(client.CreateTable(t.Context(), in))
	return table{client, t, in.TableName}
}

func (b table) put(item attributes, condition string) string {
	in := &dynamodb.PutItemInput{TableName: b.name, Item: item}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	_, err := b.PutItem(b.t.Context(), in)
	return outcome(err)
}

// update changes the item "a" and shows it whole.
func (b table) update(expression, condition string, values attributes) string {
	in := &dynamodb.UpdateItemInput{
		TableName: b.name, Key: attributes{"id": text("a")}, UpdateExpression: &expression,
		ExpressionAttributeValues: values, ReturnValues: "ALL_NEW",
	}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	out, err := b.UpdateItem(b.t.Context(), in)
	if err != nil {
		return outcome(err)
	}
	return show(out.Attributes)
}

func (b table) get(id string) string {
	b.t.Helper()
	out, err := b.GetItem(b.t.Context(), &dynamodb.GetItemInput{TableName: b.name, Key: attributes{"id": text(id)}, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return outcome(err)
	}
	return show(out.Item)
}

// show writes strings and numbers of an item.
func show(item attributes) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(item)) {
		switch value := item[name].(type) {
		case *types.AttributeValueMemberS:
			parts = append(parts, fmt.Sprintf("%s=%q", name, value.Value))
		case *types.AttributeValueMemberN:
			parts = append(parts, name+"="+value.Value)
		}
	}
	return strings.Join(parts, " ")
}

func TestContractDynamoDB(t *testing.T) {
	t.Parallel()
	runContract(t, []behaviour{
		{
			name: "an item is created once",
			observe: func(t *testing.T, c cloud) []string {
				b := newTable(t, c)
				return []string{
					b.put(attributes{"id": text("a"), "n": number("1")}, "attribute_not_exists(id)"),
					b.put(attributes{"id": text("a"), "n": number("2")}, "attribute_not_exists(id)"), b.get("a"), b.get("b"),
				}
			},
			want: []string{"ok", "ConditionalCheckFailedException", `id="a" n=1`, ""},
		},
		{
			name: "an update creates what is not there, adds and sets",
			observe: func(t *testing.T, c cloud) []string {
				b := newTable(t, c)
				return []string{
					b.update("ADD n :v", "", attributes{":v": number("2")}),
					b.update("SET k = :w ADD n :v", "", attributes{":v": number("-3"), ":w": text("x")}),
				}
			},
			want: []string{`id="a" n=2`, `id="a" k="x" n=-1`},
		},
		{
			name: "the newest revision wins",
			observe: func(t *testing.T, c cloud) []string {
				b := newTable(t, c)
				newest := func(n string) string {
					return b.update("SET revision = :n", "attribute_not_exists(revision) OR revision < :n", attributes{":n": number(n)})
				}
				return []string{newest("9"), newest("10"), newest("10"), newest("9")}
			},
			want: []string{`id="a" revision=9`, `id="a" revision=10`, "ConditionalCheckFailedException", "ConditionalCheckFailedException"},
		},
		{
			name: "an attribute that is not there equals nothing and differs from everything",
			observe: func(t *testing.T, c cloud) []string {
				b := newTable(t, c)
				try := func(condition string) string {
					return b.update("SET k = :v", condition, attributes{":v": number("1")})
				}
				return []string{try("gone = :v"), try("gone < :v"), try("gone <> :v")}
			},
			want: []string{"ConditionalCheckFailedException", "ConditionalCheckFailedException", `id="a" k=1`},
		},
		{
			name: "AND binds tighter than OR",
			observe: func(t *testing.T, c cloud) []string {
				b := newTable(t, c)
				b.put(attributes{"id": text("a"), "n": number("1")}, "")
				values := attributes{":one": number("1"), ":two": number("2")}
				return []string{
					b.update("SET k = :one", "n = :one OR n = :two AND n = :two", values),
					b.update("SET k = :one", "(n = :one OR n = :two) AND n = :two", values),
				}
			},
			want: []string{`id="a" k=1 n=1`, "ConditionalCheckFailedException"},
		},
		{
			name: "expressions are checked before they are applied",
			observe: func(t *testing.T, c cloud) []string {
				b := newTable(t, c)
				b.put(attributes{"id": text("a"), "word": text("x")}, "")
				one := attributes{":v": number("1")}
				return []string{
					b.update("SET state = :v", "", one), b.update("SET k = :w", "", one), b.update("SET k = ", "", one),
					b.update("SET k = :v, k = :v", "", one), b.update("SET id = :v", "", one), b.update("ADD word :v", "", one), b.get("a"),
				}
			},
			want:    append(slices.Repeat([]string{"ValidationException"}, 6), `id="a" word="x"`),
			standIn: "minidyn takes two SETs of one path and a SET of the key",
		},
		{
			name: "a condition that is cut off is refused",
			observe: func(t *testing.T, c cloud) []string {
				return []string{newTable(t, c).update("SET k = :v", "k = ", attributes{":v": number("1")})}
			},
			want: []string{"ValidationException"},
			moto: "it answers 500",
		},
		{
			name: "placeholders that are not used are refused",
			observe: func(t *testing.T, c cloud) []string {
				return []string{newTable(t, c).update("SET k = :v", "", attributes{":v": number("1"), ":w": number("1")})}
			},
			want: []string{"ValidationException"},
		},
		{
			name: "numbers come back in one form",
			observe: func(t *testing.T, c cloud) []string {
				b := newTable(t, c)
				b.put(attributes{"id": text("a"), "n": number("007.50")}, "")
				return []string{b.get("a")}
			},
			want:    []string{`id="a" n=7.5`},
			standIn: "minidyn keeps them as they were written",
			moto:    "it keeps them as they were written",
		},
		{
			name: "keys and sizes are checked",
			observe: func(t *testing.T, c cloud) []string {
				b := newTable(t, c)
				_, extra := b.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: b.name, Key: attributes{"id": text("a"), "n": number("1")}})
				_, none := b.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(*b.name + "-none"), Key: attributes{"id": text("a")}})
				return []string{
					b.put(attributes{"n": number("1")}, ""), b.put(attributes{"id": number("1")}, ""), b.put(attributes{"id": text("")}, ""),
					b.put(attributes{"id": text("a"), "x": text(strings.Repeat("x", 400<<10))}, ""), outcome(extra), outcome(none),
				}
			},
			want:    append(slices.Repeat([]string{"ValidationException"}, 5), "ResourceNotFoundException"),
			standIn: "minidyn takes an empty key and an item over 400 KiB",
		},
	})
}
