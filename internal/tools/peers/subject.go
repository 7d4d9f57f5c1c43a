package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// subject is one server under measurement.
type subject struct {
	name    string
	command []string
	// folder is where the server runs; empty is here.
	folder string
	// portArgument: the port is the last argument, instead of a variable.
	portArgument bool
	figures      figures
}

// started is a running server.
type started struct {
	process *exec.Cmd
	url     string
	cold    time.Duration
}

// start runs the server, on another port when somebody was faster to take the first.
func (s *subject) start(ctx context.Context) (running *started, err error) {
	for range 3 {
		if running, err = s.tryStart(ctx); err == nil {
			return running, nil
		}
	}
	return nil, err
}

// tryStart runs the server on the second CPU and waits until it listens.
func (s *subject) tryStart(ctx context.Context) (*started, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	descriptor, err := filepath.Abs("examples/atlassian-connect.json")
	if err != nil {
		return nil, err
	}
	args := append([]string{"-c", "1"}, s.command...)
	if s.portArgument {
		args = append(args, port)
	}
	process := exec.CommandContext(ctx, "taskset", args...)
	process.Env = append(os.Environ(), "PEERS_PORT="+port, "PEERS_APP_SECRET="+appSecret, "PEERS_DESCRIPTOR="+descriptor, "GOMAXPROCS=1")
	process.Dir, process.Stderr = s.folder, os.Stderr
	output, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if lines.Text() == "listening" {
			return &started{process: process, url: "http://127.0.0.1:" + port, cold: time.Since(began)}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s ended before it listened", s.name), process.Wait())
}

// stop ends the process that start made.
func (s *started) stop() {
	_ = s.process.Process.Kill() // it may have ended by itself
	_ = s.process.Wait()         // its exit says only that it was killed
}

// rss is the memory that the process has resident, in bytes. Source: proc(5)
func (s *started) rss() (int64, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(s.process.Process.Pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("the system does not tell a process's memory")
}

func freePort(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}
