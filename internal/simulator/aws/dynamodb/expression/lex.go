package expression

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// reserved.txt lists the words that DynamoDB doesn't take as attribute names in
// an expression, sorted, one a line.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
//
//go:embed reserved.txt
var reservedWords string

func isReserved(name string) bool {
	_, found := slices.BinarySearch(reserved(), strings.ToUpper(name))
	return found
}

var (
	reserved = sync.OnceValue(func() []string { return strings.Fields(reservedWords) })

	spaces = regexp.MustCompile(`^\s+`)
	tokens = regexp.MustCompile(`^(#[A-Za-z0-9_]+|:[A-Za-z0-9_]+|[A-Za-z][A-Za-z0-9_]*|[0-9]+|<=|>=|<>|[=<>(),.\[\]+-])`)
)

// maxLength of an expression, in bytes.
const maxLength = 4096

// lex splits an expression into tokens. kind is its name, for messages.
func lex(kind, text string) ([]string, error) {
	if len(text) > maxLength {
		return nil, invalid(kind, "Expression size has exceeded the maximum allowed size; expression size: %d", len(text))
	}
	var list []string
	for rest := text; ; {
		rest = spaces.ReplaceAllString(rest, "")
		if rest == "" {
			break
		}
		token := tokens.FindString(rest)
		if token == "" {
			return nil, invalid(kind, "Syntax error; token: %q, near: %q", rest[:1], rest)
		}
		list, rest = append(list, token), rest[len(token):]
	}
	if len(list) == 0 {
		return nil, invalid(kind, "The expression can not be empty;")
	}
	return list, nil
}

func invalid(kind, format string, args ...any) error {
	return wire.Refuse("ValidationException", "Invalid "+kind+": "+format, args...)
}
