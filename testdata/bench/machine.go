package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// A program is one that may be missing.
type program struct {
	name, get string
	path      string // "" if it is missing
	version   string
}

// How to get the programs that are not part of this module.
const (
	getNginx  = "Debian: apt-get install nginx-light"
	getWrk    = "Debian: apt-get install wrk"
	getCaddy  = "go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9"
	getRclone = "go install github.com/rclone/rclone@v1.76.0"
)

// number is a version in the output of a program that is not written in Go.
var number = regexp.MustCompile(`\d+(\.\d+)+`)

// find looks for a program in PATH, and where Go and Debian install it.
func find(ctx context.Context, name, get string) program {
	p := program{name: name, get: get, version: name}
	gopath, _ := exec.CommandContext(ctx, "go", "env", "GOPATH").Output()
	for _, candidate := range []string{name, filepath.Join(strings.TrimSpace(string(gopath)), "bin", name), "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			p.path = path
			break
		}
	}
	if p.path == "" {
		return p
	}
	if info, err := buildinfo.ReadFile(p.path); err == nil {
		p.version = name + " " + info.Main.Version
		return p
	}
	// The exit status means nothing: wrk has none for its version.
	out, _ := exec.CommandContext(ctx, p.path, "-v").CombinedOutput()
	if found := number.FindString(string(out)); found != "" {
		p.version = name + " " + found
	}
	return p
}

// optional finds a program, and notes how to get it if it is missing.
func (b *bench) optional(ctx context.Context, name, get string) program {
	p := find(ctx, name, get)
	if p.path == "" {
		b.note("%s is missing, so it is left out. %s", name, get)
	}
	return p
}

// describeMachine prints what the figures depend on. dir is where the files are.
func describeMachine(ctx context.Context, dir string) {
	fmt.Printf("%s, %d × %s, Linux %s, %s, files on %s; bailiwick %s, commit %s.\n\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), processor(), firstLine(ctx, "uname", "-r"),
		runtime.Version(), firstLine(ctx, "stat", "-f", "-c", "%T", dir), runtime.GOARCH, firstLine(ctx, "git", "describe", "--always", "--dirty"))
}

func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// firstLine returns the first line of a command's output.
func firstLine(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
