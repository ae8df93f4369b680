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

// A soakClient repeats one kind of request.
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

// request sends a request and returns the response's status, header and body. Without a
// response, the status is negative and the failure is recorded.
func (c *soakClient) request(method, path string, body []byte, headers ...string) (int, http.Header, []byte) {
	req, err := http.NewRequest(method, c.process.url+path, bytes.NewReader(body))
	if err != nil {
		c.failed(c.kind, err.Error())
		return -1, nil, nil
	}
	// Each client has its own address: one client's guesses must not block the others.
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

// read gets a file, a range of it and a 304, and requests files that it must not get.
func (c *soakClient) read(context.Context) {
	name := c.place.names[c.rand.IntN(len(c.place.names))]
	want := c.place.files[name]
	path := "/docs/" + name
	status, header, got := c.request("GET", path, nil)
	if c.answered(c.kind, status, 200) && !bytes.Equal(got, want) {
		c.failed(c.kind, path+": wrong bytes")
	}
	if etag := header.Get("Etag"); etag != "" {
		status, _, _ = c.request("GET", path, nil, "If-None-Match", etag)
		c.answered(c.kind, status, 304)
	}
	from := c.rand.IntN(len(want))
	status, _, got = c.request("GET", path, nil, "Range", fmt.Sprintf("bytes=%d-", from))
	if c.answered(c.kind, status, 206) && !bytes.Equal(got, want[from:]) {
		c.failed(c.kind, path+": wrong bytes of a range")
	}
	status, _, _ = c.request("HEAD", path, nil)
	c.answered(c.kind, status, 200)
	for _, path := range []string{
		"/docs/secret/key", "/docs/out", "/docs/%2e%2e/key", "/docs/..%2fkey", "/docs//" + name,
		"/home/alice/kept", "/files/6ba7b810-9dad-41d1-80b4-00c04fd430c8", "/nothing",
	} {
		status, _, got = c.request("GET", path, nil, "Authorization", "Bearer "+c.place.tokens["bob"])
		if c.answered(c.kind, status, 404) && string(got) != "not found\n" {
			c.failed(c.kind, path+": not the uniform 404: "+string(got))
		}
	}
}

// list lists a directory page by page.
func (c *soakClient) list(context.Context) {
	var page struct {
		Entries []struct{ Name string }
		Next    string
	}
	seen := 0
	for after := ""; ; after = page.Next {
		page.Next, page.Entries = "", nil
		status, _, body := c.request("GET", "/docs/?limit=7&after="+url.QueryEscape(after), nil, "Accept", "application/json")
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

// write creates, replaces, reads and deletes its own objects, and tries to write another
// user's.
func (c *soakClient) write(context.Context) {
	as := []string{"Authorization", "Bearer " + c.place.tokens["alice"]}
	path := fmt.Sprintf("/home/alice/%d/%d", c.index, c.rand.IntN(20))
	body := c.bytes(128 << 10)
	for _, content := range [][]byte{body, body[:len(body)/2]} {
		status, _, _ := c.request("PUT", path, content, as...)
		if !c.answered(c.kind, status, 201, 204, 503) || status == 503 {
			return // 503: the limit of concurrent uploads
		}
		c.kept.Store(path, true)
		status, _, got := c.request("GET", path, nil, as...)
		if c.answered(c.kind, status, 200) && !bytes.Equal(got, content) {
			c.failed(c.kind, path+": not the bytes that were put")
		}
	}
	status, _, _ := c.request("PUT", path, body, append(as, "If-None-Match", "*")...)
	c.answered(c.kind, status, 412, 503)
	status, _, _ = c.request("PUT", path, nil, append(as, "If-Match", `"none"`)...)
	c.answered(c.kind, status, 412, 503)
	status, _, _ = c.request("PUT", "/home/bob/x", body, as...)
	c.answered(c.kind, status, 404)
	status, _, _ = c.request("PUT", "/home/alice/x", make([]byte, soakLimit+1), as...)
	c.answered(c.kind, status, 413)
	if c.rand.IntN(8) > 0 {
		status, _, _ = c.request("DELETE", path, nil, as...)
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
	status, _, got := c.request("POST", "/files/", body, as...)
	if !c.answered(c.kind, status, 201, 503) || status == 503 {
		return // 503: the limit of concurrent uploads
	}
	var made struct{ Files []upload }
	if err := json.Unmarshal(got, &made); err != nil || len(made.Files) != 1 || made.Files[0].SHA256 != hash(body) {
		c.failed(c.kind, "wrong response to an upload: "+string(got))
		return
	}
	c.kept.Store("/files/"+made.Files[0].ID, true)
	path := "/files/" + made.Files[0].ID
	status, _, got = c.request("GET", path, nil, as[:2]...)
	if c.answered(c.kind, status, 200) && !bytes.Equal(got, body) {
		c.failed(c.kind, "not the bytes that were uploaded")
	}
	status, _, _ = c.request("DELETE", path, nil, "Authorization", "Bearer "+c.place.tokens["alice"])
	c.answered(c.kind, status, 404)
	if c.rand.IntN(8) > 0 {
		status, _, _ = c.request("DELETE", path, nil, as[:2]...)
		c.answered(c.kind, status, 204)
		c.kept.Delete(path)
	}
}

// abort sends a part of a body and closes the connection.
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

// stall reads a little of a large file, pauses and closes the connection.
func (c *soakClient) stall(ctx context.Context) {
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

// pause waits for a random time of up to max.
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

// guess tries wrong passwords until it gets 429, each time from a new address.
func (c *soakClient) guess(context.Context) {
	c.turn++
	from := fmt.Sprintf("198.51.%d.%d", c.turn/250%250, c.turn%250+1)
	for range 12 {
		status, _, _ := c.request("GET", "/home/alice/kept", nil, "X-Forwarded-For", from,
			"Authorization", basicCredentials("alice", soakGuess))
		if !c.answered(c.kind, status, 401, 429) || status == 429 {
			break
		}
	}
	status, _, _ := c.request("GET", "/home/alice/kept", nil, "Authorization", basicCredentials("alice", soakPassword))
	c.answered(c.kind, status, 200)
	status, _, _ = c.request("GET", "/home/alice/kept", nil)
	c.answered(c.kind, status, 401)
}

// follow requests a valid link and invalid ones.
func (c *soakClient) follow(context.Context) {
	status, _, got := c.request("GET", c.place.link, nil)
	if c.answered(c.kind, status, 200) && string(got) != soakKept {
		c.failed(c.kind, "a link returned "+string(got))
	}
	for _, bad := range []string{
		c.place.link + "x",
		strings.Replace(c.place.link, "/home/alice/kept", "/home/alice/other", 1),
		strings.Replace(c.place.link, "/home/", "/docs/", 1),
	} {
		status, _, _ = c.request("GET", bad, nil)
		c.answered(c.kind, status, 404)
	}
	status, _, _ = c.request("DELETE", c.place.link, nil)
	c.answered(c.kind, status, 404)
}

// reload rotates the log, changes the configuration and reloads it.
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
			c.failed(c.kind, "a reload did not finish")
			return
		}
	}
	c.mu.Lock()
	c.answers["reload done"]++
	c.mu.Unlock()
	c.pause(ctx, 500*time.Millisecond)
}

// reloads returns the number of successful reloads so far.
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
