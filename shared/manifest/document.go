package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What the YAML may look like before it is parsed. The parser recurses per
// level and takes quadratic time in the keys of a mapping, so a hostile file of
// a few hundred kilobytes could overflow the stack, which Go can't recover from.
// A manifest has four levels; one that has every allowed entry stays below these.
const (
	maxFlowDepth   = 10
	maxBlockColumn = 200
	maxKeys        = 5_000
	maxTokens      = 500_000
)

// document parses data into the root node of its only document. It reports what
// is wrong and returns nil when there is no node to walk.
func (r *reader) document(data []byte) ast.Node {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(data) > MaxFileSize {
		r.whole("the manifest has %d bytes, more than %d; move values to a values_file", len(data), MaxFileSize)
		return nil
	}
	if !utf8.Valid(data) {
		r.add(invalidUTF8(data), "", "this is not UTF-8 text; save the file as UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if !r.tokensAllowed(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntaxError(err)
		return nil
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		r.whole("the manifest is empty; start with a line: version: %d", version)
		return nil
	}
	return file.Docs[0].Body
}

// syntaxError reports the parser's message without the excerpt of the file that
// its Error method adds: it might show a secret.
func (r *reader) syntaxError(err error) {
	var syntax interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if !errors.As(err, &syntax) {
		r.whole("this is not valid YAML; check it with an editor that knows YAML")
		return
	}
	r.add(place(syntax.GetToken()), "", "this is not valid YAML: %s", shown(syntax.GetMessage()))
}

// tokensAllowed refuses, with their places, the parts of YAML that a manifest
// has no use for and that make files costly or surprising to read.
func (r *reader) tokensAllowed(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		r.whole("the manifest has too many entries; move values to a values_file")
		return false
	}
	allowed, started, depth, keys := true, false, 0, 0
	for _, t := range tokens {
		if t.Type == token.DirectiveType {
			r.add(place(t), "", "directives (%%) are not supported; remove the line")
			return false
		}
		if started && (t.Type == token.DocumentHeaderType || t.Type == token.DocumentEndType) {
			r.add(place(t), "", "a second document starts here; a manifest is one document, so use one file each")
			return false
		}
		started = started || t.Type != token.CommentType
		depth += nesting(t.Type)
		if t.Type == token.MappingValueType {
			keys++
		}
		message := tokenMessage(t, depth)
		if message == "" && keys == maxKeys+1 {
			message = fmt.Sprintf("the manifest has more than %d keys; split it", maxKeys)
			keys++
		}
		if message != "" {
			r.add(place(t), "", "%s", message)
			allowed = false
		}
		if depth > maxFlowDepth {
			break
		}
	}
	return allowed
}

func nesting(t token.Type) int {
	switch t {
	case token.SequenceStartType, token.MappingStartType:
		return 1
	case token.SequenceEndType, token.MappingEndType:
		return -1
	default:
		return 0
	}
}

// tokenMessage returns what is wrong with a token, or nothing.
func tokenMessage(t *token.Token, depth int) string {
	if losesTab(t) {
		return "a tab stands within this text, where readers of YAML differ; write a space, or one entry a line"
	}
	switch t.Type {
	case token.AnchorType, token.AliasType, token.MergeKeyType:
		return "anchors, aliases and merge keys (&, *, <<) are not supported; write the values out, share them in a values_file, or put the text in quotes"
	case token.TagType:
		return "tags (!) are not supported; put the text in quotes"
	case token.MappingKeyType:
		return "complex keys (?) are not supported; write key: value"
	case token.SequenceEntryType, token.MappingValueType:
		// Each block level is further to the right than the one around it, so the
		// column bounds the depth. Inside brackets it does not, and needs not.
		if depth <= 0 && t.Position.Column > maxBlockColumn {
			return "this is nested too deeply for a manifest"
		}
	}
	if depth > maxFlowDepth {
		return "this is nested too deeply for a manifest"
	}
	return ""
}

// losesTab tells whether the lexer left a tab out of a plain text: it makes the one
// value AB of "A<tab>B", which nobody meant.
func losesTab(t *token.Token) bool {
	plain := t.Indicator == token.NotIndicator
	return plain && strings.Contains(strings.TrimSpace(t.Origin), "\t") && !strings.Contains(t.Value, "\t")
}

func place(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{}
	}
	return Position{Line: t.Position.Line, Column: t.Position.Column}
}

func invalidUTF8(data []byte) Position {
	offset := 0
	for offset < len(data) {
		char, size := utf8.DecodeRune(data[offset:])
		if char == utf8.RuneError && size == 1 {
			break
		}
		offset += size
	}
	return positionAt(data, offset)
}

// positionAt counts columns in characters, as editors do.
func positionAt(data []byte, offset int) Position {
	before := data[:offset]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return Position{
		Line:   bytes.Count(before, []byte("\n")) + 1,
		Column: utf8.RuneCount(before[lineStart:]) + 1,
	}
}
