package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// descriptors raises the limit of open files, and returns how many slow clients a server can
// have: each costs a connection and a file.
func (b *bench) descriptors() int {
	want := unix.Rlimit{Cur: 30_000, Max: 30_000}
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil {
		return 100
	}
	if now.Max < want.Max && unix.Setrlimit(unix.RLIMIT_NOFILE, &want) != nil {
		b.note("The limit of %d open files allows fewer than 10,000 slow clients.", now.Max)
		return int(now.Max-500) / 2
	}
	// Go restores the limit that it found for a child process, unless it is set again.
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: want.Cur, Max: max(now.Max, want.Max)})
	return 10_000
}

// slowClients returns the memory that a server holds for each of n clients that ask for
// target and read only the beginning of its header; "" asks for nothing. It returns when the
// memory no longer grows.
func slowClients(p *process, target string, n int) (each float64, err error) {
	// What the first request needs is not for each client.
	warm, err := dial(p.addr)
	if err != nil {
		return 0, err
	}
	defer warm.close()
	for _, path := range []string{"/100k.bin", "/10m.bin"} {
		if _, _, err := warm.get(p.addr, path); err != nil {
			return 0, err
		}
	}
	before, _ := memory(p.cmd.Process.Pid)
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	// A small window keeps the response in the server, where it is measured.
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10) })
	}}
	for range n {
		c, err := dialer.DialContext(context.Background(), "tcp", p.addr)
		if err != nil {
			return 0, err
		}
		conns = append(conns, c)
		if target == "" {
			continue
		}
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, p.addr); err != nil {
			return 0, err
		}
	}
	for _, c := range conns {
		if target == "" {
			continue
		}
		head := make([]byte, len("HTTP/1.1 200"))
		if _, err := c.Read(head); err != nil || string(head) != "HTTP/1.1 "+fmt.Sprint(http.StatusOK) {
			return 0, fmt.Errorf("%q, %v", head, err)
		}
	}
	now := int64(0)
	for range 20 {
		last := now
		if now, _ = memory(p.cmd.Process.Pid); now <= last+last/100 {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return float64(now-before) / float64(n), nil
}
