package attribute_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
)

func TestValuesKeepTheirForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"S":""}`:                    `{"S":""}`,
		`{"S":"ä\n"}`:                 `{"S":"ä\n"}`,
		`{"B":"/w=="}`:                `{"B":"/w=="}`,
		`{"BOOL":false}`:              `{"BOOL":false}`,
		`{"NULL":true}`:               `{"NULL":true}`,
		`{"L":[]}`:                    `{"L":[]}`,
		`{"L":[{"N":"1"},{"S":"x"}]}`: `{"L":[{"N":"1"},{"S":"x"}]}`,
		`{"M":{}}`:                    `{"M":{}}`,
		`{"M":{"a":{"M":{}}}}`:        `{"M":{"a":{"M":{}}}}`,
		`{"SS":["b","a"]}`:            `{"SS":["a","b"]}`,
		`{"NS":["2.0","1"]}`:          `{"NS":["1","2"]}`,
		`{"BS":["Ag==","AQ=="]}`:      `{"BS":["AQ==","Ag=="]}`,
		`{"N":"0"}`:                   `{"N":"0"}`,
		`{"N":"-0"}`:                  `{"N":"0"}`,
		`{"N":"007.500"}`:             `{"N":"7.5"}`,
		`{"N":"+1"}`:                  `{"N":"1"}`,
		`{"N":".5"}`:                  `{"N":"0.5"}`,
		`{"N":"1e3"}`:                 `{"N":"1000"}`,
		`{"N":"12.5E-1"}`:             `{"N":"1.25"}`,
		`{"N":"-1e2"}`:                `{"N":"-100"}`,
		`{"N":"1e-130"}`:              `{"N":"0.` + strings.Repeat("0", 129) + `1"}`,
		`{"N":"9e125"}`:               `{"N":"9` + strings.Repeat("0", 125) + `"}`,
		`{"N":"1` + strings.Repeat("0", 60) + `"}`: `{"N":"1` + strings.Repeat("0", 60) + `"}`,
	} {
		var value attribute.Value
		if err := json.Unmarshal([]byte(in), &value); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		got, err := json.Marshal(value)
		if err != nil || string(got) != want {
			t.Errorf("%s became %s, error %v, want %s", in, got, err, want)
		}
	}
}

func TestInvalidValuesAreRefused(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{}`:                "0 datatypes set",
		`{"S":"a","N":"1"}`: "2 datatypes set",
		`{"X":"a"}`:         "no type of an attribute value",
		`"a"`:               "not an object",
		`{"S":1}`:           "cannot unmarshal",
		`{"N":1}`:           "cannot unmarshal",
		`{"N":""}`:          "cannot be converted to a numeric value",
		`{"N":"1,5"}`:       "cannot be converted to a numeric value",
		`{"N":"0x10"}`:      "cannot be converted to a numeric value",
		`{"N":"1/3"}`:       "cannot be converted to a numeric value",
		`{"N":"NaN"}`:       "cannot be converted to a numeric value",
		`{"N":"1e126"}`:     "overflow",
		`{"N":"1e9999"}`:    "overflow",
		`{"N":"1e-131"}`:    "overflow",
		`{"N":"1.` + strings.Repeat("1", 38) + `"}`: "38 significant digits",
		`{"N":"` + strings.Repeat("1", 600) + `"}`:  "overflow",
		`{"NULL":false}`:        "Null attribute value types must have the value of true",
		`{"B":"%"}`:             "illegal base64",
		`{"SS":[]}`:             "may not be empty",
		`{"SS":["a","a"]}`:      "duplicates",
		`{"NS":["1","1.0"]}`:    "duplicates",
		`{"NS":["x"]}`:          "numeric value",
		`{"BS":["%"]}`:          "illegal base64",
		`{"SS":[1]}`:            "cannot unmarshal",
		`{"L":[{}]}`:            "0 datatypes set",
		`{"M":{"a":{"N":"x"}}}`: "numeric value",
	} {
		var value attribute.Value
		if err := json.Unmarshal([]byte(in), &value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", in, err, want)
		}
	}
}

func value(t *testing.T, text string) attribute.Value {
	t.Helper()
	var out attribute.Value
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		low, high string
	}{
		{`{"N":"9"}`, `{"N":"10"}`},
		{`{"N":"-1"}`, `{"N":"0.5"}`},
		{`{"N":"0.1"}`, `{"N":"0.11"}`},
		{`{"S":"10"}`, `{"S":"9"}`},
		{`{"S":"Z"}`, `{"S":"a"}`},
		{`{"S":"z"}`, `{"S":"ä"}`},
		{`{"B":"AQ=="}`, `{"B":"/w=="}`},
	} {
		low, high, same := value(t, test.low), value(t, test.high), value(t, test.low)
		if low.Compare(high) >= 0 || high.Compare(low) <= 0 || low.Compare(same) != 0 || low.Equal(high) || !low.Equal(same) {
			t.Errorf("%s is not below %s", test.low, test.high)
		}
	}
}

func TestArithmetic(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b     string
		subtract bool
		want     string
	}{
		{"1", "2", false, "3"},
		{"1", "2", true, "-1"},
		{"0.1", "0.2", false, "0.3"},
		{"99999999999999999999999999999999999998", "1", false, "99999999999999999999999999999999999999"},
		{"1", "1e-38", false, "ValidationException: Attempting to store more than 38 significant digits in a Number"},
	} {
		a, b := value(t, `{"N":"`+test.a+`"}`), value(t, `{"N":"`+test.b+`"}`)
		got, err := attribute.Add(a, b, test.subtract)
		text := got.Text
		if err != nil {
			text = err.Error()
		}
		if text != test.want {
			t.Errorf("%s and %s (subtract: %v) = %s, want %s", test.a, test.b, test.subtract, text, test.want)
		}
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		whole, prefix string
		want          bool
	}{
		{`{"S":"run 7"}`, `{"S":"run"}`, true},
		{`{"S":"run 7"}`, `{"S":""}`, true},
		{`{"S":"run 7"}`, `{"S":"7"}`, false},
		{`{"B":"AQI="}`, `{"B":"AQ=="}`, true},
		{`{"S":"10"}`, `{"N":"1"}`, false},
		{`{"N":"10"}`, `{"N":"1"}`, false},
	} {
		if got := value(t, test.whole).HasPrefix(value(t, test.prefix)); got != test.want {
			t.Errorf("%s begins with %s: %v, want %v", test.whole, test.prefix, got, test.want)
		}
	}
}

func TestUnion(t *testing.T) {
	t.Parallel()
	got := attribute.Union(value(t, `{"SS":["c","a"]}`), value(t, `{"SS":["b","a"]}`))
	if want := value(t, `{"SS":["a","b","c"]}`); !got.Equal(want) {
		t.Errorf("union %v, want %v", got, want)
	}
}

func TestAnItemDoesNotChangeWithItsClone(t *testing.T) {
	t.Parallel()
	item := attribute.Item{"m": value(t, `{"M":{"x":{"M":{"y":{"N":"1"}}}}}`)}
	clone := item.Clone()
	delete(clone["m"].Map["x"].Map, "y")
	if _, ok := item["m"].Map["x"].Map["y"]; !ok {
		t.Error("a change of the clone changed the item")
	}
	if attribute.Item(nil).Clone() != nil {
		t.Error("the clone of no item is an item")
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{"S":"ä"}`: 2, `{"B":"AQID"}`: 3, `{"N":"100"}`: 2, `{"N":"12345"}`: 4, `{"BOOL":true}`: 1, `{"NULL":true}`: 1,
		`{"L":[{"S":"abc"}]}`: 7, `{"M":{"k":{"S":"abc"}}}`: 8, `{"SS":["a","bc"]}`: 3, `{"NS":["1","2"]}`: 4,
	} {
		if got := (attribute.Item{"name": value(t, text)}).Size(); got != want+len("name") {
			t.Errorf("%s: %d bytes besides its name, want %d", text, got-len("name"), want)
		}
	}
}
