package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: what Linux shows is
// a hundredth of a second on every architecture that Go has.
const tick = 10 * time.Millisecond

// cpu is the CPU time that processes and their children had when it was made.
type cpu struct {
	pids   []int
	before time.Duration
}

func newCPU(pids []int) (c cpu, err error) {
	c.pids = pids
	c.before, err = cpuTime(pids)
	return c, err
}

// used is what they have used since.
func (c cpu) used() (time.Duration, error) {
	now, err := cpuTime(c.pids)
	return now - c.before, err
}

// cpuTime sums user and system time of the processes and of all below them.
func cpuTime(pids []int) (sum time.Duration, err error) {
	if len(pids) == 0 {
		return 0, nil
	}
	all, err := processes()
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		if _, ok := all[pid]; !ok {
			return 0, fmt.Errorf("no process %d", pid)
		}
	}
	for pid, p := range all {
		for at, n := pid, 0; at > 1 && n < len(all); at, n = all[at].parent, n+1 {
			if slices.Contains(pids, at) {
				sum += p.time
				break
			}
		}
	}
	return sum, nil
}

type process struct {
	parent int
	time   time.Duration
}

func processes() (map[int]process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := map[int]process{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if p, ok := parseStat(b); ok && err == nil {
			all[pid] = p
		}
	}
	return all, nil
}

// parseStat reads the fields 4, 14 and 15 of proc(5); the second is a name in
// brackets, in which anything may stand.
func parseStat(b []byte) (process, bool) {
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 13 {
		return process{}, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	user, errUser := strconv.ParseInt(string(fields[11]), 10, 64)
	system, errSystem := strconv.ParseInt(string(fields[12]), 10, 64)
	return process{parent, time.Duration(user+system) * tick}, err == nil && errUser == nil && errSystem == nil
}
