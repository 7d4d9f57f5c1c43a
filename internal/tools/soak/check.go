package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/linkersync/linkersync/internal/simulator/stack"
)

// findings are the differences between what is there and what was asked for.
type findings struct {
	// lost: asked for and not there. wrong: there and not asked for. duplicated: there
	// twice. leaked: a secret in an output. dead: given up.
	// stopped: linker updates stopped, or waited too long, for nothing.
	lost, wrong, duplicated, leaked, dead, stopped []string
}

// check compares the end with what was asked for. It asks the simulators only.
func (w *world) check() findings {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := findings{stopped: w.stopped}
	for n := range actors * perActor {
		w.checkWorkspace(&f, stack.Number(n))
	}
	for n := range connections {
		w.checkConnection(&f, fmt.Sprintf("bitbucket-%d", n))
	}
	w.checkRuns(&f)
	if count := w.stack.AWS.Events.Lost(); count > 0 {
		f.lost = append(f.lost, fmt.Sprintf("%d events for a bus that isn't there", count))
	}
	outputs := w.logs.bytes()
	for _, queue := range []string{stack.Queue, stack.DeadLetters} {
		for _, message := range w.stack.AWS.Queues.Messages(queue) {
			outputs = fmt.Appendf(outputs, "%s %v", message.Body, message.Attributes)
			f.dead = append(f.dead, fmt.Sprintf("message %s: %v", message.Body, message.Attributes))
		}
	}
	for _, letter := range w.stack.DeadEvents() {
		outputs = fmt.Appendf(outputs, "%s %v", letter.Payload, letter.Err)
		f.dead = append(f.dead, fmt.Sprintf("event %.300s: %v", letter.Payload, letter.Err))
	}
	for i, secret := range w.secrets {
		if bytes.Contains(outputs, []byte(secret)) {
			f.leaked = append(f.leaked, fmt.Sprintf("secret number %d", i))
		}
	}
	return f
}

func (w *world) checkWorkspace(f *findings, workspace string) {
	in, found := w.stack.Bitbucket.Installation(stack.ClientKey(appKey, workspace))
	if !w.installed[workspace] {
		return
	}
	if !found {
		f.lost = append(f.lost, "installation of "+workspace)
		return
	}
	desired, own := w.own[workspace]
	if !own {
		desired = w.fallback
	}
	if len(desired) == 0 {
		return // nobody has asked for anything yet
	}
	for linker, want := range map[string][]string{"issues": desired, "builds": desired[len(desired)-1:]} {
		seen := map[string]bool{}
		for _, value := range in.Values[linker] {
			if seen[value] {
				f.duplicated = append(f.duplicated, fmt.Sprintf("%s %s in %s", linker, value, workspace))
			}
			seen[value] = true
			if linker == "issues" && !slices.Contains(want, value) {
				f.wrong = append(f.wrong, fmt.Sprintf("%s %s in %s", linker, value, workspace))
			}
		}
		for _, value := range want {
			if !seen[value] {
				f.lost = append(f.lost, fmt.Sprintf("%s %s in %s", linker, value, workspace))
			}
		}
	}
}

func (w *world) checkConnection(f *findings, name string) {
	token, rotated := w.tokens[name]
	if !rotated {
		return
	}
	switch found := w.connection(name); {
	case len(found) == 0:
		f.lost = append(f.lost, "connection "+name)
	case len(found) > 1:
		f.duplicated = append(f.duplicated, "connection "+name)
	case found[0].APIToken != token:
		f.wrong = append(f.wrong, "token of connection "+name)
	}
}

// print tells the findings and whether there are none.
func (f findings) print(out io.Writer) (clean bool) {
	clean = true
	for _, group := range []struct {
		name string
		list []string
	}{{"lost", f.lost}, {"wrong", f.wrong}, {"duplicated", f.duplicated}, {"leaked", f.leaked}, {"dead letters", f.dead}, {"stopped", f.stopped}} {
		_, _ = fmt.Fprintf(out, "%-12s %d\n", group.name, len(group.list))
		for _, finding := range group.list {
			clean = false
			_, _ = fmt.Fprintf(out, "  %s\n", finding)
		}
	}
	return clean
}
