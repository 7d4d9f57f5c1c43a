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
	"github.com/google/go-cmp/cmp"
	simulator "github.com/linkersync/linkersync/shared/simulator/aws"
)

// world is a simulated AWS with a table "runs" (key id) and a table "log" (keys
// run and nr), a client, and a clock that tests move between calls.
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
	for name, keys := range map[string][]string{"runs": {"id:S"}, "log": {"run:S", "nr:N"}} {
		if err := w.create(t, name, keys...); err != nil {
			t.Fatal(err)
		}
	}
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
	return toMap(plain)
}

func toMap(plain map[string]any) map[string]types.AttributeValue {
	out := map[string]types.AttributeValue{}
	for name, value := range plain {
		out[name] = toValue(value)
	}
	return out
}

// toValue takes a list of strings for a string set, since lists are rare here.
func toValue(value any) types.AttributeValue {
	switch value := value.(type) {
	case string:
		return &types.AttributeValueMemberS{Value: value}
	case json.Number:
		return &types.AttributeValueMemberN{Value: value.String()}
	case bool:
		return &types.AttributeValueMemberBOOL{Value: value}
	case map[string]any:
		return &types.AttributeValueMemberM{Value: toMap(value)}
	case []any:
		set := &types.AttributeValueMemberSS{}
		for _, element := range value {
			text, _ := element.(string)
			set.Value = append(set.Value, text)
		}
		return set
	}
	return &types.AttributeValueMemberNULL{Value: true}
}

// short is the reverse of item.
func short(item map[string]types.AttributeValue) string {
	if item == nil {
		return ""
	}
	encoded, err := json.Marshal(fromMap(item))
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}

func fromMap(item map[string]types.AttributeValue) map[string]any {
	plain := map[string]any{}
	for name, value := range item {
		switch value := value.(type) {
		case *types.AttributeValueMemberS:
			plain[name] = value.Value
		case *types.AttributeValueMemberN:
			plain[name] = json.Number(value.Value)
		case *types.AttributeValueMemberBOOL:
			plain[name] = value.Value
		case *types.AttributeValueMemberSS:
			plain[name] = value.Value
		case *types.AttributeValueMemberM:
			plain[name] = fromMap(value.Value)
		}
	}
	return plain
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
	names                         map[string]string
	returns                       types.ReturnValue
}

func (w *world) update(t *testing.T, u update) (string, error) {
	t.Helper()
	in := &sdk.UpdateItemInput{
		TableName: aws.String("runs"), Key: item(t, `{"id":"a"}`), ExpressionAttributeNames: u.names,
		ExpressionAttributeValues: item(t, u.values), ReturnValues: u.returns,
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
	w.put(t, `{"id":"a","n":1,"deep":{"x":true},"set":["b","a"]}`)
	w.wantItem(t, "a", `{"deep":{"x":true},"id":"a","n":1,"set":["a","b"]}`)
	old, err := w.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("runs"), Item: item(t, `{"id":"a"}`), ReturnValues: "ALL_OLD"})
	if err != nil || short(old.Attributes) != `{"deep":{"x":true},"id":"a","n":1,"set":["a","b"]}` {
		t.Errorf("old item %s, error %v", short(old.Attributes), err)
	}
	w.wantItem(t, "a", `{"id":"a"}`)
	gone, err := w.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("runs"), Key: item(t, `{"id":"a"}`), ReturnValues: "ALL_OLD"})
	if err != nil || short(gone.Attributes) != `{"id":"a"}` {
		t.Errorf("deleted %s, error %v", short(gone.Attributes), err)
	}
	w.wantItem(t, "a", "")
	_, err = w.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("runs"), Key: item(t, `{"id":"a"}`)})
	wantCode(t, "delete what is gone", err, "")
}

func TestProjection(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.put(t, `{"id":"a","n":1,"state":"x"}`)
	get := func(projection string, names map[string]string) (string, error) {
		out, err := w.GetItem(t.Context(), &sdk.GetItemInput{
			TableName: aws.String("runs"), Key: item(t, `{"id":"a"}`), ConsistentRead: aws.Bool(true), ProjectionExpression: &projection, ExpressionAttributeNames: names,
		})
		if err != nil {
			return "", err
		}
		return short(out.Item), nil
	}
	if got, err := get("n, #s, gone", map[string]string{"#s": "state"}); err != nil || got != `{"n":1,"state":"x"}` {
		t.Errorf("projected %s, error %v", got, err)
	}
	_, err := get("n, state", nil)
	wantCode(t, "a reserved word", err, "invalid: Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: state")
}

func TestConditionsGuardWrites(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.put(t, `{"id":"a","n":1}`)
	key := item(t, `{"id":"a"}`)
	fails := aws.String("attribute_not_exists(id)")
	_, putErr := w.PutItem(t.Context(), &sdk.PutItemInput{
		TableName: aws.String("runs"), Item: item(t, `{"id":"a","n":2}`), ConditionExpression: fails, ReturnValuesOnConditionCheckFailure: "ALL_OLD",
	})
	_, deleteErr := w.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("runs"), Key: key, ConditionExpression: fails})
	_, updateErr := w.update(t, update{expression: "SET n = :n", condition: *fails, values: `{":n":2}`})
	for what, err := range map[string]error{"put": putErr, "delete": deleteErr, "update": updateErr} {
		var failed *types.ConditionalCheckFailedException
		if !errors.As(err, &failed) {
			t.Errorf("%s: %v, want a ConditionalCheckFailedException", what, err)
			continue
		}
		want := map[string]string{"put": `{"id":"a","n":1}`}[what]
		if got := short(failed.Item); got != want {
			t.Errorf("%s: the error's item is %s, want %q", what, got, want)
		}
	}
	w.wantItem(t, "a", `{"id":"a","n":1}`)
	_, err := w.update(t, update{expression: "SET n = :n", condition: "n = :old", values: `{":n":2,":old":1}`})
	wantCode(t, "a condition that holds", err, "")
	w.wantItem(t, "a", `{"id":"a","n":2}`)
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	const before = `{"id":"a","m":{"x":1},"n":5,"s":["a"],"word":"t"}`
	for what, test := range map[string]struct {
		update
		want string // the item after it, or the refusal
	}{
		"set":                      {update{expression: "SET n = :v, extra = word", values: `{":v":7}`}, `{"extra":"t","id":"a","m":{"x":1},"n":7,"s":["a"],"word":"t"}`},
		"words in any case":        {update{expression: "set n = :v remove word", values: `{":v":7}`}, `{"id":"a","m":{"x":1},"n":7,"s":["a"]}`},
		"add to a number":          {update{expression: "ADD n :v", values: `{":v":-7}`}, `{"id":"a","m":{"x":1},"n":-2,"s":["a"],"word":"t"}`},
		"add to nothing":           {update{expression: "ADD fresh :v", values: `{":v":3}`}, `{"fresh":3,"id":"a","m":{"x":1},"n":5,"s":["a"],"word":"t"}`},
		"add to a set":             {update{expression: "ADD s :v", values: `{":v":["b","a"]}`}, `{"id":"a","m":{"x":1},"n":5,"s":["a","b"],"word":"t"}`},
		"count up":                 {update{expression: "SET n = n + :v", values: `{":v":1.50}`}, `{"id":"a","m":{"x":1},"n":6.5,"s":["a"],"word":"t"}`},
		"count down":               {update{expression: "SET n = n - :v", values: `{":v":5}`}, `{"id":"a","m":{"x":1},"n":0,"s":["a"],"word":"t"}`},
		"default not needed":       {update{expression: "SET n = if_not_exists(n, :v) + :v", values: `{":v":1}`}, `{"id":"a","m":{"x":1},"n":6,"s":["a"],"word":"t"}`},
		"default needed":           {update{expression: "SET k = if_not_exists(k, :v) + :v", values: `{":v":1}`}, `{"id":"a","k":2,"m":{"x":1},"n":5,"s":["a"],"word":"t"}`},
		"a member of a map":        {update{expression: "SET m.#y = :v REMOVE m.x", values: `{":v":2}`, names: map[string]string{"#y": "y"}}, `{"id":"a","m":{"y":2},"n":5,"s":["a"],"word":"t"}`},
		"operands are from before": {update{expression: "SET n = m.x, m.x = n"}, `{"id":"a","m":{"x":5},"n":1,"s":["a"],"word":"t"}`},
		"remove nothing":           {update{expression: "REMOVE gone"}, before},
		"no expression":            {update{}, before},

		"an operand not there":    {update{expression: "SET n = gone"}, "invalid: The provided expression refers to an attribute that does not exist in the item"},
		"a map not there":         {update{expression: "SET gone.x = :v", values: `{":v":1}`}, "invalid: The document path provided in the update expression is invalid for update"},
		"text plus a number":      {update{expression: "SET n = word + :v", values: `{":v":1}`}, "invalid: An operand in the update expression has an incorrect data type"},
		"add a number to text":    {update{expression: "ADD word :v", values: `{":v":1}`}, "invalid: An operand in the update expression has an incorrect data type"},
		"add text":                {update{expression: "ADD n :v", values: `{":v":"x"}`}, "invalid: Invalid UpdateExpression: Incorrect operand type"},
		"the key":                 {update{expression: "SET id = :v", values: `{":v":"b"}`}, "invalid: One or more parameter values were invalid: Cannot update attribute id."},
		"a path twice":            {update{expression: "SET n = :v REMOVE n", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Two document paths overlap"},
		"a path and its part":     {update{expression: "SET m.x = :v, m = :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Two document paths overlap"},
		"a clause twice":          {update{expression: "SET n = :v SET k = :v", values: `{":v":1}`}, `invalid: Invalid UpdateExpression: The "SET" section can only be used once`},
		"a reserved word":         {update{expression: "SET state = :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: state"},
		"an unknown placeholder":  {update{expression: "SET n = :v"}, "invalid: Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: :v"},
		"an unknown name":         {update{expression: "SET #n = :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: An expression attribute name used in the document path is not defined; attribute name: #n"},
		"an unused value":         {update{expression: "REMOVE n", values: `{":v":1}`}, "invalid: Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"},
		"an unused name":          {update{expression: "REMOVE n", names: map[string]string{"#x": "x"}}, "invalid: Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}"},
		"no clause":               {update{expression: "n = :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Syntax error"},
		"no equals sign":          {update{expression: "SET n :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Syntax error"},
		"half a function":         {update{expression: "SET n = if_not_exists(n)"}, "invalid: Invalid UpdateExpression: Syntax error"},
		"a function not closed":   {update{expression: "SET n = if_not_exists(n, :v", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Syntax error"},
		"a function of a value":   {update{expression: "SET n = if_not_exists(:v, :v)", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Syntax error"},
		"an unknown function":     {update{expression: "SET n = plus(n, :v)", values: `{":v":1}`}, "invalid: Invalid UpdateExpression: Invalid function name; function: plus"},
		"half a sum":              {update{expression: "SET n = n +"}, "invalid: Invalid UpdateExpression: Syntax error"},
		"add an attribute":        {update{expression: "ADD n k"}, "invalid: Invalid UpdateExpression: Syntax error"},
		"add an unknown value":    {update{expression: "ADD n :v"}, "invalid: Invalid UpdateExpression: An expression attribute value used in expression is not defined"},
		"add to a member":         {update{expression: "ADD m.x :v", values: `{":v":1}`}, "NotSimulated"},
		"an empty expression":     {update{expression: " "}, "invalid: Invalid UpdateExpression: The expression can not be empty"},
		"a very long expression":  {update{expression: "REMOVE n" + strings.Repeat(" ", 4096)}, "invalid: Invalid UpdateExpression: Expression size has exceeded"},
		"a trailing comma":        {update{expression: "REMOVE n,"}, "invalid: Invalid UpdateExpression: Syntax error"},
		"a stray character":       {update{expression: "REMOVE n;"}, "invalid: Invalid UpdateExpression: Syntax error"},
		"a list's element":        {update{expression: "REMOVE n[0]"}, "NotSimulated"},
		"delete from a set":       {update{expression: "DELETE s :v", values: `{":v":["a"]}`}, "NotSimulated"},
		"append to a list":        {update{expression: "SET n = list_append(n, :v)", values: `{":v":1}`}, "NotSimulated"},
		"no such return value":    {update{expression: "REMOVE n", returns: "SOME"}, "invalid: Return values set to invalid value: SOME"},
		"too big":                 {update{expression: "SET n = :v", values: `{":v":"` + strings.Repeat("x", 400<<10) + `"}`}, "invalid: Item size to update has exceeded"},
		"a number too exact":      {update{expression: "SET n = n + :v", values: `{":v":1e-38}`}, "invalid: Attempting to store more than 38 significant digits in a Number"},
		"a condition that is not": {update{expression: "REMOVE n", condition: "n = "}, "invalid: Invalid ConditionExpression: Syntax error"},
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
	for returns, want := range map[types.ReturnValue]string{
		"": "", "NONE": "", "ALL_OLD": `{"id":"a","k":1,"n":5}`, "UPDATED_OLD": `{"n":5}`,
		"ALL_NEW": `{"fresh":1,"id":"a","k":1,"n":6}`, "UPDATED_NEW": `{"fresh":1,"n":6}`,
	} {
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
		{"half a key", put("log", `{"run":"a"}`), "invalid: One or more parameter values were invalid: Missing the key nr in the item"},
		{"a key of another type", put("runs", `{"id":1}`), "invalid: One or more parameter values were invalid: Type mismatch for key id expected: S actual: N"},
		{"an empty key", put("runs", `{"id":""}`), "invalid: One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value."},
		{"a key of 2,048 bytes", put("runs", `{"id":"`+strings.Repeat("k", 2048)+`"}`), ""},
		{"a key of 2,049 bytes", put("runs", `{"id":"`+strings.Repeat("k", 2049)+`"}`), "invalid: One or more parameter values were invalid: Size of key id"},
		{"an empty set", put("runs", `{"id":"a","s":[]}`), "invalid: One or more parameter values were invalid: An set may not be empty"},
		{"the same twice in a set", put("runs", `{"id":"a","s":["x","x"]}`), "invalid: One or more parameter values were invalid: Input collection contains duplicates."},
		{"an item over 400 KB", put("runs", `{"id":"a","x":"`+strings.Repeat("x", 400<<10)+`"}`), "invalid: Item size has exceeded the maximum allowed size"},
		{"38 digits", put("runs", `{"id":"a","n":0.12345678901234567890123456789012345678}`), ""},
		{"39 digits", put("runs", `{"id":"a","n":123456789012345678901234567890123456789}`), "invalid: Attempting to store more than 38 significant digits in a Number"},
		{"a number too large", put("runs", `{"id":"a","n":1e126}`), "invalid: Number overflow or underflow"},
		{"a number too small", put("runs", `{"id":"a","n":1e-131}`), "invalid: Number overflow or underflow"},
		{"the smallest number", put("runs", `{"id":"a","n":1e-130}`), ""},
		{"more than the key", get("runs", `{"id":"a","n":1}`), "invalid: The provided key element does not match the schema"},
		{"less than the key", get("log", `{"run":"a"}`), "invalid: The provided key element does not match the schema"},
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
		{"a key of booleans", w.create(t, "abc", "id:BOOL"), "invalid"},
		{"no key at all", w.create(t, "abc"), "invalid"},
		{"a key without a name", w.create(t, "abc", ":S"), "invalid"},
	} {
		wantCode(t, test.what, test.err, test.want)
	}
	w.put(t, `{"id":"a"}`)
	out, err := w.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String("runs")})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{*out.Table.TableArn, out.Table.TableStatus, *out.Table.ItemCount, *out.Table.KeySchema[0].AttributeName, out.Table.CreationDateTime.Equal(w.now)}
	want := []any{"arn:aws:dynamodb:eu-central-1:111122223333:table/runs", types.TableStatusActive, int64(1), "id", true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("description (-want +got):\n%s", diff)
	}
}

func TestTimeToLive(t *testing.T) {
	t.Parallel()
	w := start(t)
	set := func(enabled bool) error {
		_, err := w.UpdateTimeToLive(t.Context(), &sdk.UpdateTimeToLiveInput{
			TableName: aws.String("runs"), TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: &enabled},
		})
		return err
	}
	wantCode(t, "enable", set(true), "")
	wantCode(t, "enable again", set(true), "invalid: TimeToLive is already enabled")
	w.put(t, `{"id":"old","expires":1772366399}`) // a second before now
	w.put(t, `{"id":"now","expires":1772366400}`)
	w.put(t, `{"id":"text","expires":"1"}`)
	w.put(t, `{"id":"none"}`)
	w.wantItem(t, "old", `{"expires":1772366399,"id":"old"}`) // expired isn't gone yet
	if removed := w.cloud.Tables.ExpireItems(); removed != 1 {
		t.Errorf("%d items were removed, want 1", removed)
	}
	w.wantItem(t, "old", "")
	w.now = w.now.Add(time.Second)
	if removed := w.cloud.Tables.ExpireItems(); removed != 1 {
		t.Errorf("%d items were removed a second later, want 1", removed)
	}
	w.wantItem(t, "text", `{"expires":"1","id":"text"}`)
	wantCode(t, "disable", set(false), "")
	w.put(t, `{"id":"old","expires":1}`)
	if removed := w.cloud.Tables.ExpireItems(); removed != 0 {
		t.Errorf("%d items were removed without a time to live", removed)
	}
}
