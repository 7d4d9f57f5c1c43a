package manifest

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/linkersync/linkersync/shared/input"
)

// Bounds of the YAML, which hold memory and time of a hostile file. A manifest has
// four levels of nesting, and one per bracket.
const (
	maxDepth = 12
	maxKeys  = 35_000
	// maxKeysOfOne bounds the keys of one group: each unknown one is compared with all
	// that are known.
	maxKeysOfOne = 100
)

// document parses data into the root node of its only document. It reports what
// is wrong and returns nil when there is no node to walk.
func (r *reader) document(data []byte) *yaml.Node {
	data = input.WithoutBOM(data)
	if len(data) > MaxFileSize {
		r.whole("the manifest has %d bytes, more than %d; move values to a values_file", len(data), MaxFileSize)
		return nil
	}
	if !utf8.Valid(data) {
		r.add(invalidUTF8(data), "", "this is not UTF-8 text; save the file as UTF-8")
		return nil
	}
	if entries(data) > MaxEntries {
		r.whole("the manifest has more than %d lines and list entries; list fewer values, or move them to a values_file", MaxEntries)
		return nil
	}
	text := bytes.TrimRight(data, " \t\r\n")
	r.end = positionAt(text, len(text))
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthFunc(notTooDeep))))
	var first, second yaml.Node
	if err == nil {
		err = loader.Load(&first)
	}
	if errors.Is(err, io.EOF) || err == nil && isEmpty(&first) {
		r.whole("the manifest is empty; start with a line: version: %d", version)
		return nil
	}
	if err != nil {
		r.syntaxError(err)
		return nil
	}
	switch err := loader.Load(&second); {
	case err == nil:
		r.add(position(&second), "", "a second document starts here; a manifest is one document, so use one file each")
		return nil
	case !errors.Is(err, io.EOF):
		r.syntaxError(err)
		return nil
	}
	if root := first.Content[0]; r.supported(root, &count{}) {
		return root
	}
	return nil
}

var errTooDeep = errors.New("nested too deeply")

func notTooDeep(depth int, _ *loaderlimits.DepthContext) error {
	if depth > maxDepth {
		return errTooDeep
	}
	return nil
}

func isEmpty(document *yaml.Node) bool {
	return len(document.Content) == 0 || document.Content[0].Kind == yaml.ScalarNode && document.Content[0].Value == "" && document.Content[0].Style == 0
}

// entries is an upper bound of the document's nodes, counted before the YAML parser
// spends memory on each: a node starts a line, or stands behind a dash, a comma or an
// opening bracket. A colon stands between two.
func entries(data []byte) int {
	total := 0
	for line := range bytes.Lines(data) {
		line = bytes.TrimLeft(line, " \t\r\n")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		markers := bytes.Count(line, []byte(",")) + bytes.Count(line, []byte("- ")) + bytes.Count(line, []byte("[")) + bytes.Count(line, []byte("{")) + 2*bytes.Count(line, []byte(":"))
		total += max(1, markers)
	}
	return total
}

// syntaxError reports the parser's message without the line of the file, which
// might be a secret's, and without the names that the message quotes.
func (r *reader) syntaxError(err error) {
	failure, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		r.whole("this is not valid YAML; check it with an editor that knows YAML")
		return
	}
	message := "this is not valid YAML: " + quotation().ReplaceAllString(failure.Message, "(not shown)")
	switch {
	case strings.Contains(failure.Message, errTooDeep.Error()):
		message = "this is nested too deeply for a manifest"
	case failure.Message == "found incompatible YAML document":
		message = "%YAML directives are not supported; remove the line"
	case strings.Contains(failure.Message, "anchor"):
		message = noAnchors
	}
	r.add(r.syntaxPosition(failure), "", "%s", message)
}

// syntaxPosition is where a person looks: what is never closed ends behind the file's
// end, and then it is where the open part starts.
func (r *reader) syntaxPosition(failure *yaml.LoadError) Position {
	mark := failure.Mark
	if opened := failure.ContextMark; mark.Line > r.end.Line && opened.Line > 0 {
		mark = opened
	}
	return Position{Line: mark.Line, Column: mark.Column}
}

// quotation is what a message of the YAML library repeats of the file: text between
// backquotes, and one character that may be any.
var quotation = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("`.*`|[^[:print:]]") })

const noAnchors = "anchors, aliases and merge keys (&, *, <<) are not supported; write the values out, share them in a values_file, or put the text in quotes"

// count is what has been seen of a document.
type count struct{ keys int }

// supported reports, with their places, the parts of YAML that a manifest has no use
// for and that make files surprising to read.
func (r *reader) supported(node *yaml.Node, seen *count) bool {
	message := ""
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "" || node.Kind == yaml.ScalarNode && node.ShortTag() == "!!merge":
		message = noAnchors
	case node.Style&yaml.TaggedStyle != 0:
		message = "tags (!) are not supported; put the text in quotes"
	case node.Kind == yaml.MappingNode:
		keys := len(node.Content) / 2
		if seen.keys += keys; seen.keys > maxKeys || keys > maxKeysOfOne {
			r.add(position(node), "", "this is more than %d keys in a group, or %d in a manifest; split it", maxKeysOfOne, maxKeys)
			return false
		}
	}
	if message != "" {
		r.add(position(node), "", "%s", message)
	}
	allowed := message == ""
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 && child.Kind != yaml.ScalarNode && child.Kind != yaml.AliasNode {
			r.add(position(child), "", "a key must be text; write key: value")
			allowed = false
			continue
		}
		allowed = r.supported(child, seen) && allowed
	}
	return allowed
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
