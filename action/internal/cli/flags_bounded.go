package cli

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// positive is a flag that takes no zero and nothing below it.
type positive[T int | float64 | time.Duration] struct {
	value *T
	parse func(string) (T, error)
	// kind is how the help calls a value, wanted what a wrong one is told.
	kind, wanted string
}

// String implements pflag.Value.
func (p *positive[T]) String() string { return fmt.Sprint(*p.value) }

// Type implements pflag.Value.
func (p *positive[T]) Type() string { return p.kind }

// Set implements pflag.Value.
func (p *positive[T]) Set(text string) error {
	parsed, err := p.parse(text)
	if above := parsed > 0; err != nil || !above { // and so does "not a number"
		return errors.New(p.wanted)
	}
	*p.value = parsed
	return nil
}

// parallelFlag is how much is done at a time.
func parallelFlag(command *cobra.Command, value *int, fallback int, usage string) {
	*value = fallback
	command.Flags().Var(&positive[int]{value, strconv.Atoi, "number", "it is a whole number from 1"}, "parallel", usage)
}

func rateVar(flags *pflag.FlagSet, value *float64, name string, fallback float64, usage string) {
	*value = fallback
	parse := func(text string) (float64, error) { return strconv.ParseFloat(text, 64) }
	flags.Var(&positive[float64]{value, parse, "number", "it is a number above 0"}, name, usage)
}

func timeoutVar(flags *pflag.FlagSet, value *time.Duration, name string, fallback time.Duration, usage string) {
	*value = fallback
	flags.Var(&positive[time.Duration]{value, time.ParseDuration, "duration", "it is a time such as 90s or 30m"}, name, usage)
}
