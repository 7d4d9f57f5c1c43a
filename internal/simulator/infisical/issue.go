package infisical

import (
	"fmt"
	"unicode/utf16"
)

// issue is one problem of a request, as the server's schema library (zod 3) writes it.
// Source: https://v3.zod.dev/ERROR_HANDLING?id=zodissue
type issue struct {
	Validation  string   `json:"validation,omitempty"`
	Code        string   `json:"code"`
	Expected    any      `json:"expected,omitempty"`
	Received    any      `json:"received,omitempty"`
	Minimum     *int     `json:"minimum,omitempty"`
	Maximum     *int     `json:"maximum,omitempty"`
	Type        string   `json:"type,omitempty"`
	Inclusive   *bool    `json:"inclusive,omitempty"`
	Exact       *bool    `json:"exact,omitempty"`
	Options     []string `json:"options,omitempty"`
	UnionErrors []union  `json:"unionErrors,omitempty"`
	Message     string   `json:"message"`
	Path        []string `json:"path"`
}

// union is the issues of one branch of a union.
type union struct {
	Issues []issue `json:"issues"`
	Name   string  `json:"name"`
}

// absent stands for a field that isn't there, which JavaScript calls undefined.
type absent struct{}

// typeOf names the type of a decoded JSON value as the schema library does.
func typeOf(value any) string {
	switch value.(type) {
	case absent:
		return "undefined"
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	default:
		return "object"
	}
}

func wrongType(expected string, value any, path []string) issue {
	i := issue{Code: "invalid_type", Expected: expected, Received: typeOf(value), Path: path}
	i.Message = fmt.Sprintf("Expected %s, received %s", expected, i.Received)
	if i.Received == "undefined" {
		i.Message = "Required"
	}
	return i
}

// tooSmall is for texts that may not be empty.
func tooSmall(message string, path []string) issue {
	return issue{
		Code: "too_small", Minimum: new(1), Type: "string", Inclusive: new(true), Exact: new(false),
		Message: message, Path: path,
	}
}

func tooBig(maximum int, message string, path []string) issue {
	return issue{
		Code: "too_big", Maximum: &maximum, Type: "string", Inclusive: new(true), Exact: new(false),
		Message: message, Path: path,
	}
}

func invalidString(validation, message string, path []string) issue {
	return issue{Validation: validation, Code: "invalid_string", Message: message, Path: path}
}

// length is a text's length as JavaScript counts it: in UTF-16 units.
func length(text string) int { return len(utf16.Encode([]rune(text))) }
