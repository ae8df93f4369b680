package server_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/afero"
	"pgregory.net/rapid"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// longVariable makes TestParity run many more cases, with a new seed each time.
const longVariable = "BAILIWICK_LONG"

// TestParity sends sequences of random requests to every backend over HTTP, and compares
// each response and the final contents with a model. The requests are reads, writes and
// listings, with all preconditions and ranges, and with names that conflict. They go to two
// mounts of the backend, one of which hides more. A failing sequence is shrunk.
//
// -rapid.seed repeats a run. Without it, the cases are the same each time, except in long
// runs.
func TestParity(t *testing.T) {
	for _, c := range []struct {
		name  string
		cases int
		start func(t *testing.T) (fresh func(i int64) vfs.Backend)
	}{
		{"mem", 1000, func(*testing.T) func(int64) vfs.Backend {
			return func(int64) vfs.Backend { return mem.New() }
		}},
		{"aferofs", 500, func(t *testing.T) func(int64) vfs.Backend {
			return func(int64) vfs.Backend {
				b, err := aferofs.New(afero.NewMemMapFs(), aferofs.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
		}},
		{"disk", 300, freshDisk(disk.Options{})},
		{"disk, os.Root", 200, freshDisk(disk.Options{Portable: true})},
		{"s3", 250, func(t *testing.T) func(int64) vfs.Backend {
			g := s3gateway.Start(t)
			client, bucket := g.Client(t), g.Bucket(t, "parity").Name
			return func(i int64) vfs.Backend {
				b, err := s3.New(client, s3.Options{Bucket: bucket, Prefix: fmt.Sprint("case-", i), Writable: true})
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &parity{fresh: c.start(t), seen: map[string]int{}}
			p.url = start(t, p)
			p.check(t, c.cases)
		})
	}
}

func freshDisk(opts disk.Options) func(t *testing.T) func(int64) vfs.Backend {
	return func(t *testing.T) func(int64) vfs.Backend {
		return func(int64) vfs.Backend { return writableDisk(t, opts) }
	}
}

// A parity compares one kind of backend with the model.
type parity struct {
	fresh   func(i int64) vfs.Backend
	url     string
	handler atomic.Pointer[http.Handler] // of the current case
	cases   atomic.Int64
	seen    map[string]int // number of responses, by method and status
}

// parityKinds are the responses that a run must include to be meaningful.
var parityKinds = []string{
	"PUT 201", "PUT 204", "PUT 404", "PUT 409", "PUT 412", "PUT 422", "DELETE 204", "DELETE 404", "DELETE 412",
	"GET 200", "GET 206", "GET 304", "GET 404", "GET 412", "HEAD 200", "HEAD 404",
	"PUT 201 by the narrow mount", "GET 200 by the narrow mount", "404 for a name that the narrow mount hides",
}

func (p *parity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*p.handler.Load()).ServeHTTP(w, r)
}

func (p *parity) check(t *testing.T, cases int) {
	set := func(name, value string) {
		old := flag.Lookup("rapid." + name).Value.String()
		if err := flag.Set("rapid."+name, value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = flag.Set("rapid."+name, old) })
	}
	set("nofailfile", "true")
	long := os.Getenv(longVariable) == "1"
	if long {
		cases *= 20
	} else if length.Short() {
		cases = max(cases/5, 200)
	}
	if testing.Short() {
		cases *= 5 // rapid runs a fifth
	}
	set("checks", fmt.Sprint(cases))
	if flag.Lookup("rapid.seed").Value.String() == "0" && !long {
		set("seed", "1")
	}
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(paritySteps, 1, 60).Draw(rt, "steps")
		p.run(rt, t, steps)
	})
	for _, kind := range parityKinds {
		if p.seen[kind] == 0 {
			t.Errorf("no response was %s: %v", kind, p.seen)
		}
	}
}

// run sends the steps to an empty backend.
func (p *parity) run(rt *rapid.T, t *testing.T, steps []parityStep) {
	b := p.fresh(p.cases.Add(1))
	policy := allow("**")
	policy.Deny = vfs.Patterns("denied")
	narrow := allow("**")
	narrow.Deny = vfs.Patterns("denied", narrowDenied)
	mounts := map[string]http.Handler{}
	for prefix, policy := range map[string]vfs.Policy{"/wide": policy, "/narrow": narrow} {
		mounts[prefix] = server.New(jailOver(t, b, policy), server.Config{Write: true, List: true, NoIndex: true, Logger: quiet})
	}
	h := mounted(mounts)
	p.handler.Store(&h)
	m := &parityModel{objects: map[string]paritied{}, stale: map[string]string{}, flat: !b.Caps().Directories}
	for i := range steps {
		s := &steps[i]
		if s.Method == "PUT" {
			s.Body = strings.TrimPrefix(fmt.Sprintf("%03d%s", i, s.Body), "000e") // all bodies differ, and one may be empty
		}
		r, body, header := p.sendRequest(rt, m, s)
		want := m.answer(s)
		kind := fmt.Sprint(s.Method, " ", r.StatusCode)
		p.seen[kind]++
		if s.Narrow {
			p.seen[kind+" by the narrow mount"]++
			if _, there := m.objects[s.Name]; there && r.StatusCode == http.StatusNotFound {
				p.seen["404 for a name that the narrow mount hides"]++
			}
		}
		describe := func() string {
			return fmt.Sprintf("step %d: %s %q with %v, narrow: %t", i, s.Method, s.Name, header, s.Narrow)
		}
		if r.StatusCode != want.status {
			rt.Fatalf("%s: %d, want %d as in the model", describe(), r.StatusCode, want.status)
		}
		if isList := strings.HasSuffix(s.Name, "/") || s.Name == ""; isList && want.status == 200 && s.Method == "GET" {
			body = keysOfListing(rt, body)
		}
		if s.Method == "GET" && want.status/100 == 2 && body != want.body {
			rt.Fatalf("%s: %q, want %q as in the model", describe(), body, want.body)
		}
		for name, value := range want.header {
			if got := r.Header.Get(name); got != value {
				rt.Fatalf("%s: %d with %s %q, want %q as in the model", describe(), r.StatusCode, name, got, value)
			}
		}
		p.follow(rt, m, s, r)
	}
	all := contents(t, b)
	for name, o := range m.objects {
		if got, there := all[name]; !there || got != o.body {
			rt.Errorf("at the end, %q holds %q (exists: %t), want %q as in the model", name, got, there, o.body)
		}
	}
	if len(all) != len(m.objects) {
		rt.Errorf("at the end there are %d objects, want %d as in the model", len(all), len(m.objects))
	}
}

// follow applies a successful write to the model.
func (p *parity) follow(rt *rapid.T, m *parityModel, s *parityStep, r *http.Response) {
	if s.Method != "PUT" && s.Method != "DELETE" || r.StatusCode/100 != 2 {
		return
	}
	if o, there := m.objects[s.Name]; there {
		m.stale[s.Name] = o.etag
	}
	delete(m.objects, s.Name)
	if s.Method == "DELETE" {
		return
	}
	head, _, _ := p.sendRequest(rt, m, &parityStep{Method: "HEAD", Name: s.Name})
	o := paritied{body: s.Body, etag: head.Header.Get("Etag")}
	var err error
	if o.modified, err = http.ParseTime(head.Header.Get("Last-Modified")); err != nil || o.etag == "" || head.StatusCode != 200 {
		rt.Fatalf("after PUT %q: HEAD %d with ETag %q and Last-Modified %q", s.Name, head.StatusCode, o.etag, head.Header.Get("Last-Modified"))
	}
	if tag := r.Header.Get("Etag"); tag != o.etag {
		rt.Fatalf("PUT %q returned the ETag %q, but HEAD %q", s.Name, tag, o.etag)
	}
	m.objects[s.Name] = o
}

// sendRequest sends s, with ETags and dates taken from m.
func (p *parity) sendRequest(rt *rapid.T, m *parityModel, s *parityStep) (*http.Response, string, http.Header) {
	target := url.URL{Path: "/wide/" + s.Name}
	if s.Narrow {
		target.Path = "/narrow/" + s.Name
	}
	q := url.Values{}
	if s.After != "" {
		q.Set("after", s.After)
	}
	if s.Limit > 0 {
		q.Set("limit", fmt.Sprint(s.Limit))
	}
	target.RawQuery = q.Encode()
	r := httptest.NewRequest(s.Method, p.url+target.String(), strings.NewReader(s.Body))
	r.RequestURI = ""
	if s.Method != "PUT" {
		r.Body, r.ContentLength = nil, 0
	} else if !s.ContentLengthy {
		r.ContentLength = -1
	}
	o, there := m.objects[s.Name]
	setTags := func(name string, tags []parityTag) {
		var list []string
		for _, t := range tags {
			list = append(list, t.header(o, m.stale[s.Name]))
		}
		if tags != nil {
			r.Header.Set(name, strings.Join(list, ", "))
		}
	}
	setTime := func(name string, p parityTime) {
		if !there {
			o.modified = fixedTime
		}
		if t, ok := p.of(o); ok {
			r.Header.Set(name, t.Format(http.TimeFormat))
		} else if p == timeBroken {
			r.Header.Set(name, "yesterday")
		}
	}
	setTags("If-Match", s.IfMatch)
	setTags("If-None-Match", s.IfNoneMatch)
	setTime("If-Modified-Since", s.Modified)
	setTime("If-Unmodified-Since", s.Unmodified)
	if s.Range != "" {
		r.Header.Set("Range", s.Range)
	}
	if s.IfRange != tagNone {
		setTags("If-Range", []parityTag{s.IfRange})
	} else {
		setTime("If-Range", s.IfRangeTime)
	}
	r.Header.Set("Accept", "application/json")
	res, err := noRedirects.Do(r)
	if err != nil {
		rt.Fatalf("%s %q: %v", s.Method, s.Name, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		rt.Fatalf("%s %q: %v", s.Method, s.Name, err)
	}
	return res, string(body), r.Header
}

// header returns t as it is sent.
func (t parityTag) header(o paritied, stale string) string {
	switch {
	case t == tagAny:
		return "*"
	case t == tagBroken:
		return `"x"y`
	case t == tagCurrent && o.etag != "":
		return o.etag
	case t == tagWeak && o.etag != "":
		return "W/" + o.etag
	case t == tagStale && stale != "":
		return stale
	}
	return `"nothing-ever-had-this"`
}

func keysOfListing(rt *rapid.T, body string) string {
	var l struct {
		Entries []struct{ Name, Type string }
		Next    string
	}
	if err := json.Unmarshal([]byte(body), &l); err != nil {
		rt.Fatalf("%v in the listing %q", err, body)
	}
	var keys []string
	for _, e := range l.Entries {
		if e.Type == "dir" {
			e.Name += "/"
		}
		keys = append(keys, e.Name)
	}
	next := ""
	if l.Next != "" {
		next = "…"
	}
	return strings.Join(keys, "\n") + "\n" + next
}
