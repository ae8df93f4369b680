//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// A soakClient does one kind of thing to a server, over and over.
type soakClient struct {
	*soakLoad
	kind  string
	index int
	do    func(*soakClient, context.Context)
	http  *http.Client
	rand  *rand.Rand
	turn  int
}

func newSoakClient(l *soakLoad, kind string, index int, do func(*soakClient, context.Context)) *soakClient {
	return &soakClient{
		soakLoad: l, kind: kind, index: index, do: do,
		http: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 2},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Timeout:       patience,
		},
		rand: rand.New(rand.NewPCG(1, uint64(index))),
	}
}

// ask sends a request and returns the status, header and body; below 0 if there was no
// answer, which is wrong unless the test is over.
func (c *soakClient) ask(method, path string, body []byte, headers ...string) (int, http.Header, []byte) {
	req, err := http.NewRequest(method, c.process.url+path, bytes.NewReader(body))
	if err != nil {
		c.failed(c.kind, err.Error())
		return -1, nil, nil
	}
	// All come from one address, and the guesses of one must not shut out the others.
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", c.index+1))
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.failed(c.kind, err.Error())
		return -1, nil, nil
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		c.failed(c.kind, method+" "+path+": "+err.Error())
	}
	return resp.StatusCode, resp.Header, got
}

// read gets files whole, in parts and again, and asks for what it must not have.
func (c *soakClient) read(context.Context) {
	name := c.place.names[c.rand.IntN(len(c.place.names))]
	want := c.place.files[name]
	path := "/docs/" + name
	status, header, got := c.ask("GET", path, nil)
	if c.answered(c.kind, status, 200) && !bytes.Equal(got, want) {
		c.failed(c.kind, path+": other bytes")
	}
	if etag := header.Get("Etag"); etag != "" {
		status, _, _ = c.ask("GET", path, nil, "If-None-Match", etag)
		c.answered(c.kind, status, 304)
	}
	from := c.rand.IntN(len(want))
	status, _, got = c.ask("GET", path, nil, "Range", fmt.Sprintf("bytes=%d-", from))
	if c.answered(c.kind, status, 206) && !bytes.Equal(got, want[from:]) {
		c.failed(c.kind, path+": other bytes of a range")
	}
	status, _, _ = c.ask("HEAD", path, nil)
	c.answered(c.kind, status, 200)
	for _, path := range []string{
		"/docs/secret/key", "/docs/out", "/docs/%2e%2e/key", "/docs/..%2fkey", "/docs//" + name,
		"/home/alice/kept", "/files/6ba7b810-9dad-41d1-80b4-00c04fd430c8", "/nothing",
	} {
		status, _, got = c.ask("GET", path, nil, "Authorization", "Bearer "+c.place.tokens["bob"])
		if c.answered(c.kind, status, 404) && string(got) != "not found\n" {
			c.failed(c.kind, path+" is not the uniform answer: "+string(got))
		}
	}
}

// list goes through a directory page by page.
func (c *soakClient) list(context.Context) {
	var page struct {
		Entries []struct{ Name string }
		Next    string
	}
	seen := 0
	for after := ""; ; after = page.Next {
		page.Next, page.Entries = "", nil
		status, _, body := c.ask("GET", "/docs/?limit=7&after="+url.QueryEscape(after), nil, "Accept", "application/json")
		if !c.answered(c.kind, status, 200) {
			return
		}
		if err := json.Unmarshal(body, &page); err != nil {
			c.failed(c.kind, err.Error())
		}
		for _, e := range page.Entries {
			seen++
			if strings.HasPrefix(e.Name, "secret") || e.Name == "out" {
				c.failed(c.kind, "lists "+e.Name)
			}
		}
		if page.Next == "" {
			break
		}
	}
	if seen != len(c.place.names) {
		c.failed(c.kind, fmt.Sprintf("%d entries of %d", seen, len(c.place.names)))
	}
}

// write puts, replaces, reads and deletes objects of its own, and tries others'.
func (c *soakClient) write(context.Context) {
	as := []string{"Authorization", "Bearer " + c.place.tokens["alice"]}
	path := fmt.Sprintf("/home/alice/%d/%d", c.index, c.rand.IntN(20))
	body := c.bytes(128 << 10)
	for _, content := range [][]byte{body, body[:len(body)/2]} {
		status, _, _ := c.ask("PUT", path, content, as...)
		if !c.answered(c.kind, status, 201, 204, 503) || status == 503 {
			return // 503: no more at once than the limit
		}
		c.kept.Store(path, true)
		status, _, got := c.ask("GET", path, nil, as...)
		if c.answered(c.kind, status, 200) && !bytes.Equal(got, content) {
			c.failed(c.kind, path+": other bytes than were put")
		}
	}
	status, _, _ := c.ask("PUT", path, body, append(as, "If-None-Match", "*")...)
	c.answered(c.kind, status, 412, 503)
	status, _, _ = c.ask("PUT", path, nil, append(as, "If-Match", `"none"`)...)
	c.answered(c.kind, status, 412, 503)
	status, _, _ = c.ask("PUT", "/home/bob/x", body, as...)
	c.answered(c.kind, status, 404)
	status, _, _ = c.ask("PUT", "/home/alice/x", make([]byte, soakLimit+1), as...)
	c.answered(c.kind, status, 413)
	if c.rand.IntN(8) > 0 {
		status, _, _ = c.ask("DELETE", path, nil, as...)
		c.answered(c.kind, status, 204)
		c.kept.Delete(path)
	}
}

// upload posts files, reads them back and deletes most of them.
func (c *soakClient) upload(context.Context) {
	as := []string{
		"Authorization", "Bearer " + c.place.tokens["bob"],
		"Content-Disposition", `attachment; filename="report.bin"`, "Content-Type", "application/octet-stream",
	}
	body := c.bytes(256 << 10)
	status, _, got := c.ask("POST", "/files/", body, as...)
	if !c.answered(c.kind, status, 201, 503) || status == 503 {
		return // 503: no more at once than the limit
	}
	var made struct{ Files []upload }
	if err := json.Unmarshal(got, &made); err != nil || len(made.Files) != 1 || made.Files[0].SHA256 != hash(body) {
		c.failed(c.kind, "the answer says other than was sent: "+string(got))
		return
	}
	c.kept.Store("/files/"+made.Files[0].ID, true)
	path := "/files/" + made.Files[0].ID
	status, _, got = c.ask("GET", path, nil, as[:2]...)
	if c.answered(c.kind, status, 200) && !bytes.Equal(got, body) {
		c.failed(c.kind, "other bytes than were uploaded")
	}
	status, _, _ = c.ask("DELETE", path, nil, "Authorization", "Bearer "+c.place.tokens["alice"])
	c.answered(c.kind, status, 404)
	if c.rand.IntN(8) > 0 {
		status, _, _ = c.ask("DELETE", path, nil, as[:2]...)
		c.answered(c.kind, status, 204)
		c.kept.Delete(path)
	}
}

// abort begins to send bodies and goes away in the middle of them.
func (c *soakClient) abort(ctx context.Context) {
	head := "PUT /home/alice/aborted HTTP/1.1\r\nAuthorization: Bearer " + c.place.tokens["alice"]
	if c.turn++; c.turn%2 == 0 {
		head = "POST /files/ HTTP/1.1\r\nContent-Disposition: attachment; filename=a.bin\r\nAuthorization: Bearer " + c.place.tokens["bob"]
	}
	conn := c.dial()
	if conn == nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n", head)
	_, _ = conn.Write(c.bytes(100 << 10))
	c.pause(ctx, 100*time.Millisecond)
}

// dawdle takes a little of a large file, looks the other way for a while and leaves.
func (c *soakClient) dawdle(ctx context.Context) {
	conn := c.dial()
	if conn == nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /docs/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", soakLargest)
	if _, err := io.ReadFull(conn, make([]byte, 1<<10)); err != nil {
		c.failed(c.kind, err.Error())
	}
	c.pause(ctx, 300*time.Millisecond)
}

// pause is how slow clients are slow: it waits for up to max.
func (c *soakClient) pause(ctx context.Context, max time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(max)):
	}
}

func (c *soakClient) dial() net.Conn {
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.process.url, "http://"))
	if err != nil {
		c.failed(c.kind, err.Error())
		return nil
	}
	return conn
}

// guess tries passwords until it is told to wait, and then from another address.
func (c *soakClient) guess(context.Context) {
	c.turn++
	from := fmt.Sprintf("198.51.%d.%d", c.turn/250%250, c.turn%250+1)
	for range 12 {
		status, _, _ := c.ask("GET", "/home/alice/kept", nil, "X-Forwarded-For", from,
			"Authorization", basicCredentials("alice", soakGuess))
		if !c.answered(c.kind, status, 401, 429) || status == 429 {
			break
		}
	}
	status, _, _ := c.ask("GET", "/home/alice/kept", nil, "Authorization", basicCredentials("alice", soakPassword))
	c.answered(c.kind, status, 200)
	status, _, _ = c.ask("GET", "/home/alice/kept", nil)
	c.answered(c.kind, status, 401)
}

// follow takes links, good and bad.
func (c *soakClient) follow(context.Context) {
	status, _, got := c.ask("GET", c.place.link, nil)
	if c.answered(c.kind, status, 200) && string(got) != soakKept {
		c.failed(c.kind, "a link leads to "+string(got))
	}
	for _, bad := range []string{
		c.place.link + "x",
		strings.Replace(c.place.link, "/home/alice/kept", "/home/alice/other", 1),
		strings.Replace(c.place.link, "/home/", "/docs/", 1),
	} {
		status, _, _ = c.ask("GET", bad, nil)
		c.answered(c.kind, status, 404)
	}
	status, _, _ = c.ask("DELETE", c.place.link, nil)
	c.answered(c.kind, status, 404)
}

// reload rotates the log, changes the configuration and has it read.
func (c *soakClient) reload(ctx context.Context) {
	c.turn++
	log := c.place.log
	if err := os.Rename(log, fmt.Sprintf("%s.%d", log, c.place.rotated.Add(1))); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.failed(c.kind, err.Error())
	}
	if err := c.place.configure(c.turn); err != nil {
		c.failed(c.kind, err.Error())
	}
	before := c.reloads()
	if err := c.process.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		c.failed(c.kind, err.Error())
		return
	}
	deadline := time.After(patience)
	for c.reloads() == before {
		c.process.mu.Lock()
		more := c.process.more
		c.process.mu.Unlock()
		if c.reloads() != before {
			break
		}
		select {
		case <-more:
		case <-deadline:
			c.failed(c.kind, "a reload does not end")
			return
		}
	}
	c.mu.Lock()
	c.answers["reload done"]++
	c.mu.Unlock()
	c.pause(ctx, 500*time.Millisecond)
}

// reloads returns how often the server has said how a reload went.
func (c *soakClient) reloads() (n int) {
	for _, line := range c.process.said() {
		if strings.HasPrefix(line, "reloaded:") {
			n++
		}
	}
	return n
}

// bytes returns up to max random bytes, at least one.
func (c *soakClient) bytes(max int) []byte {
	b := make([]byte, 1+c.rand.IntN(max))
	for i := range b {
		b[i] = byte(c.rand.Uint32())
	}
	return b
}

func basicCredentials(name, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(name, password)
	return r.Header.Get("Authorization")
}
