package dynamodb_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
)

// world is a simulated AWS with a table "runs", a client, and a clock that tests move
// between calls.
type world struct {
	*sdk.Client
	cloud *simulator.Server
	now   time.Time
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.cloud = simulator.New(simulator.Options{Now: func() time.Time { return w.now }})
	t.Cleanup(w.cloud.Close)
	w.Client = sdk.NewFromConfig(w.cloud.Config(), func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	w.cloud.Tables.Add("runs")
	return w
}

func (w *world) create(t *testing.T, name string, keys ...string) error {
	t.Helper()
	in := &sdk.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest}
	for i, key := range keys {
		key, kind, _ := strings.Cut(key, ":")
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &key, AttributeType: types.ScalarAttributeType(kind)})
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: &key, KeyType: []types.KeyType{"HASH", "RANGE"}[i]})
	}
	_, err := w.CreateTable(t.Context(), in)
	return err
}

// item writes an item short: {"id":"a","n":1} has a string and a number.
func item(t *testing.T, text string) map[string]types.AttributeValue {
	t.Helper()
	if text == "" {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var plain map[string]any
	if err := decoder.Decode(&plain); err != nil {
		t.Fatalf("item %s: %v", text, err)
	}
	out := map[string]types.AttributeValue{}
	for name, value := range plain {
		switch value := value.(type) {
		case string:
			out[name] = &types.AttributeValueMemberS{Value: value}
		case json.Number:
			out[name] = &types.AttributeValueMemberN{Value: value.String()}
		default:
			t.Fatalf("item %s: %s is no string or number", text, name)
		}
	}
	return out
}

// short is the reverse of item.
func short(item map[string]types.AttributeValue) string {
	if item == nil {
		return ""
	}
	plain := map[string]any{}
	for name, value := range item {
		switch value := value.(type) {
		case *types.AttributeValueMemberS:
			plain[name] = value.Value
		case *types.AttributeValueMemberN:
			plain[name] = json.Number(value.Value)
		}
	}
	encoded, err := json.Marshal(plain)
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}

func (w *world) put(t *testing.T, text string) {
	t.Helper()
	if _, err := w.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("runs"), Item: item(t, text)}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) wantItem(t *testing.T, id, want string) {
	t.Helper()
	out, err := w.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("runs"), Key: item(t, `{"id":"`+id+`"}`), ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if got := short(out.Item); got != want {
		t.Errorf("item %s = %s, want %s", id, got, want)
	}
}

// code returns the type and, for invalid requests, the message of a refusal.
func code(err error) string {
	var refusal smithy.APIError
	if !errors.As(err, &refusal) {
		if err != nil {
			return err.Error()
		}
		return ""
	}
	if refusal.ErrorCode() == "ValidationException" {
		return "invalid: " + refusal.ErrorMessage()
	}
	return refusal.ErrorCode()
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := code(err); got != want && (want == "" || !strings.HasPrefix(got, want)) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// update is one UpdateItem on the item "a" of the table "runs".
type update struct {
	expression, condition, values string
	returns                       types.ReturnValue
}

func (w *world) update(t *testing.T, u update) (string, error) {
	t.Helper()
	in := &sdk.UpdateItemInput{
		TableName: aws.String("runs"), Key: item(t, `{"id":"a"}`), ExpressionAttributeValues: item(t, u.values), ReturnValues: u.returns,
	}
	if u.expression != "" {
		in.UpdateExpression = &u.expression
	}
	if u.condition != "" {
		in.ConditionExpression = &u.condition
	}
	out, err := w.UpdateItem(t.Context(), in)
	if err != nil {
		return "", err
	}
	return short(out.Attributes), nil
}

func TestPutGetDelete(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.wantItem(t, "a", "")
	w.put(t, `{"id":"a","n":1}`)
	w.wantItem(t, "a", `{"id":"a","n":1}`)
	w.put(t, `{"id":"a"}`)
	w.wantItem(t, "a", `{"id":"a"}`)
	for _, what := range []string{"delete", "delete what is gone"} {
		_, err := w.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("runs"), Key: item(t, `{"id":"a"}`)})
		wantCode(t, what, err, "")
		w.wantItem(t, "a", "")
	}
}

func TestConditionsGuardWrites(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.put(t, `{"id":"a","n":1}`)
	key := item(t, `{"id":"a"}`)
	fails := aws.String("attribute_not_exists(id)")
	_, putErr := w.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("runs"), Item: item(t, `{"id":"a","n":2}`), ConditionExpression: fails})
	_, deleteErr := w.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("runs"), Key: key, ConditionExpression: fails})
	_, updateErr := w.update(t, update{expression: "SET n = :n", condition: *fails, values: `{":n":2}`})
	for what, err := range map[string]error{"put": putErr, "delete": deleteErr, "update": updateErr} {
		wantCode(t, what, err, "ConditionalCheckFailedException")
	}
	w.wantItem(t, "a", `{"id":"a","n":1}`)
	_, err := w.update(t, update{expression: "SET n = :n", condition: "n = :old", values: `{":n":2,":old":1}`})
	wantCode(t, "a condition that holds", err, "")
	w.wantItem(t, "a", `{"id":"a","n":2}`)
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	const before = `{"id":"a","n":5,"word":"t"}`
	for what, test := range map[string]struct {
		update
		want string // the item after it, or the refusal
	}{
		"set":               {update{expression: "SET n = :v, extra = :w", values: `{":v":7,":w":"x"}`}, `{"extra":"x","id":"a","n":7,"word":"t"}`},
		"words in any case": {update{expression: "set word = :v add n :v", values: `{":v":7}`}, `{"id":"a","n":12,"word":7}`},
		"add to a number":   {update{expression: "ADD n :v", values: `{":v":-7}`}, `{"id":"a","n":-2,"word":"t"}`},
		"add a fraction":    {update{expression: "ADD n :v", values: `{":v":1.50}`}, `{"id":"a","n":6.5,"word":"t"}`},
		"add to nothing":    {update{expression: "ADD fresh :v", values: `{":v":3}`}, `{"fresh":3,"id":"a","n":5,"word":"t"}`},
		"no expression":     {update{}, before},

		"add a number to text":    {update{expression: "ADD word :v", values: `{":v":1}`}, "invalid: An operand in the update expression has an incorrect data type"},
		"add text":                {update{expression: "ADD n :v", values: `{":v":"x"}`}, "invalid: Invalid UpdateExpression: Incorrect operand type"},
		"the key":                 {update{expression: "SET id = :v", values: `{":v":"b"}`}, "invalid: One or more parameter values were invalid: Cannot update attribute id."},
		"a path twice":            {update{expression: "SET n = :v ADD n :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Two document paths overlap"},
		"a clause twice":          {update{expression: "SET n = :v SET k = :v", values: `{":v":1}`}, `invalid: Invalid UpdateExpression: The "SET" section can only be used once`},
		"a reserved word":         {update{expression: "SET state = :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: state"},
		"an unknown placeholder":  {update{expression: "SET n = :v"}, "invalid: Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: :v"},
		"an unused value":         {update{expression: "SET n = :v", values: `{":v":1,":w":1}`}, "invalid: Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}"},
		"no clause":               {update{expression: "n = :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Syntax error"},
		"no equals sign":          {update{expression: "SET n :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Syntax error"},
		"nothing to set":          {update{expression: "SET n = "}, "invalid: Invalid UpdateExpression: Syntax error"},
		"add an attribute":        {update{expression: "ADD n k"}, "invalid: Invalid UpdateExpression: Syntax error"},
		"add an unknown value":    {update{expression: "ADD n :v"}, "invalid: Invalid UpdateExpression: An expression attribute value used in expression is not defined"},
		"an empty expression":     {update{expression: " "}, "invalid: Invalid UpdateExpression: The expression can not be empty"},
		"a very long expression":  {update{expression: "SET n = :v" + strings.Repeat(" ", 4096), values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Expression size has exceeded"},
		"a trailing comma":        {update{expression: "SET n = :v,", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Syntax error"},
		"a stray character":       {update{expression: "SET n = :v;", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Syntax error"},
		"no such return value":    {update{expression: "SET n = :v", values: `{":v":1}`, returns: "SOME"}, "invalid: Return values set to invalid value: SOME"},
		"too big":                 {update{expression: "SET n = :v", values: `{":v":"` + strings.Repeat("x", 400<<10) + `"}`}, "invalid: Item size to update has exceeded"},
		"a number too exact":      {update{expression: "ADD n :v", values: `{":v":1e-38}`}, "invalid: Attempting to store more than 38 significant digits in a Number"},
		"a condition that is not": {update{expression: "SET n = :v", condition: "n = ", values: `{":v":1}`}, "invalid: Invalid ConditionExpression: Syntax error"},

		"set to an attribute":  {update{expression: "SET n = word"}, "NotSimulated"},
		"set to a function":    {update{expression: "SET n = if_not_exists(n, :v)", values: `{":v":1}`}, "NotSimulated"},
		"set to a sum":         {update{expression: "SET n = :v + :v", values: `{":v":1}`}, "NotSimulated"},
		"a member of a map":    {update{expression: "SET m.x = :v", values: `{":v":1}`}, "NotSimulated"},
		"a list's element":     {update{expression: "SET n[0] = :v", values: `{":v":1}`}, "NotSimulated"},
		"a name's placeholder": {update{expression: "SET #n = :v", values: `{":v":1}`}, "NotSimulated"},
		"remove":               {update{expression: "REMOVE n"}, "NotSimulated"},
		"delete from a set":    {update{expression: "DELETE s :v", values: `{":v":"a"}`}, "NotSimulated"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.put(t, before)
			_, err := w.update(t, test.update)
			if !strings.HasPrefix(test.want, "{") {
				wantCode(t, what, err, test.want)
				w.wantItem(t, "a", before)
				return
			}
			wantCode(t, what, err, "")
			w.wantItem(t, "a", test.want)
		})
	}
}

func TestReturnValues(t *testing.T) {
	t.Parallel()
	for returns, want := range map[types.ReturnValue]string{"": "", "NONE": "", "ALL_NEW": `{"fresh":1,"id":"a","k":1,"n":6}`} {
		t.Run(string(returns), func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.put(t, `{"id":"a","n":5,"k":1}`)
			got, err := w.update(t, update{expression: "ADD n :one, fresh :one", values: `{":one":1}`, returns: returns})
			if err != nil || got != want {
				t.Errorf("returned %s, error %v, want %s", got, err, want)
			}
		})
	}
}

func TestAnUpdateCreatesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := start(t)
	_, err := w.update(t, update{expression: "ADD n :one", values: `{":one":1}`})
	wantCode(t, "update", err, "")
	w.wantItem(t, "a", `{"id":"a","n":1}`)
}

func TestInvalidItemsAndKeys(t *testing.T) {
	t.Parallel()
	w := start(t)
	put := func(table, text string) error {
		_, err := w.PutItem(t.Context(), &sdk.PutItemInput{TableName: &table, Item: item(t, text)})
		return err
	}
	get := func(table, text string) error {
		_, err := w.GetItem(t.Context(), &sdk.GetItemInput{TableName: &table, Key: item(t, text)})
		return err
	}
	for _, test := range []struct {
		what string
		err  error
		want string
	}{
		{"no such table", put("none", `{"id":"a"}`), "ResourceNotFoundException"},
		{"no key", put("runs", `{"n":1}`), "invalid: One or more parameter values were invalid: Missing the key id in the item"},
		{"a key of another type", put("runs", `{"id":1}`), "invalid: One or more parameter values were invalid: Type mismatch for key id expected: S actual: N"},
		{"an empty key", put("runs", `{"id":""}`), "invalid: One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value."},
		{"a key of 2,048 bytes", put("runs", `{"id":"`+strings.Repeat("k", 2048)+`"}`), ""},
		{"a key of 2,049 bytes", put("runs", `{"id":"`+strings.Repeat("k", 2049)+`"}`), "invalid: One or more parameter values were invalid: Size of key id"},
		{"an item over 400 KB", put("runs", `{"id":"a","x":"`+strings.Repeat("x", 400<<10)+`"}`), "invalid: Item size has exceeded the maximum allowed size"},
		{"38 digits", put("runs", `{"id":"a","n":0.12345678901234567890123456789012345678}`), ""},
		{"39 digits", put("runs", `{"id":"a","n":123456789012345678901234567890123456789}`), "invalid: Attempting to store more than 38 significant digits in a Number"},
		{"a number too large", put("runs", `{"id":"a","n":1e126}`), "invalid: Number overflow or underflow"},
		{"a number too small", put("runs", `{"id":"a","n":1e-131}`), "invalid: Number overflow or underflow"},
		{"the smallest number", put("runs", `{"id":"a","n":1e-130}`), ""},
		{"more than the key", get("runs", `{"id":"a","n":1}`), "invalid: The provided key element does not match the schema"},
		{"less than the key", get("runs", `{}`), "invalid: The provided key element does not match the schema"},
		{"another key", get("runs", `{"ID":"a"}`), "invalid: The provided key element does not match the schema"},
	} {
		wantCode(t, test.what, test.err, test.want)
	}
	_, err := w.PutItem(t.Context(), &sdk.PutItemInput{
		TableName: aws.String("runs"), Item: item(t, `{"id":"a"}`), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	wantCode(t, "capacity is not simulated", err, "NotSimulated")
}

func TestTables(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, test := range []struct {
		what string
		err  error
		want string
	}{
		{"again", w.create(t, "runs", "id:S"), "ResourceInUseException"},
		{"a short name", w.create(t, "ab", "id:S"), "invalid"},
		{"no key at all", w.create(t, "abc"), "invalid"},
		{"a key without a name", w.create(t, "abc", ":S"), "invalid"},
		{"a key of numbers", w.create(t, "abc", "id:N"), "NotSimulated"},
		{"a sort key", w.create(t, "abc", "id:S", "nr:N"), "NotSimulated"},
	} {
		wantCode(t, test.what, test.err, test.want)
	}
}
