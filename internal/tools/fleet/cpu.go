package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// cpu is what simulators and functions computed so far. Unlike the time that a run
// took it doesn't depend on what else the machine does.
type cpu struct{ simulators, functions time.Duration }

// used reads it; zero where the system has no /proc.
func used(functions map[string]*lambda.Runtime) cpu {
	spent := cpu{simulators: ofProcess(os.Getpid())}
	for _, function := range functions {
		for _, start := range function.Stats().ColdStarts {
			spent.functions += ofProcess(start.PID)
		}
	}
	return spent
}

func (c cpu) since(before cpu) cpu {
	return cpu{c.simulators - before.simulators, c.functions - before.functions}
}

// tick is the unit of the times in /proc, on every system that Go's Linux port runs on.
const tick = 10 * time.Millisecond

// ofProcess is the user and system time of a process that runs, else zero.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func ofProcess(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The program's name, in brackets, may have blanks in it; utime and stime are the
	// 14th and 15th field, the name is the second.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const user, system = 14 - 3, 15 - 3
	if len(fields) <= system {
		return 0
	}
	ticks := 0
	for _, field := range [][]byte{fields[user], fields[system]} {
		count, err := strconv.Atoi(string(field))
		if err != nil {
			return 0
		}
		ticks += count
	}
	return time.Duration(ticks) * tick
}
