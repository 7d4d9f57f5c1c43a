package expression_test

import (
	"encoding/json"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/expression"
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
	itemJSON   = `{"id":{"S":"run 7"},"n":{"N":"5"},"open":{"S":"yes"}}`
	valuesJSON = `{":five":{"N":"5.00"},":one":{"N":"1"},":text":{"S":"5"},":run":{"S":"run"}}`
)

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
		"attribute_exists(n)":        true,
		"attribute_exists(gone)":     false,
		"attribute_not_exists(gone)": true,
		"attribute_not_exists(n)":    false,
		"gone = :five":               false,
		"gone <> :five":              true,
		"gone < :five":               false,
		"zZ = :five":                 false,
		":five > gone":               false,
		"gone <= extra":              false,
		"gone = extra":               false,
		"n = n":                      true,

		"n = :one OR n = :five":                  true,
		"n = :five OR n = :one AND n = :one":     true, // AND binds tighter
		"(n = :five OR n = :one) AND n = :one":   false,
		"n = :one AND n = :one OR n = :five":     true,
		" n\t=\n:five ":                          true,
		"n=:five AND attribute_exists(id)":       true,
		"n = :five and (n = :one or n = :five)":  true,
		"attribute_not_exists(id) OR n <= :five": true,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			values, err := expression.NewValues(parse(t, valuesJSON))
			if err != nil {
				t.Fatal(err)
			}
			condition, err := expression.ParseCondition(text, values)
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
		values, err := expression.NewValues(parse(t, valuesJSON))
		if err != nil {
			t.Fatal(err)
		}
		condition, err := expression.ParseCondition(text, values)
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
		"attribute_exists n":      syntax("n", "attribute_exists n"),
		"attribute_exists(:one)":  syntax(":one", "( :one )"),
		"starts_with(n, :one)":    "ValidationException: Invalid ConditionExpression: Invalid function name; function: starts_with",
		"Attribute_Exists(n)":     "ValidationException: Invalid ConditionExpression: Invalid function name; function: Attribute_Exists",
		"state = :one":            "ValidationException: Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: state",
		"n = :none":               "ValidationException: Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :none",
		"size(s) > :one":          `NotSimulated: the simulator knows no function "size"; if AWS does, add it there`,
		"attribute_exists(n, m)":  syntax(",", "n , m"),
		"contains(n, :text)":      `NotSimulated: the simulator knows no function "contains"; if AWS does, add it there`,
		"begins_with(n, :text)":   `NotSimulated: the simulator knows no function "begins_with"; if AWS does, add it there`,
		"NOT n = :one":            `NotSimulated: the simulator knows no operator "NOT"; if AWS does, add it there`,
		"#s = :one":               `NotSimulated: the simulator knows no placeholder for a name "#s"; if AWS does, add it there`,
		"m.x = :one":              `NotSimulated: the simulator knows no path into a value "m."; if AWS does, add it there`,
		"l[0] = :one":             `NotSimulated: the simulator knows no path into a value "l["; if AWS does, add it there`,
		"n IN (:one)":             `NotSimulated: the simulator knows no operator "IN"; if AWS does, add it there`,
		"n between :one and :one": `NotSimulated: the simulator knows no operator "BETWEEN"; if AWS does, add it there`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			values, err := expression.NewValues(parse(t, valuesJSON))
			if err != nil {
				t.Fatal(err)
			}
			_, err = expression.ParseCondition(text, values)
			if err == nil || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

func TestValuesMayNotBeEmpty(t *testing.T) {
	t.Parallel()
	if _, err := expression.NewValues(attribute.Item{}); err == nil {
		t.Error("empty values were taken")
	}
}

// FuzzParse shows that no text makes a parser panic or run away.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"n = :one AND (id <> n OR attribute_exists(id))", "SET n = :one ADD k :one", "(((((", "id, #s"} {
		f.Add(seed)
	}
	given, item := parse(f, valuesJSON), parse(f, itemJSON)
	f.Fuzz(func(t *testing.T, text string) {
		values, err := expression.NewValues(given)
		if err != nil {
			t.Fatal(err)
		}
		if condition, err := expression.ParseCondition(text, values); err == nil {
			condition.Holds(item)
			condition.Holds(nil)
		}
		if update, err := expression.ParseUpdate(text, values); err == nil {
			if after, err := update.Apply(item); err == nil && after == nil {
				t.Error("an update without an error returned no item")
			}
		}
	})
}
