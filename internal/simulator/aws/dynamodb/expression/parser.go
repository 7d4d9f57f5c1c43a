package expression

import (
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// parser walks over the tokens of one expression.
type parser struct {
	kind   string // "ConditionExpression" and the like, for messages
	tokens []string
	next   int
	values *Values
}

func newParser(kind, text string, values *Values) (*parser, error) {
	tokens, err := lex(kind, text)
	return &parser{kind: kind, tokens: tokens, values: values}, err
}

func (p *parser) peek() string {
	if p.next < len(p.tokens) {
		return p.tokens[p.next]
	}
	return "<EOF>"
}

func (p *parser) take() string {
	token := p.peek()
	p.next++
	return token
}

// accept takes the next token when it is the one; words in any case.
func (p *parser) accept(token string) bool {
	if strings.EqualFold(p.peek(), token) {
		p.next++
		return true
	}
	return false
}

func (p *parser) expect(token string) error {
	if !p.accept(token) {
		return p.syntaxError()
	}
	return nil
}

func (p *parser) end() error {
	if p.next < len(p.tokens) {
		return p.syntaxError()
	}
	return nil
}

func (p *parser) syntaxError() error {
	near := p.tokens[max(0, min(p.next, len(p.tokens))-1):min(len(p.tokens), p.next+2)]
	return invalid(p.kind, "Syntax error; token: %q, near: %q", p.peek(), strings.Join(near, " "))
}

// name parses the name of an attribute.
func (p *parser) name() (string, error) {
	token := p.take()
	switch next := p.peek(); {
	case strings.HasPrefix(token, "#"):
		return "", wire.Missing("placeholder for a name", token)
	case !isWord(token):
		p.next--
		return "", p.syntaxError()
	case isReserved(token):
		return "", invalid(p.kind, "Attribute name is a reserved keyword; reserved keyword: %s", token)
	case next == "." || next == "[":
		return "", wire.Missing("path into a value", token+next)
	}
	return token, nil
}

func isWord(token string) bool {
	return token[0] >= 'a' && token[0] <= 'z' || token[0] >= 'A' && token[0] <= 'Z'
}

// call takes the name of a function and its opening parenthesis when they come next.
func (p *parser) call() (function string, ok bool) {
	if p.next+1 < len(p.tokens) && p.tokens[p.next+1] == "(" && isWord(p.tokens[p.next]) {
		function = p.take()
		p.next++
		return function, true
	}
	return "", false
}
