package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// api is the runtime API of one environment.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func (e *environment) api() http.Handler {
	const root = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root+"invocation/next", e.next)
	mux.HandleFunc("POST "+root+"invocation/{id}/response", e.response)
	mux.HandleFunc("POST "+root+"invocation/{id}/error", e.invocationError)
	mux.HandleFunc("POST "+root+"init/error", e.initError)
	return mux
}

// next waits for an invocation; it has no time limit, as in AWS.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	e.seen.Do(func() {
		pid := e.process.Process.Pid
		e.runtime.stats.coldStart(ColdStart{PID: pid, ToNext: time.Since(e.started), RSS: processMemory(pid, lineRSS)})
	})
	if call := e.take(""); call != nil {
		call.decide(nil, e.fail(call, TypeNotAnswered, "Runtime asked for the next invocation without answering this one"))
	}
	select {
	case e.waiting <- struct{}{}:
	default:
	}
	select {
	case call := <-e.work:
		e.mu.Lock()
		e.current = call
		e.mu.Unlock()
		e.deliver(w, call)
	case <-r.Context().Done():
	}
}

func (e *environment) deliver(w http.ResponseWriter, call *invocation) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Lambda-Runtime-Aws-Request-Id", call.id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(call.deadline.UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", e.runtime.ARN())
	header.Set("Lambda-Runtime-Trace-Id", call.traceID)
	// A process that is gone shows by its exit.
	_, _ = w.Write(call.payload)
}

// take returns the invocation that is due when it has this id, or any for an
// empty id, and makes it due no longer.
func (e *environment) take(id string) *invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	call := e.current
	if call == nil || id != "" && id != call.id {
		return nil
	}
	e.current = nil
	return call
}

// response takes a function's answer.
func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	call, body, ok := e.answered(w, r)
	if !ok {
		return
	}
	call.decide(body, nil)
	accept(w)
}

func (e *environment) invocationError(w http.ResponseWriter, r *http.Request) {
	call, body, ok := e.answered(w, r)
	if !ok {
		return
	}
	call.decide(nil, reported(e.runtime.function.Name, call.id, r.Header.Get("Lambda-Runtime-Function-Error-Type"), body))
	accept(w)
}

// answered reads the body of an answer to the invocation that is due. It replies
// itself when there is none or the body is too large.
func (e *environment) answered(w http.ResponseWriter, r *http.Request) (*invocation, []byte, bool) {
	call := e.take(r.PathValue("id"))
	if call == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil, nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		call.decide(nil, e.fail(call, TypeTooLarge, fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxPayload)))
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
		return nil, nil, false
	}
	if err != nil {
		// The process died while it answered; its exit says how.
		e.mu.Lock()
		e.current = call
		e.mu.Unlock()
		return nil, nil, false
	}
	return call, body, true
}

// initError takes the report of a process that can't start and is about to exit.
func (e *environment) initError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
		return
	}
	e.mu.Lock()
	e.failure = reported(e.runtime.function.Name, "", r.Header.Get("Lambda-Runtime-Function-Error-Type"), body)
	e.mu.Unlock()
	accept(w)
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Two strings always encode.
	_ = json.NewEncoder(w).Encode(report{ErrorMessage: message, ErrorType: kind})
}
