package setup

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Option is one setting: a flag of the command, an input of the action, a variable of
// the pipe, and a variable of the environment. All of them have the same default.
type Option struct {
	// Name is the input's name, such as infisical_url. The other names come from it.
	Name string
	// FlagAs is the flag's name where it isn't the input's.
	FlagAs string
	// Short is the flag's letter, if it has one.
	Short string
	// Default is the value, as text, that an option has when it is not given.
	Default string
	// OneOf lists the words that the option takes; nil when it takes any.
	OneOf []string
	// Help is one line for people, the same in every table.
	Help string
	// Input tells whether the CI step takes the option, Flag whether a verb of the
	// command does.
	Input, Flag bool
	// Hidden options serve tests against a local server, and are in no help.
	Hidden bool
	// Value is where the option's text is parsed to.
	Value pflag.Value
}

// Usage is the help of a flag, with the words that the option takes.
func (o Option) Usage() string {
	if len(o.OneOf) == 0 {
		return o.Help
	}
	return o.Help + " One of " + strings.Join(o.OneOf, ", ") + "."
}

// FlagName is the flag without its dashes.
func (o Option) FlagName() string {
	return cmp.Or(o.FlagAs, strings.ReplaceAll(o.Name, "_", "-"))
}

// PipeName is the variable of the pipe.
func (o Option) PipeName() string { return strings.ToUpper(o.Name) }

// Variable is the variable of the environment, for the command and for any other CI.
func (o Option) Variable() string { return "LINKERSYNC_" + strings.ToUpper(o.Name) }

// Set parses text into the option's value. The error says what the option takes.
func (o Option) Set(text string) error {
	if len(o.OneOf) == 0 {
		return o.Value.Set(text)
	}
	for _, word := range o.OneOf {
		if text == word {
			return o.Value.Set(text)
		}
	}
	return fmt.Errorf("it is one of %s", strings.Join(o.OneOf, ", "))
}

// value parses text into one of the types that options have.
type value[T any] struct {
	target *T
	// kind is how a help calls the value.
	kind  string
	parse func(string) (T, error)
	show  func(T) string
}

// Set implements pflag.Value.
func (v value[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err == nil {
		*v.target = parsed
	}
	return err
}

// String implements pflag.Value.
func (v value[T]) String() string { return v.show(*v.target) }

// Type implements pflag.Value.
func (v value[T]) Type() string { return v.kind }

// IsBoolFlag lets a flag stand without a value.
func (v value[T]) IsBoolFlag() bool { return v.kind == "bool" }

// Text is any text, called kind in the help.
func Text(target *string, kind string) pflag.Value {
	same := func(text string) (string, error) { return text, nil }
	return value[string]{target, kind, same, func(text string) string { return text }}
}

// Yes is true or false.
func Yes(target *bool) pflag.Value {
	return value[bool]{target, "bool", func(text string) (bool, error) {
		parsed, err := strconv.ParseBool(text)
		if err != nil {
			return false, errors.New("it is true or false")
		}
		return parsed, nil
	}, strconv.FormatBool}
}

// Count is a whole number from 1.
func Count(target *int) pflag.Value {
	return value[int]{target, "number", func(text string) (int, error) {
		parsed, err := strconv.Atoi(text)
		if err != nil || parsed < 1 {
			return 0, errors.New("it is a whole number from 1")
		}
		return parsed, nil
	}, strconv.Itoa}
}

// Rate is a number above 0.
func Rate(target *float64) pflag.Value {
	return value[float64]{target, "number", func(text string) (float64, error) {
		parsed, err := strconv.ParseFloat(text, 64)
		if above := parsed > 0; err != nil || !above { // "not a number" isn't above either
			return 0, errors.New("it is a number above 0")
		}
		return parsed, nil
	}, func(rate float64) string { return strconv.FormatFloat(rate, 'g', -1, 64) }}
}

// Wait is a duration above 0.
func Wait(target *time.Duration) pflag.Value {
	return value[time.Duration]{target, "duration", func(text string) (time.Duration, error) {
		parsed, err := time.ParseDuration(text)
		if err != nil || parsed <= 0 {
			return 0, errors.New("it is a time such as 90s or 30m")
		}
		return parsed, nil
	}, shortDuration}
}

// shortDuration writes 30m, where the standard library writes 30m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Names is a list of names, separated by commas or white space.
func Names(target *[]string) pflag.Value {
	return value[[]string]{target, "NAMES", func(text string) ([]string, error) {
		return strings.FieldsFunc(text, func(char rune) bool {
			return char == ',' || char == ' ' || char == '\n' || char == '\t' || char == '\r'
		}), nil
	}, func(names []string) string { return strings.Join(names, ",") }}
}
