package status

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Bounds of the server. One person looks at it, from this machine.
const (
	maxViewers    = 16
	headerTimeout = 5 * time.Second
	stopTimeout   = 2 * time.Second
)

// Server shows a report on loopback and follows it. Its address holds a random token,
// so that another user of this machine, or a page in the same browser, can't read it.
// It sets no cookie.
type Server struct {
	// URL is the page's address, with its token.
	URL string

	listener net.Listener
	prefix   string // "/TOKEN/"

	mu      sync.Mutex
	report  Report
	changed chan struct{} // closed when report is replaced
	viewers int
}

// Listen opens a server on a free port of loopback with a first report.
func Listen(ctx context.Context, first Report) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	prefix := "/" + strings.ToLower(rand.Text()) + "/"
	return &Server{
		URL: "http://" + listener.Addr().String() + prefix, listener: listener, prefix: prefix,
		report: first, changed: make(chan struct{}),
	}, nil
}

// Show replaces the report, and sends it to everybody who looks.
func (s *Server) Show(report Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report = report
	close(s.changed)
	s.changed = make(chan struct{})
}

// Serve answers until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.prefix+"{$}", s.page)
	mux.HandleFunc("GET "+s.prefix+"events", s.events)
	server := &http.Server{
		Handler: s.guard(mux), ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stopped := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		_ = server.Shutdown(bounded) // what is still open ends with the process
	})
	defer stopped()
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page: %w", err)
	}
	return nil
}

// guard refuses a request for another host, as a page sends it whose name was
// pointed at loopback, and sets the headers that each answer has.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != s.listener.Addr().String() {
			http.Error(w, "wrong host", http.StatusMisdirectedRequest)
			return
		}
		header := w.Header()
		header.Set("Content-Security-Policy", policy(true)+"; frame-ancestors 'none'")
		header.Set("Cache-Control", "no-store")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

func (s *Server) current() (Report, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report, s.changed
}

func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	report, _ := s.current()
	var body bytes.Buffer
	if err := report.writePage(&body, s.prefix+"events", true); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes()) // a viewer that has gone away needs no answer
}

// events sends the page again each time the report changes.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "too many viewers", http.StatusServiceUnavailable)
		return
	}
	defer s.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	for {
		report, changed := s.current()
		var body bytes.Buffer
		if err := report.writePage(&body, "", false); err != nil {
			return
		}
		// Each line of an event's data has its own field.
		data := strings.ReplaceAll(strings.ReplaceAll(body.String(), "\r", ""), "\n", "\ndata: ")
		if _, err := fmt.Fprintf(w, "event: report\ndata: %s\n\n", data); err != nil || flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.viewers >= maxViewers {
		return false
	}
	s.viewers++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewers--
}
