package transport

import (
	"context"
	"net/http"
)

type repeatableKey struct{}

// Repeatable marks the POSTs made with the context as safe to repeat: doing them
// twice ends in the same state as doing them once, and the caller copes with the
// answer of the second. Without the mark a POST is never repeated.
func Repeatable(ctx context.Context) context.Context {
	return context.WithValue(ctx, repeatableKey{}, true)
}

// repeatable goes by the idempotent methods of RFC 9110 §9.2.2 that our APIs have.
func repeatable(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false // the body can be read only once
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, "":
		return true
	case http.MethodPost:
		marked, _ := req.Context().Value(repeatableKey{}).(bool)
		return marked
	default:
		return false
	}
}
