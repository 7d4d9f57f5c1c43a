package bitbucket

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Codec knows how linker values look in request and response bodies, which is
// documented nowhere. Everything about it that is a guess is in this type.
//
// Reading accepts a list with or without an envelope, of strings or of objects,
// and remembers the field that carries the value. Writing tries the shapes that
// may be right, those with that field first, moves on when Bitbucket answers 400,
// and remembers what was accepted. It is safe for concurrent use; the zero value
// is ready.
type Codec struct {
	// Shape pins the bodies: nothing is learned or tried. Nil means find out.
	Shape *Shape

	mu sync.Mutex
	// field was seen on an item last; nil before the first, "" for plain strings.
	field *string
	// accepted is the body that Bitbucket took, by kind; nil before the first.
	accepted [2]*Body
}

// bodyKind is which of the two bodies with values is written.
type bodyKind int

const (
	createBody bodyKind = iota
	bulkBody
)

// write sends the values in one shape after the other until one isn't answered
// with 400. A 409 accepts a shape as well as a success: its value was understood.
func (c *Codec) write(kind bodyKind, values []string, send func(body []byte) error) error {
	var tried []Body
	var first error
	for {
		body, certain := c.next(kind, tried)
		if body == nil {
			return fmt.Errorf("none of %d shapes of the body is accepted, so it is probably the value: %w", len(tried), first)
		}
		encoded, err := json.Marshal(body.of(kind, values))
		if err != nil {
			return fmt.Errorf("encode linker values: %w", err)
		}
		err = send(encoded)
		if err == nil || errors.Is(err, ErrExists) {
			c.accept(kind, *body)
			return err
		}
		if certain || !errors.Is(err, ErrInvalid) {
			return err
		}
		tried = append(tried, *body)
		if first == nil {
			first = err
		}
	}
}

// next is the shape to try, and whether it is certain; nil when all were tried.
func (c *Codec) next(kind bodyKind, tried []Body) (body *Body, certain bool) {
	if c.Shape != nil {
		return c.Shape.body(kind), true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// Another writer may have learned the shape meanwhile. If Bitbucket accepted it
	// there and refused it here, the shape is right and these values are wrong.
	if accepted := c.accepted[kind]; accepted != nil {
		if slices.Contains(tried, *accepted) {
			return nil, false
		}
		return accepted, true
	}
	for _, candidate := range candidates(kind, c.field) {
		if !slices.Contains(tried, candidate) {
			return &candidate, false
		}
	}
	return nil, false
}

func (c *Codec) accept(kind bodyKind, body Body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted[kind] = &body
}

// observe remembers the field of an item that was read.
func (c *Codec) observe(field string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.field = &field
}

// fields are where an item's value may be, in the order to look.
func (c *Codec) fields() []string {
	if c.Shape != nil && c.Shape.Create.Field != "" {
		return append([]string{c.Shape.Create.Field}, knownFields()...)
	}
	return knownFields()
}
