package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU times in /proc: USER_HZ, which is 100 on Linux.
const clockTick = time.Second / 100

// cpuTime returns the CPU time of a process and its children, such as nginx's workers, from
// /proc. It returns 0 on other systems than Linux.
func cpuTime(pid int) (total time.Duration) {
	for _, p := range family(pid) {
		f := statOf(p)
		if len(f) < 15 {
			continue
		}
		user, _ := strconv.ParseInt(f[13], 10, 64)
		system, _ := strconv.ParseInt(f[14], 10, 64)
		total += time.Duration(user+system) * clockTick
	}
	return total
}

// memory returns the memory that a process and its children hold, without what they map from
// files, such as their code, and the most that the process ever had resident, with that.
// Both are in bytes, and 0 on other systems than Linux.
func memory(pid int) (now, most int64) {
	for _, p := range family(pid) {
		now += field(fmt.Sprintf("/proc/%d/status", p), "RssAnon:")
	}
	return now, field(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
}

// field returns the value, in bytes, of a line with a key and a number of kB.
func field(file, key string) int64 {
	data, _ := os.ReadFile(file)
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

// family returns a process and its children.
func family(pid int) []int {
	list := []int{pid}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		p, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		if f := statOf(p); len(f) > 3 && f[3] == strconv.Itoa(pid) {
			list = append(list, p)
		}
	}
	return list
}

// statOf returns the fields of /proc/PID/stat, with the command's name, which may contain
// spaces, as one field.
func statOf(pid int) []string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	text := string(data)
	open, end := strings.Index(text, "("), strings.LastIndex(text, ")")
	if open < 0 || end < open {
		return nil
	}
	return append([]string{strings.TrimSpace(text[:open]), text[open+1 : end]}, strings.Fields(text[end+1:])...)
}
