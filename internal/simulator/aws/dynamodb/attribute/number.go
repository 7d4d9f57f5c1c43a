package attribute

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

const (
	maxDigits = 38
	// Numbers lie between 1E-130 and 9.99…E+125, and their negatives.
	minExponent = -130
	maxExponent = 125
)

var numberForm = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE]([+-]?\d{1,4}))?$`)

// canonical returns the one form of a number: no exponent, no zeros that don't
// matter. DynamoDB stores and returns numbers so, too.
func canonical(text string) (string, error) {
	parts := numberForm.FindStringSubmatch(text)
	if parts == nil {
		return "", wire.Refuse("ValidationException", "The parameter cannot be converted to a numeric value: %s", text)
	}
	if exponent, err := strconv.Atoi(parts[3]); parts[3] != "" && (err != nil || exponent > 2*maxExponent || exponent < 2*minExponent) {
		return "", outOfRange(text) // before big numbers get too big
	}
	if len(parts[1]) > 2*maxExponent {
		return "", outOfRange(text)
	}
	return format(rational(text), text)
}

// format writes a number; original is for the message.
func format(number *big.Rat, original string) (string, error) {
	places, _ := number.FloatPrec()
	text := number.FloatString(places)
	digits := strings.Trim(strings.Replace(strings.TrimPrefix(text, "-"), ".", "", 1), "0")
	if len(digits) > maxDigits {
		return "", wire.Refuse("ValidationException", "Attempting to store more than %d significant digits in a Number", maxDigits)
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	leadingZeros := len(fraction) - len(strings.TrimLeft(fraction, "0"))
	if whole == "0" && digits != "" && -leadingZeros-1 < minExponent || len(whole)-1 > maxExponent {
		return "", outOfRange(original)
	}
	return text, nil
}

func outOfRange(text string) error {
	return wire.Refuse("ValidationException", "Number overflow or underflow: %s. Attempting to store a number with magnitude outside of the supported range", text)
}

// rational parses what canonical has let pass.
func rational(text string) *big.Rat {
	number, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("attribute: not a number: " + text)
	}
	return number
}

// Add returns a+b, for two numbers.
func Add(a, b Value) (Value, error) {
	sum := new(big.Rat).Add(rational(a.Text), rational(b.Text))
	text, err := format(sum, sum.RatString())
	return Value{Type: Number, Text: text}, err
}

// numberSize is about half a byte a digit and one byte for the rest.
func numberSize(text string) int {
	return len(strings.Trim(text, "-.0"))/2 + 2
}
