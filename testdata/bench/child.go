package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// child runs one of the small servers that bailiwick is compared with. They are processes
// of their own, so that their CPU time can be told from that of the clients.
func child(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: bench child KIND ARGUMENT")
	}
	var h http.Handler
	var err error
	switch kind, arg := args[0], args[1]; kind {
	case "bare":
		h, err = bareHandler(arg)
	case "files":
		var root *os.Root
		if root, err = os.OpenRoot(arg); err == nil {
			h = http.FileServerFS(root.FS())
		}
	case "proxy":
		h, err = proxyHandler(arg)
	case "distant":
		h, err = distantHandler(arg)
	case "careful":
		h = carefulHandler(arg)
	default:
		err = fmt.Errorf("no server is called %q", kind)
	}
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	// The timeouts are those of bailiwick serve.
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, WriteTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	return s.Serve(l)
}

// childCommand returns the command that runs child. arg, unless it is a string, is passed
// as JSON.
func childCommand(kind string, arg any) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, ok := arg.(string)
	if !ok {
		data, err := json.Marshal(arg)
		if err != nil {
			return nil, err
		}
		text = string(data)
	}
	return exec.Command(self, "child", kind, text), nil
}

// bareHandler answers with the header fields and bodies that another server gave, from
// memory: the best that net/http can do. arg is a JSON list of that server's URLs.
func bareHandler(arg string) (http.Handler, error) {
	type response struct {
		header http.Header
		body   []byte
	}
	var urls []string
	if err := json.Unmarshal([]byte(arg), &urls); err != nil {
		return nil, err
	}
	responses := map[string]response{}
	for _, u := range urls {
		res, err := http.Get(u)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s, %v", u, res.Status, err)
		}
		res.Header.Del("Date") // net/http sends the current one
		responses[res.Request.URL.Path] = response{res.Header, body}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, ok := responses[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		for key, values := range found.header {
			h[key] = values
		}
		w.Write(found.body)
	}), nil
}

// proxyHandler passes each request on to a URL that was signed before: the best that a
// proxy in Go can do. arg is a JSON object of paths and URLs.
func proxyHandler(arg string) (http.Handler, error) {
	var texts map[string]string
	if err := json.Unmarshal([]byte(arg), &texts); err != nil {
		return nil, err
	}
	targets := map[string]*url.URL{}
	for path, text := range texts {
		u, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		targets[path] = u
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			u := targets[r.In.URL.Path]
			r.Out.URL, r.Out.Host = u, u.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if targets[r.URL.Path] == nil {
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}), nil
}

// A distant server takes a while to answer, and sends at a rate.
const (
	distance     = 5 * time.Millisecond
	distanceRate = 1e9 / 8 // bytes per second
)

// distantHandler passes each request on to the server at the URL arg as if that were far
// away. The requests keep their Host, which is part of what S3 signs.
func distantHandler(arg string) (http.Handler, error) {
	target, err := url.Parse(arg)
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(distance)
		proxy.ServeHTTP(&distantWriter{ResponseWriter: w, next: time.Now()}, r)
	}), nil
}

// A distantWriter sends at distanceRate.
type distantWriter struct {
	http.ResponseWriter
	next time.Time // when the next byte may be sent
}

func (w *distantWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.next = w.next.Add(time.Duration(float64(n) / distanceRate * float64(time.Second)))
	time.Sleep(time.Until(w.next))
	return n, err
}

// carefulHandler stores the body of a PUT so that a success response promises as much as
// bailiwick's: it writes a file of another name, syncs and renames it, and syncs the
// directory. It checks no name: its only clients are those of this program.
func carefulHandler(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := storeCarefully(filepath.Join(dir, filepath.Base(r.URL.Path)), r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

func storeCarefully(file string, body io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(file), "new-")
	if err != nil {
		return err
	}
	defer f.Close() // a second Close does nothing
	if _, err := io.Copy(f, body); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
