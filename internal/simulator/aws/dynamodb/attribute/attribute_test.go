package attribute_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
)

func TestValuesKeepTheirForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"S":""}`:        `{"S":""}`,
		`{"S":"ä\n"}`:     `{"S":"ä\n"}`,
		`{"N":"0"}`:       `{"N":"0"}`,
		`{"N":"-0"}`:      `{"N":"0"}`,
		`{"N":"007.500"}`: `{"N":"7.5"}`,
		`{"N":"+1"}`:      `{"N":"1"}`,
		`{"N":".5"}`:      `{"N":"0.5"}`,
		`{"N":"1e3"}`:     `{"N":"1000"}`,
		`{"N":"12.5E-1"}`: `{"N":"1.25"}`,
		`{"N":"-1e2"}`:    `{"N":"-100"}`,
		`{"N":"1e-130"}`:  `{"N":"0.` + strings.Repeat("0", 129) + `1"}`,
		`{"N":"9e125"}`:   `{"N":"9` + strings.Repeat("0", 125) + `"}`,
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
		`{"BOOL":true}`:     "NotSimulated",
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
	} {
		low, high, same := value(t, test.low), value(t, test.high), value(t, test.low)
		if low.Compare(high) >= 0 || high.Compare(low) <= 0 || low.Compare(same) != 0 || low == high || low != same {
			t.Errorf("%s is not below %s", test.low, test.high)
		}
	}
}

func TestArithmetic(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ a, b, want string }{
		{"1", "2", "3"},
		{"1", "-2", "-1"},
		{"0.1", "0.2", "0.3"},
		{"99999999999999999999999999999999999998", "1", "99999999999999999999999999999999999999"},
		{"1", "1e-38", "ValidationException: Attempting to store more than 38 significant digits in a Number"},
	} {
		a, b := value(t, `{"N":"`+test.a+`"}`), value(t, `{"N":"`+test.b+`"}`)
		got, err := attribute.Add(a, b)
		text := got.Text
		if err != nil {
			text = err.Error()
		}
		if text != test.want {
			t.Errorf("%s and %s = %s, want %s", test.a, test.b, text, test.want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{"S":"ä"}`: 2, `{"N":"100"}`: 2, `{"N":"12345"}`: 4,
	} {
		if got := (attribute.Item{"name": value(t, text)}).Size(); got != want+len("name") {
			t.Errorf("%s: %d bytes besides its name, want %d", text, got-len("name"), want)
		}
	}
}
