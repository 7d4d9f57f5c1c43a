package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/linkersync/linkersync/shared/input"
)

// confirm asks a person before something that is hard to take back. It asks only on a
// terminal: a script says what it means by its flags.
func (inv *invocation) confirm(what string) error {
	stdin, isFile := inv.process.Stdin.(*os.File)
	if !isFile || !term.IsTerminal(int(stdin.Fd())) || !inv.errTerminal {
		return nil
	}
	_, _ = fmt.Fprintf(inv.process.Stderr, "%s\nContinue? [y/N] ", what)
	answers := input.Stream(inv.ctx, stdin)
	defer func() { _ = answers.Close() }() // only read from
	answer, err := bufio.NewReader(answers).ReadString('\n')
	if inv.ctx.Err() != nil {
		return err
	}
	switch strings.ToLower(input.Trim(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("not confirmed, so nothing was changed")
}
