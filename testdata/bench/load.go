package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// wrkConnections is the number of wrk's connections: more than a small machine has
// processors, so that throughput is measured and not wake-up latency.
const wrkConnections = 32

// A load is what a server did in a turn.
type load struct {
	requests float64
	rate     float64 // requests per second
	cpu      float64 // seconds of the server per request
}

// wrk requests a body of size bytes from a server for a turn, in one thread. A response that
// is not a success is an error.
func (b *bench) wrk(ctx context.Context, tool program, p *process, url string, size int64, header ...string) (load, error) {
	before := cpuTime(p.cmd.Process.Pid)
	// On a busy machine, 32 large responses take longer than wrk's own limit of 2 s.
	args := []string{"-t1", "--timeout", "60s", fmt.Sprintf("-c%d", wrkConnections), fmt.Sprintf("-d%ds", int(b.turn.Seconds()))}
	for _, h := range header {
		args = append(args, "-H", h)
	}
	cmd := exec.CommandContext(ctx, tool.path, append(args, url)...)
	out, err := cmd.CombinedOutput()
	cpu := cpuTime(p.cmd.Process.Pid) - before
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	l, err := parseWrk(string(out), size)
	if err != nil {
		return load{}, fmt.Errorf("%s: %w\n%s", p.name, err, out)
	}
	l.cpu = cpu.Seconds() / l.requests
	return l, nil
}

var (
	wrkResult = regexp.MustCompile(`(\d+) requests in ([0-9.]+)(m?s), ([0-9.]+)([KMG]?)B read`)
	wrkErrors = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

// countable is the size from which responses are counted by their bytes: a turn has few of
// them, and many are still running at its end.
const countable = 1 << 20

func parseWrk(out string, size int64) (load, error) {
	if bad := wrkErrors.FindString(out); bad != "" {
		return load{}, errors.New(bad)
	}
	found := wrkResult.FindStringSubmatch(out)
	if found == nil {
		return load{}, errors.New("wrk's output has no result")
	}
	n, _ := strconv.ParseFloat(found[1], 64)
	seconds, _ := strconv.ParseFloat(found[2], 64)
	if found[3] == "ms" {
		seconds /= 1000
	}
	if size >= countable {
		read, _ := strconv.ParseFloat(found[4], 64)
		n = read * float64(int64(1)<<(10*strings.Index("BKMG", cmp.Or(found[5], "B")))) / float64(size)
	}
	if n == 0 || seconds == 0 {
		return load{}, errors.New("no request was answered")
	}
	return load{requests: n, rate: n / seconds}, nil
}

// A client is a kept connection. It does as little as possible, since it shares the
// processors with the server.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReaderSize(conn, 256<<10)}, nil
}

func (c *client) close() { c.conn.Close() }

// get requests target, discards the body, and returns the time to its first byte and its
// length.
func (c *client) get(host, target string, header ...string) (first time.Duration, n int64, err error) {
	return c.send("GET", host, target, nil, header...)
}

// send is get for any method. A response that is not a success is an error.
func (c *client) send(method, host, target string, body []byte, header ...string) (first time.Duration, n int64, err error) {
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n", method, target, host)
	if body != nil {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", len(body))
	}
	for _, h := range header {
		head.WriteString(h + "\r\n")
	}
	head.WriteString("\r\n")
	begin := time.Now()
	out := net.Buffers{head.Bytes(), body}
	if _, err := out.WriteTo(c.conn); err != nil {
		return 0, 0, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, 0, err
	}
	if res.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		return 0, 0, fmt.Errorf("%s %s: %s: %s", method, target, res.Status, text)
	}
	if res.ContentLength > 0 {
		if _, err := c.in.Peek(1); err != nil {
			return 0, 0, err
		}
	}
	first = time.Since(begin)
	n, err = io.Copy(io.Discard, res.Body)
	return first, n, err
}

// check gets a target once, and checks the length of the body. It makes sure that programs
// are compared at the same work.
func (p *process) check(target string, size int64) error {
	c, err := dial(p.addr)
	if err != nil {
		return err
	}
	defer c.close()
	if _, n, err := c.get(p.addr, target); err != nil || n != size {
		return fmt.Errorf("%s: %s has %d bytes instead of %d: %v", p.name, target, n, size, err)
	}
	return nil
}
