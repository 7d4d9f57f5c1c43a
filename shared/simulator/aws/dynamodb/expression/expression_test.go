package expression_test

import (
	"encoding/json"
	"testing"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/expression"
)

func parse(t testing.TB, text string) attribute.Item {
	t.Helper()
	var item attribute.Item
	if err := json.Unmarshal([]byte(text), &item); err != nil {
		t.Fatalf("item %s: %v", text, err)
	}
	return item
}

const (
	itemJSON = `{"id":{"S":"run 7"},"n":{"N":"5"},"m":{"M":{"x":{"N":"1.0"},"deep":{"M":{"er":{"S":"y"}}}}},
		"b":{"B":"/w=="},"yes":{"BOOL":true},"nothing":{"NULL":true},"s":{"SS":["a","b"]},"l":{"L":[{"N":"1"}]},"state":{"S":"open"}}`
	valuesJSON = `{":five":{"N":"5.00"},":one":{"N":"1"},":text":{"S":"5"},":run":{"S":"run"},":yes":{"BOOL":true},
		":null":{"NULL":true},":set":{"SS":["b","a"]},":list":{"L":[{"N":"1"}]},":b":{"B":"/w=="},":open":{"S":"open"},":m":{"M":{"er":{"S":"y"}}}}`
)

var names = map[string]string{"#s": "state", "#m": "m", "#x": "x"}

func TestConditions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"n = :five":                  true,
		"n = :text":                  false, // a number is no text
		"n <> :text":                 true,
		"n < :five":                  false,
		"n <= :five":                 true,
		"n > :one":                   true,
		":one < n":                   true,
		"n >= :text":                 false,
		"id > :run":                  true,
		"b = :b":                     true,
		"b >= :b":                    true,
		"yes = :yes":                 true,
		"nothing = :null":            true,
		"s = :set":                   true,
		"l = :list":                  true,
		"m.deep = :m":                true,
		"#s = :open":                 true,
		"#m.#x = :one":               true,
		"m.deep.er = :open":          false,
		"attribute_exists(n)":        true,
		"attribute_exists(gone)":     false,
		"attribute_exists(m.x)":      true,
		"attribute_exists(m.gone)":   false,
		"attribute_exists(n.x)":      false,
		"attribute_exists(nothing)":  true,
		"attribute_not_exists(gone)": true,
		"attribute_not_exists(n)":    false,
		"begins_with(id, :run)":      true,
		"begins_with(id, :text)":     false,
		"begins_with(n, :text)":      false,
		"begins_with(gone, :run)":    false,
		"gone = :five":               false,
		"gone <> :five":              true,
		"gone < :five":               false,
		"NOT gone = :five":           true,
		"zZ = :five":                 false,
		":five > gone":               false,
		"gone <= extra":              false,
		"gone = extra":               false,
		"n = n":                      true,

		"NOT n = :five":                                      false,
		"NOT NOT n = :five":                                  true,
		"not (n = :five and n = :one)":                       true,
		"n = :one OR n = :five":                              true,
		"n = :five OR n = :one AND n = :one":                 true, // AND binds tighter
		"(n = :five OR n = :one) AND n = :one":               false,
		"n = :one AND n = :one OR n = :five":                 true,
		"NOT n = :one AND n = :five":                         true, // NOT binds tightest
		" n\t=\n:five ":                                      true,
		"n=:five AND attribute_exists(id) AND NOT yes<>:yes": true,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			holders, err := expression.NewPlaceholders(names, parse(t, valuesJSON))
			if err != nil {
				t.Fatal(err)
			}
			condition, err := expression.ParseCondition("ConditionExpression", text, holders)
			if err != nil {
				t.Fatal(err)
			}
			if got := condition.Holds(parse(t, itemJSON)); got != want {
				t.Errorf("holds: %v, want %v", got, want)
			}
		})
	}
}

func TestConditionsOnNoItem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"attribute_not_exists(id)": true, "attribute_exists(id)": false, "n = :five": false, "n <> :five": true,
		"attribute_not_exists(id) OR n < :five": true,
	} {
		holders, err := expression.NewPlaceholders(nil, parse(t, valuesJSON))
		if err != nil {
			t.Fatal(err)
		}
		condition, err := expression.ParseCondition("ConditionExpression", text, holders)
		if err != nil {
			t.Fatal(err)
		}
		if got := condition.Holds(nil); got != want {
			t.Errorf("%s holds: %v, want %v", text, got, want)
		}
	}
}

func TestWhatIsNoCondition(t *testing.T) {
	t.Parallel()
	syntax := func(token, near string) string {
		return `ValidationException: Invalid ConditionExpression: Syntax error; token: "` + token + `", near: "` + near + `"`
	}
	for text, want := range map[string]string{
		"":                        "ValidationException: Invalid ConditionExpression: The expression can not be empty;",
		" ":                       "ValidationException: Invalid ConditionExpression: The expression can not be empty;",
		"n":                       syntax("<EOF>", "n"),
		"n =":                     syntax("<EOF>", "="),
		"n = :one n":              syntax("n", ":one n"),
		"n == :one":               syntax("=", "= = :one"),
		"(n = :one":               syntax("<EOF>", ":one"),
		"n = :one)":               syntax(")", ":one )"),
		"n = 5":                   syntax("5", "= 5"),
		"n ! :one":                syntax("!", "! :one"),
		"AND n = :one":            "ValidationException: Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: AND",
		"((n) = :one)":            syntax(")", "n ) ="),
		"m. = :one":               syntax("=", ". = :one"),
		"attribute_exists n":      syntax("n", "attribute_exists n"),
		"attribute_exists(:one)":  syntax(":one", "( :one )"),
		"attribute_exists(n, m)":  syntax(",", "n , m"),
		"begins_with(n)":          syntax(")", "n )"),
		"starts_with(n, :one)":    "ValidationException: Invalid ConditionExpression: Invalid function name; function: starts_with",
		"Attribute_Exists(n)":     "ValidationException: Invalid ConditionExpression: Invalid function name; function: Attribute_Exists",
		"state = :one":            "ValidationException: Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: state",
		"n = :none":               "ValidationException: Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :none",
		"#none = :one":            "ValidationException: Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #none",
		"n < :yes":                "ValidationException: Invalid ConditionExpression: Incorrect operand type for operator or function; operator: <, operand type: BOOL",
		"contains(s, :text)":      `NotSimulated: the simulator knows no function "contains"; if AWS does, add it there`,
		"size(s) > :one":          `NotSimulated: the simulator knows no function "size"; if AWS does, add it there`,
		"n IN (:one)":             `NotSimulated: the simulator knows no operator "IN"; if AWS does, add it there`,
		"n between :one and :one": `NotSimulated: the simulator knows no operator "BETWEEN"; if AWS does, add it there`,
		"l[0] = :one":             `NotSimulated: the simulator knows no path into a list "["; if AWS does, add it there`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			holders, err := expression.NewPlaceholders(names, parse(t, valuesJSON))
			if err != nil {
				t.Fatal(err)
			}
			_, err = expression.ParseCondition("ConditionExpression", text, holders)
			if err == nil || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

func TestPlaceholdersMayNotBeEmpty(t *testing.T) {
	t.Parallel()
	if _, err := expression.NewPlaceholders(map[string]string{}, nil); err == nil {
		t.Error("empty names were taken")
	}
	if _, err := expression.NewPlaceholders(nil, attribute.Item{}); err == nil {
		t.Error("empty values were taken")
	}
}

// FuzzParse shows that no text makes a parser panic or run away.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"n = :one AND NOT (#s <> n OR begins_with(id, :run))", "SET n = if_not_exists(n, :one) + :one REMOVE m.x ADD s :set", "(((((", "id, #s"} {
		f.Add(seed)
	}
	values := parse(f, valuesJSON)
	item := parse(f, itemJSON)
	f.Fuzz(func(t *testing.T, text string) {
		holders, err := expression.NewPlaceholders(names, values)
		if err != nil {
			t.Fatal(err)
		}
		if condition, err := expression.ParseCondition("ConditionExpression", text, holders); err == nil {
			condition.Holds(item)
			condition.Holds(nil)
		}
		if update, err := expression.ParseUpdate(text, holders); err == nil {
			if after, err := update.Apply(item); err == nil && after == nil {
				t.Error("an update without an error returned no item")
			}
		}
		_, _ = expression.ParseKeyCondition(text, "id", "n", holders)
		_, _ = expression.ParseProjection(text, holders)
	})
}
