package probe_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/bailiwick-fs/bailiwick/server/probe"
)

// What a finding quotes of a response is short, however long the response's fields are.
func TestFindingsAreShort(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	long := strings.Repeat("\u00e4x", 3000)
	files := http.FileServer(http.Dir(dir))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; a="+long)
		w.Header().Set("Content-Disposition", long)
		w.Header().Set("Location", "https://elsewhere.example/"+long)
		if strings.Contains(r.URL.Path, "dotfile") {
			w.Header().Set("X-Exists", long)
			w.Header().Set("X-"+strings.Repeat("y", 5000), "there, too")
		}
		if strings.Contains(r.URL.Path, "active") {
			files.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer srv.Close()
	report, err := probe.Run(t.Context(), srv.URL, tree, probe.Options{Skip: []probe.Kind{probe.Hang}})
	if err != nil {
		t.Fatal(err)
	}
	found := map[probe.Kind]bool{}
	for _, result := range report.Results {
		for _, f := range result.Findings {
			found[result.Kind] = true
			if len(f.What) > 2500 {
				t.Errorf("%s: %d bytes: %.300s", result.Kind, len(f.What), f.What)
			}
		}
	}
	for _, kind := range []probe.Kind{probe.Redirect, probe.Header, probe.Sniff} {
		if !found[kind] {
			t.Errorf("no finding of the kind %s", kind)
		}
	}
}

// A header without an end is a finding, and only its beginning is read.
func TestEndlessHeader(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	for what, beginning := range map[string]string{"fields": "HTTP/1.1 200 OK\r\n", "hints": ""} {
		var most, floods atomic.Int64
		report, err := probe.Run(t.Context(), "http://files.example/", tree, probe.Options{
			Skip: []probe.Kind{probe.Oracle, probe.Hang},
			Dial: pipe(func(conn net.Conn, in *bufio.Reader) bool {
				if _, err := http.ReadRequest(in); err != nil {
					return false
				}
				if floods.Add(1) > 3 {
					_, err := io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
					return err == nil
				}
				n, err := io.WriteString(conn, beginning)
				for err == nil {
					line := "X-Field: value\r\n"
					if what == "hints" {
						line = "HTTP/1.1 103 Early Hints\r\n\r\n"
					}
					var more int
					more, err = io.WriteString(conn, line)
					n += more
				}
				for seen := most.Load(); seen < int64(n) && !most.CompareAndSwap(seen, int64(n)); seen = most.Load() {
				}
				return false
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := most.Load(); n > 80<<10 {
			t.Errorf("%s: %d bytes were read", what, n)
		}
		for _, result := range report.Results {
			if result.Kind == probe.Error && (result.Verdict != probe.Found || !strings.Contains(result.Findings[0].What, "header")) {
				t.Errorf("%s: %+v", what, result)
			}
		}
	}
}

// A server that always asks for patience does not get it for long, and a run that it has
// ended says so.
func TestPatienceEnds(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	synctest.Test(t, func(t *testing.T) {
		report, err := probe.Run(t.Context(), "http://files.example/", tree, probe.Options{
			Dial: pipe(func(conn net.Conn, in *bufio.Reader) bool {
				req, err := http.ReadRequest(in)
				if err != nil {
					return false
				}
				_, _ = io.Copy(io.Discard, req.Body)
				_, err = io.WriteString(conn, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n")
				return err == nil
			}),
		})
		if err == nil || !strings.Contains(err.Error(), "429") || report.Requests > 100 {
			t.Errorf("%d requests, %v", report.Requests, err)
		}
	})
}

// pipe returns a Dial for a server that answers each request with answer, until that returns
// false. The server ends with its connection.
func pipe(answer func(conn net.Conn, in *bufio.Reader) bool) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for in := bufio.NewReader(server); answer(server, in); {
			}
		}()
		return client, nil
	}
}
