package server_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestAttacks sends the attack table, and the corpus if there is one, over raw TCP, since
// clients clean paths. No response has a canary, a 5xx or a redirect to elsewhere, and
// every refusal is byte for byte the response for a missing name. All legal names are
// served in the same run, so a server that refuses everything would fail.
func TestAttacks(t *testing.T) {
	root, onDisk, err := vfstest.Plant(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inMemory, err := mem.FromMap(vfstest.Fixture().Files)
	if err != nil {
		t.Fatal(err)
	}
	corpus, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	open := func(opts disk.Options) vfs.Backend {
		b, err := disk.New(root, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	}
	for _, c := range []struct {
		name    string
		backend vfs.Backend
		links   vfs.Symlinks
		legal   []vfstest.LegalName
	}{
		{"disk", open(disk.Options{}), vfs.SymlinksRefuse, onDisk},
		{"disk, links inside", open(disk.Options{}), vfs.SymlinksInside, onDisk},
		{"disk, os.Root", open(disk.Options{Portable: true}), vfs.SymlinksRefuse, onDisk},
		{"disk, os.Root, links inside", open(disk.Options{Portable: true}), vfs.SymlinksInside, onDisk},
		{"memory", inMemory, vfs.SymlinksRefuse, vfstest.LegalNames()},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := vfstest.FixturePolicy()
			p.Symlinks = c.links
			jail, err := vfs.New(c.backend, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, cfg := range []server.Config{{}, {List: true, Sidecars: true}} {
				srv := httptest.NewServer(server.New(jail, cfg))
				defer srv.Close()
				target := &rawClient{t: t, addr: srv.Listener.Addr().String()}
				missing := target.get("public/there-is-no-such-name")
				if missing.status != http.StatusNotFound {
					t.Fatalf("a missing name: %d", missing.status)
				}
				for _, a := range vfstest.Attacks() {
					// The verdicts of the table hold without listings and symlinks.
					if cfg.List || c.links != vfs.SymlinksRefuse {
						target.attack(a.Raw, missing)
					} else if got := target.get(a.Raw); got != missing && !target.malformed(a.Raw) {
						t.Errorf("%s: %q: %d, not the uniform 404\n%s%s", a.Name, a.Raw, got.status, got.header, got.body)
					}
				}
				for _, p := range corpus {
					target.attack(p.Raw, missing)
				}
				for _, l := range c.legal {
					if got := target.get(l.Raw); got.status != http.StatusOK || got.body != l.Data {
						t.Errorf("legal name %q: %d %q", l.Raw, got.status, got.body)
					}
				}
			}
		})
	}
}

// A rawReply is a response without its Date.
type rawReply struct {
	status       int
	header, body string
}

// A rawClient sends request targets unchanged.
type rawClient struct {
	t    *testing.T
	addr string
	conn net.Conn
	in   *bufio.Reader
}

// attack sends raw, which may be anything, and checks what must hold for every response.
func (c *rawClient) attack(raw string, missing rawReply) {
	got := c.get(strings.TrimPrefix(raw, "/"))
	switch {
	case strings.Contains(got.header+got.body, vfstest.Canary):
		c.t.Errorf("%q: the canary was served", raw)
	case got == missing, got.status == http.StatusOK:
	case got.status == http.StatusPermanentRedirect && strings.Contains(got.header, "\r\nLocation: ./"):
	case got.status == http.StatusBadRequest && c.malformed(raw):
	default:
		c.t.Errorf("%q: %d, not the uniform 404\n%s%s", raw, got.status, got.header, got.body)
	}
}

func (c *rawClient) request(raw string) string {
	return "GET /" + raw + " HTTP/1.1\r\nHost: bailiwick.example\r\n\r\n"
}

// malformed reports whether Go's HTTP parser refuses the request. The response is then the
// parser's 400, and the handler is not called.
func (c *rawClient) malformed(raw string) bool {
	_, err := http.ReadRequest(bufio.NewReader(strings.NewReader(c.request(strings.TrimPrefix(raw, "/")))))
	return err != nil
}

func (c *rawClient) get(raw string) rawReply {
	c.t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			c.t.Fatal(err)
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
		c.t.Cleanup(func() { conn.Close() })
	}
	if _, err := io.WriteString(c.conn, c.request(raw)); err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatalf("%q: %v", raw, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%q: %v", raw, err)
	}
	if resp.Close {
		c.conn.Close()
		c.conn = nil
	}
	resp.Header.Del("Date")
	var header bytes.Buffer
	header.WriteString("\r\n")
	if err := resp.Header.Write(&header); err != nil {
		c.t.Fatal(err)
	}
	return rawReply{resp.StatusCode, header.String(), string(body)}
}
