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
	if !inv.canAsk() {
		return nil
	}
	answer, err := inv.ask(what + "\nContinue? [y/N] ")
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errors.New("not confirmed, so nothing was changed")
}

// canAsk tells whether a person is there to answer.
func (inv *invocation) canAsk() bool {
	stdin, isFile := inv.process.Stdin.(*os.File)
	return isFile && term.IsTerminal(int(stdin.Fd())) && inv.errTerminal
}

// ask returns a person's answer; without a person, it is empty.
func (inv *invocation) ask(question string) (string, error) {
	if !inv.canAsk() {
		return "", nil
	}
	_, _ = fmt.Fprint(inv.process.Stderr, question)
	if inv.answers == nil { // one for all questions, because it reads ahead
		inv.answers = bufio.NewReader(input.Stream(inv.ctx, inv.process.Stdin))
	}
	answer, err := inv.answers.ReadString('\n')
	if inv.ctx.Err() != nil {
		return "", err
	}
	return input.Trim(answer), nil
}
