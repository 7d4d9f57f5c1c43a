package fault

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// maxDelay bounds [Delay], so that a forgotten rule can't hang a test run.
const maxDelay = time.Minute

// Effect is what a rule does to a request. Its zero value does nothing.
type Effect struct {
	apply func(in *Injector, next http.Handler, w http.ResponseWriter, r *http.Request)
}

// around returns a handler that applies the effect, with next as what it may pass the request to.
func (e Effect) around(in *Injector, next http.Handler) http.Handler {
	if e.apply == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.apply(in, next, w, r) })
}

// Respond answers with status, header (may be nil) and body; the request takes no effect.
func Respond(status int, header http.Header, body string) Effect {
	return Effect{func(_ *Injector, _ http.Handler, w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header.Clone())
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that has gone away is part of the simulation
	}}
}

// Delay waits before the request goes on, at most a minute, and gives up when
// the client does.
func Delay(d time.Duration) Effect {
	return Effect{func(in *Injector, next http.Handler, w http.ResponseWriter, r *http.Request) {
		if err := in.wait(r, d); err != nil {
			reset(w)
			return
		}
		next.ServeHTTP(w, r)
	}}
}

// Reset resets the TCP connection; the request takes no effect.
func Reset() Effect {
	return Effect{func(_ *Injector, _ http.Handler, w http.ResponseWriter, _ *http.Request) { reset(w) }}
}

// ResetAfter lets the request take effect and resets the connection instead of
// answering: the client can't know what happened.
func ResetAfter() Effect {
	return Effect{func(_ *Injector, next http.Handler, w http.ResponseWriter, r *http.Request) {
		unanswered(next, r)
		reset(w)
	}}
}

// CutBody lets the request take effect and sends the answer with its full
// Content-Length but only half of its body. An answer without a body is a reset.
func CutBody() Effect {
	return Effect{func(_ *Injector, next http.Handler, w http.ResponseWriter, r *http.Request) {
		answer := newBuffer()
		next.ServeHTTP(answer, r)
		if answer.body.Len() == 0 {
			reset(w)
			return
		}
		maps.Copy(w.Header(), answer.header)
		w.Header().Set("Content-Length", strconv.Itoa(answer.body.Len()))
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body.Bytes()[:answer.body.Len()/2])
		// net/http closes the connection of a handler that wrote less than it declared.
	}}
}

// Kill stands for the death of the client's process: see [Injector.KillAfter].
// The first request that it meets takes effect unanswered and runs hook; later ones
// are reset without effect.
func Kill(hook func()) Effect { return die(hook, true) }

// die resets all requests; the first one runs hook, after it took effect if lastWorks.
func die(hook func(), lastWorks bool) Effect {
	var dead atomic.Bool
	return Effect{func(_ *Injector, next http.Handler, w http.ResponseWriter, r *http.Request) {
		if dead.CompareAndSwap(false, true) {
			if lastWorks {
				unanswered(next, r)
			}
			if hook != nil {
				hook()
			}
		}
		reset(w)
	}}
}

// Pick applies one of effects, chosen by the injector's seeded generator.
func Pick(effects ...Effect) Effect {
	return Effect{func(in *Injector, next http.Handler, w http.ResponseWriter, r *http.Request) {
		in.mu.Lock()
		effect := effects[in.rng.IntN(len(effects))]
		in.mu.Unlock()
		effect.around(in, next).ServeHTTP(w, r)
	}}
}

// unanswered lets next do its work and drops the answer. The client's giving up
// must not stop the work, as it would not stop a real service.
func unanswered(next http.Handler, r *http.Request) {
	next.ServeHTTP(newBuffer(), r.WithContext(context.WithoutCancel(r.Context())))
}
