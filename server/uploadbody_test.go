package server_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/gorilla/mux"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/gorilla"
)

// serveBody calls h with a request that never went over a connection.
func serveBody(h http.Handler, method, target, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestUploadRefused: a request that is not an upload, or exceeds a limit, leaves nothing
// behind.
func TestUploadRefused(t *testing.T) {
	many := func(n int, header string) []formPart {
		parts := make([]formPart, n)
		for i := range parts {
			parts[i] = formPart{header, "x"}
		}
		return parts
	}
	const (
		formType = "multipart/form-data; boundary=" + boundary
		field    = `Content-Disposition: form-data; name="f"`
		file     = field + `; filename="a.txt"`
	)
	good := filePart("good.txt", "good")
	tests := []struct {
		what   string
		body   string
		header []string
		status int
	}{
		{"nothing", "", nil, 400},
		{"a body without a name", "x", nil, 400},
		{"an urlencoded form", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400},
		{"inline", "x", []string{"Content-Disposition", "inline; filename=a"}, 400},
		{"two dispositions", "x", []string{"Content-Disposition", "attachment; filename=a", "Content-Disposition", "attachment; filename=b"}, 400},
		{"multipart/mixed", form(good), []string{"Content-Type", "multipart/mixed; boundary=" + boundary, "Content-Disposition", "attachment; filename=a"}, 400},
		{"no boundary", form(good), []string{"Content-Type", "multipart/form-data"}, 400},
		{"empty boundary", form(good), []string{"Content-Type", `multipart/form-data; boundary=""`}, 400},
		{"another boundary", form(good), []string{"Content-Type", "multipart/form-data; boundary=other"}, 400},
		{"no part", "--" + boundary + "--\r\n", []string{"Content-Type", formType}, 400},
		{"an empty form", "", []string{"Content-Type", formType}, 400},
		{"fields alone", form(formPart{field, "x"}), []string{"Content-Type", formType}, 400},
		{"no file chosen", form(formPart{field + `; filename=""`, ""}), []string{"Content-Type", formType}, 400},
		{"no last boundary", strings.TrimSuffix(form(good), "--\r\n"), []string{"Content-Type", formType}, 400},
		{"truncated in a file", form(good)[:len(form(good))-30], []string{"Content-Type", formType}, 400},
		{"truncated in the second header", strings.TrimSuffix(form(good), "--\r\n") + "\r\nContent-Dis", []string{"Content-Type", formType}, 400},
		{"a boundary with white space", strings.Replace(form(good, good), "boundary\r\n", "boundary \r\n", 2), []string{"Content-Type", formType}, 400},
		{"lines without CR", strings.ReplaceAll(form(good), "\r\n", "\n"), []string{"Content-Type", formType}, 400},
		{"two dispositions of a part", form(good, formPart{file + "\r\n" + file, "x"}), []string{"Content-Type", formType}, 400},
		{"a continuation line without a header", form(good, formPart{" " + file, "x"}), []string{"Content-Type", formType}, 400},
		{"a giant epilogue", form(good) + strings.Repeat("x", 32<<10), []string{"Content-Type", formType}, 413},
		{"a boundary that is too long", form(good), []string{"Content-Type", "multipart/form-data; boundary=" + strings.Repeat("x", 71)}, 400},
		{"a header without a colon", form(good, formPart{"no colon", "x"}), []string{"Content-Type", formType}, 400},
		{"a giant header", form(good, formPart{file + "\r\nX: " + strings.Repeat("x", 64<<10), "x"}), []string{"Content-Type", formType}, 413},
		{"many headers", form(good, formPart{file + strings.Repeat("\r\nX: y", 20_000), "x"}), []string{"Content-Type", formType}, 413},
		{"a giant preamble", strings.Repeat("x\r\n", 30_000) + form(good), []string{"Content-Type", formType}, 413},
		{"a giant field", form(good, formPart{field, strings.Repeat("x", 65<<10)}), []string{"Content-Type", formType}, 413},
		{"10,000 files", form(many(10_000, file)...), []string{"Content-Type", formType}, 413},
		{"10,000 fields", form(append(many(10_000, field), good)...), []string{"Content-Type", formType}, 413},
		{"the second file too large", form(good, filePart("large", strings.Repeat("x", 1<<20+1))), []string{"Content-Type", formType}, 413},
		{"a file too large", strings.Repeat("x", 1<<20+1), []string{"Content-Disposition", "attachment; filename=a"}, 413},
		{"together too large", form(filePart("1", strings.Repeat("x", 1<<20)), filePart("2", strings.Repeat("x", 1<<20)), filePart("3", strings.Repeat("x", 1<<20))), []string{"Content-Type", formType}, 413},
		{"compressed", "x", []string{"Content-Disposition", "attachment; filename=a", "Content-Encoding", "gzip"}, 415},
		{"a compressed part", form(good, formPart{file + "\r\nContent-Encoding: gzip", "x"}), []string{"Content-Type", formType}, 415},
		{"a part in base64", form(good, formPart{file + "\r\nContent-Transfer-Encoding: BASE64", "eA=="}), []string{"Content-Type", formType}, 415},
		{"a page of another site", "x", []string{"Content-Disposition", "attachment; filename=a", "Sec-Fetch-Site", "cross-site"}, 404},
		{"a page of another site, in an old browser", form(good), []string{"Content-Type", formType, "Origin", "https://evil.example"}, 404},
	}
	for _, tt := range tests {
		attempts := &recorder{}
		s := uploadsInMemory(t, server.UploadConfig{Intake: server.Intake{MaxBytes: 1 << 20}, MaxRequestBytes: 3 << 20, Recorder: attempts})
		h := http.Header{}
		for i := 0; i < len(tt.header); i += 2 {
			h.Add(tt.header[i], tt.header[i+1])
		}
		w := serveBody(s.handler, "POST", "/", tt.body, h)
		if w.Code != tt.status || w.Header().Get("Location") != "" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d %q %v, want %d", tt.what, w.Code, w.Body, w.Header(), tt.status)
		}
		s.wantEmpty(t, tt.what)
		if a := attempts.wait(t, 1)[0]; a.Verdict != audit.Refused || a.Reason == "" {
			t.Errorf("%s: recorded as %+v", tt.what, a)
		}
	}
}

// TestUploadTaken: unusual but harmless forms are accepted.
func TestUploadTaken(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{})
	nested := "--inner\r\nContent-Disposition: file; filename=\"x\"\r\n\r\nx\r\n--inner--"
	for _, tt := range []struct{ what, body, content string }{
		{"one file", form(filePart("a", "x")), "x"},
		{"an empty file", form(filePart("a", "")), ""},
		{"a preamble and an epilogue", "hello\r\n" + form(filePart("a", "x")) + "good bye", "x"},
		{"bytes that resemble a boundary", form(filePart("a", "--the-boundar\r\n--the-boundary2\r\n")), "--the-boundar\r\n--the-boundary2\r\n"},
		{"a nested multipart is not parsed", form(formPart{`Content-Disposition: form-data; name="f"; filename="a"` + "\r\nContent-Type: multipart/mixed; boundary=inner", nested}), nested},
		{"Content-Transfer-Encoding: binary", form(formPart{`Content-Disposition: form-data; name="f"; filename="a"` + "\r\nContent-Transfer-Encoding: binary", "=20"}), "=20"},
		{"a part without a body before it", "--the-boundary\r\nX: y\r\n\r\n" + form(filePart("a", "x")), "x"},
		{"a header in two lines", form(formPart{"Content-Disposition: form-data;\r\n filename=a", "x"}), "x"},
		{"beside fields", form(formPart{`Content-Disposition: form-data; name="c"`, strings.Repeat("x", 60<<10)}, filePart("a", "x")), "x"},
	} {
		files := postForm(t, s.url, tt.body).files(t)
		if len(files) != 1 || get(t, "GET", s.url+"/"+files[0].ID).Body != tt.content {
			t.Errorf("%s: %+v", tt.what, files)
		}
	}
	if r := postForm(t, s.url, form(filePart("a", "x")), "Sec-Fetch-Site", "same-origin", "Origin", "https://front.example"); r.Status != 201 {
		t.Errorf("from a page of the same origin: %d", r.Status)
	}
	u, _ := url.Parse(s.url)
	if r := postForm(t, s.url, form(filePart("a", "x")), "Origin", "http://"+u.Host); r.Status != 201 {
		t.Errorf("from a page of the same origin, in an old browser: %d", r.Status)
	}
}

// TestUploadConditions: a POST creates something new, so a precondition that requires an
// existing object is always false, and an invalid one is not ignored.
func TestUploadConditions(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{})
	post := func(name string, lines ...string) int {
		return serveBody(s.handler, "POST", "/", "x", http.Header{"Content-Disposition": {"attachment; filename=a"}, name: lines}).Code
	}
	for _, tt := range []struct {
		name   string
		lines  []string
		status int
	}{
		{"If-Match", []string{"*"}, 412},
		{"If-Match", []string{`"x"`}, 412},
		{"If-Match", []string{""}, 412},
		{"If-None-Match", []string{"nonsense"}, 412},
		{"If-None-Match", []string{strings.Repeat(`"x", `, 5000) + "*"}, 412},
		{"If-None-Match", []string{"*", "*"}, 412},
		{"If-Unmodified-Since", []string{"nonsense"}, 412},
		{"If-None-Match", []string{"*"}, 201},
		{"If-None-Match", []string{`"x"`}, 201},
		{"If-Unmodified-Since", []string{"Tue, 01 Jan 2019 00:00:00 GMT"}, 201},
	} {
		if status := post(tt.name, tt.lines...); status != tt.status {
			t.Errorf("%s %.40q: %d, want %d", tt.name, tt.lines, status, tt.status)
		}
		if tt.status == 412 {
			s.wantEmpty(t, tt.name)
		}
	}
	id := postForm(t, s.url, form(filePart("a", "x"))).files(t)[0].ID
	for _, lines := range [][]string{{`"TAG"1234`}, {"nonsense"}, {""}} {
		if w := serveBody(s.handler, "DELETE", "/"+id, "", http.Header{"If-None-Match": lines}); w.Code != 412 {
			t.Errorf("DELETE, If-None-Match %q: %d", lines, w.Code)
		}
	}
	if r := request(t, s.handler, "GET", "/"+id); r.Status != 200 {
		t.Errorf("deleted: %d", r.Status)
	}
}

// TestUploadCut closes connections in the middle of bodies, and sends wrong lengths.
func TestUploadCut(t *testing.T) {
	whole := form(filePart("1", strings.Repeat("x", 100_000)), filePart("2", strings.Repeat("y", 100_000)))
	formHead := "Content-Type: multipart/form-data; boundary=" + boundary + "\r\n"
	raw := "Content-Disposition: attachment; filename=a\r\n"
	tests := []struct{ what, head, body string }{
		{"a raw body", raw + "Content-Length: 1000000\r\n", strings.Repeat("x", 500_000)},
		{"a raw body, before its first byte", raw + "Content-Length: 1000000\r\n", ""},
		{"a chunk", raw + "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n1000\r\nx"},
		{"between two chunks", raw + "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"},
		{"an invalid chunk", raw + "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\nzz\r\n"},
		{"the first file", fmt.Sprintf("%sContent-Length: %d\r\n", formHead, len(whole)), whole[:50_000]},
		{"the second file", fmt.Sprintf("%sContent-Length: %d\r\n", formHead, len(whole)), whole[:150_000]},
		{"before the last boundary", fmt.Sprintf("%sContent-Length: %d\r\n", formHead, len(whole)), whole[:len(whole)-10]},
		{"a length that is too small", fmt.Sprintf("%sContent-Length: %d\r\n", formHead, 150_000), whole},
	}
	for _, tt := range tests {
		attempts := &recorder{}
		s := uploadsInMemory(t, server.UploadConfig{Recorder: attempts})
		u, err := url.Parse(s.url)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+tt.head+"\r\n"+tt.body); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		a := attempts.wait(t, 1)[0]
		if a.Status == http.StatusCreated {
			t.Errorf("%s: it was accepted", tt.what)
		}
		s.wantEmpty(t, tt.what)
		conn.Close()
	}
}

// TestUploadAsksFirst: a client that waits for 100 (Continue) learns of a refusal before it
// sends the body.
func TestUploadAsksFirst(t *testing.T) {
	refuse := func(cfg *server.UploadConfig) { cfg.Intake.MaxBytes = 10; cfg.MaxRequestBytes = 10 }
	for _, tt := range []struct {
		what   string
		change func(*server.UploadConfig)
		want   string
	}{
		{"too large", refuse, "HTTP/1.1 413 "},
		{"good", func(*server.UploadConfig) {}, "HTTP/1.1 100 "},
	} {
		var cfg server.UploadConfig
		tt.change(&cfg)
		s := uploadsInMemory(t, cfg)
		u, _ := url.Parse(s.url)
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Disposition: attachment; filename=a\r\nContent-Length: 100\r\n\r\n")
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, tt.want) {
			t.Errorf("%s: %q, %v", tt.what, line, err)
		}
	}
}

// TestUploadBelowPrefix: Location is the path of the object as clients see it, however the
// handler is mounted.
func TestUploadBelowPrefix(t *testing.T) {
	for _, tt := range []struct {
		what  string
		mount func(h http.Handler) http.Handler
		at    string
	}{
		{"at the root", func(h http.Handler) http.Handler { return h }, "/"},
		{"StripPrefix", func(h http.Handler) http.Handler { return http.StripPrefix("/files", h) }, "/files/"},
		{"ServeMux", func(h http.Handler) http.Handler {
			m := http.NewServeMux()
			m.Handle("/a/files/", http.StripPrefix("/a/files", h))
			return m
		}, "/a/files/"},
		{"gorilla/mux", func(h http.Handler) http.Handler {
			m := mux.NewRouter()
			gorilla.Mount(m, "/in/{who}/files", h)
			return m
		}, "/in/bob%20b/files/"},
	} {
		s := uploadsInMemory(t, server.UploadConfig{})
		h := tt.mount(s.handler)
		for _, target := range []string{tt.at, tt.at + "?x=y", "http://bailiwick.example" + tt.at} {
			head := http.Header{"Content-Disposition": {"attachment; filename=a"}}
			w := serveBody(h, "POST", target, "x", head)
			location := w.Header().Get("Location")
			if w.Code != 201 || !strings.HasPrefix(location, tt.at) || !uuidName.MatchString(strings.TrimPrefix(location, tt.at)) {
				t.Errorf("%s: POST %s: %d %s, Location: %s", tt.what, target, w.Code, w.Body, location)
				continue
			}
			if r := request(t, h, "GET", location); r.Status != 200 || r.Body != "x" {
				t.Errorf("%s: GET %s: %+v", tt.what, location, r)
			}
		}
		if w := serveBody(h, "POST", "/"+strings.Trim(tt.at, "/")+"x/", "x", http.Header{"Content-Disposition": {"attachment; filename=a"}}); w.Code == 201 {
			t.Errorf("%s: a path that only begins like the mount was accepted", tt.what)
		}
	}
}

// TestUploadTouches: a slow upload updates its row while it continues. One that was swept
// nevertheless leaves nothing behind.
func TestUploadTouches(t *testing.T) {
	for _, swept := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			// No listener: all goroutines and pipes must belong to the synctest bubble.
			s := newUploads(t, server.UploadConfig{})
			body, feed := io.Pipe()
			r := httptest.NewRequest("POST", "/", body)
			r.Header.Set("Content-Disposition", "attachment; filename=a")
			w := httptest.NewRecorder()
			done := make(chan struct{})
			go func() {
				defer close(done)
				s.handler.ServeHTTP(w, r)
			}()
			io.WriteString(feed, strings.Repeat("x", 10_000))
			began := time.Now()
			for range 20 {
				time.Sleep(20 * time.Second)
				io.WriteString(feed, strings.Repeat("x", 4<<10))
			}
			synctest.Wait()
			for rec := range s.catalog.All(t.Context()) {
				if since := time.Since(rec.Touched); since > 31*time.Second || rec.Touched.Before(began) {
					t.Errorf("last touched %s ago", since)
				}
				if swept {
					if err := s.catalog.Abandon(t.Context(), rec.ID); err != nil {
						t.Error(err)
					}
					if err := s.catalog.Forget(t.Context(), rec.ID); err != nil {
						t.Error(err)
					}
				}
			}
			for range 3 {
				time.Sleep(20 * time.Second)
				if _, err := io.WriteString(feed, strings.Repeat("x", 4<<10)); err != nil {
					t.Error(err)
				}
			}
			feed.Close()
			<-done
			if want := map[bool]int{false: 201, true: 503}[swept]; w.Code != want {
				t.Errorf("swept %t: %d %q", swept, w.Code, w.Body)
			}
			if swept {
				s.wantEmpty(t, "swept")
			}
		})
	}
}

// FuzzUploadForm compares with mime/multipart: if both accept a body, they find the same
// files in it.
func FuzzUploadForm(f *testing.F) {
	f.Add(form(filePart("a", "x"), formPart{`Content-Disposition: form-data; name="c"`, "field"}, filePart("b", "--the-boundar\r\n")))
	f.Add("preamble\r\n" + form(filePart("a", "")) + "epilogue")
	f.Add("--the-boundary\r\n\r\n--the-boundary--")
	f.Add("--the-boundary\r\nContent-Disposition: x; filename=a\r\n\r\n\r\n--the-boundaryx\r\n--the-boundary--\r\n")
	s := newUploads(f, server.UploadConfig{})
	f.Fuzz(func(t *testing.T, body string) {
		w := serveBody(s.handler, "POST", "/", body, http.Header{"Content-Type": {"multipart/form-data; boundary=" + boundary}})
		if w.Code != http.StatusCreated {
			return
		}
		if strings.Count(body, "\n") != strings.Count(body, "\r\n") {
			return // mime/multipart also accepts lines without CR
		}
		var want []string
		parts := multipart.NewReader(strings.NewReader(body), boundary)
		for {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			content, err := io.ReadAll(part)
			if err != nil {
				return
			}
			if _, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition")); err != nil {
				return
			} else if name, ok := params["filename"]; ok && (name != "" || len(content) > 0) {
				want = append(want, sum(string(content)))
			}
		}
		var answer struct{ Files []stored }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, file := range answer.Files {
			got = append(got, file.SHA256)
		}
		if !slices.Equal(got, want) {
			t.Errorf("found %q, mime/multipart %q", got, want)
		}
	})
}

// TestFormInPieces sends forms in pieces, down to single bytes, with contents that end at
// any offset of the read buffer.
func TestFormInPieces(t *testing.T) {
	s := newUploads(t, server.UploadConfig{})
	for _, size := range []int{0, 1, 2, 100, 4095, 4096, 65_400, 65_500, 65_535, 65_536, 65_537, 131_000, 200_000} {
		var parts []formPart
		var want []string
		for i := range 14 {
			content := strings.Repeat("\r\n--the-bounda", (size+i)/14+1)[:size+i]
			parts = append(parts, filePart("f", content))
			want = append(want, sum(content))
		}
		for _, pieces := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.HalfReader, iotest.DataErrReader, iotest.OneByteReader} {
			r := httptest.NewRequest("POST", "/", io.NopCloser(pieces(strings.NewReader(form(parts...)))))
			r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			got := reply{w.Code, w.Header(), w.Body.String()}.files(t)
			for i, f := range got {
				if f.SHA256 != want[i] {
					t.Errorf("%d bytes: %s, want %s", size+i, f.SHA256, want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d files", len(got))
			}
			if size > 5_000 {
				break
			}
		}
	}
}

func TestUploadTypes(t *testing.T) {
	types, err := server.ParseTypes("image/*", "application/pdf")
	if err != nil {
		t.Fatal(err)
	}
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + strings.Repeat("\x00", 100)
	s := uploadsInMemory(t, server.UploadConfig{Intake: server.Intake{Types: types}})
	for _, tt := range []struct {
		name, content string
		status        int
	}{
		{"a.png", png, 201},
		{"a.pdf", "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", 201},
		{"a.html", "<!doctype html>", 415},
		{"a.png", "<!doctype html><script>", 415},
		{"a.exe", png, 415},
	} {
		r := sendRequest(t, "POST", s.url+"/", strings.NewReader(tt.content), "Content-Disposition", "attachment; filename="+tt.name, "Content-Type", "image/png")
		if r.Status != tt.status {
			t.Errorf("%s %.20q: %d %q, want %d", tt.name, tt.content, r.Status, r.Body, tt.status)
		}
	}
	if rows, objects := s.holds(t); rows != 2 || objects != 2 {
		t.Errorf("%d rows, %d objects", rows, objects)
	}
}

// TestUploadSweptBetweenFiles: a form of which a file was swept before the next one came is
// answered, although that ends its context.
func TestUploadSweptBetweenFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUploads(t, server.UploadConfig{})
		body, feed := io.Pipe()
		r := httptest.NewRequest("POST", "/", body)
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.handler.ServeHTTP(w, r)
		}()
		whole := form(filePart("first", "1"), filePart("second", "2"))
		cut := strings.Index(whole, "second")
		io.WriteString(feed, whole[:cut])
		synctest.Wait()
		for rec := range s.catalog.All(t.Context()) {
			if err := errors.Join(s.catalog.Abandon(t.Context(), rec.ID), s.catalog.Forget(t.Context(), rec.ID)); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		go func() {
			io.WriteString(feed, whole[cut:])
			feed.Close()
		}()
		<-done
		body.Close()
		if w.Code != 503 {
			t.Errorf("%d %q", w.Code, w.Body)
		}
		s.wantEmpty(t, "swept")
	})
}

// TestUploadEmptyParts: file fields without a file are fields, so they are bounded, too.
func TestUploadEmptyParts(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{})
	form := func(parts int) string {
		return strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n", parts) +
			"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n"
	}
	for parts, status := range map[int]int{0: 201, 1000: 201, 1001: 413} {
		if r := sendBody(t, "POST", s.url+"/", form(parts), "Content-Type", "multipart/form-data; boundary=b"); r.Status != status {
			t.Errorf("%d parts: %d %q, want %d", parts, r.Status, r.Body, status)
		}
	}
}
