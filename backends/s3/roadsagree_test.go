package s3_test

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestRoadsAgree sends thousands of the same requests to a service with the same faults,
// with the Backend's own requests and through the SDK. Results, errors and the requests
// that arrive are equal.
func TestRoadsAgree(t *testing.T) {
	seeds, calls := uint64(2), 1500
	if testing.Short() {
		seeds, calls = 1, 1000
	}
	for seed := range seeds {
		var own, sdk []outcome
		synctest.Test(t, func(t *testing.T) { own = runScript(t, seed, calls, false) })
		synctest.Test(t, func(t *testing.T) { sdk = runScript(t, seed, calls, true) })
		differ := 0
		for i := range own {
			if diff := cmp.Diff(sdk[i], own[i], cmpopts.EquateComparable(vfs.Name{})); diff != "" {
				t.Errorf("seed %d, call %d: SDK (-), own (+):\n%s", seed, i, diff)
				if differ++; differ == 10 {
					break
				}
			}
		}
		checkVariety(t, own)
	}
}

// An outcome is all that can be seen of one call.
type outcome struct {
	Call     string
	Info     vfs.Info
	Span     vfs.Span
	Bytes    string // number and checksum
	Err      string
	Detail   string // for operators
	Kinds    string
	ErrInfo  vfs.Info
	Requests []string // with the fault that each met
	Took     time.Duration
}

// checkVariety fails if the script does not reach what it is for.
func checkVariety(t *testing.T, outcomes []outcome) {
	t.Helper()
	good, failed, retried, resumed := 0, 0, 0, 0
	for _, o := range outcomes {
		switch {
		case o.Err == "":
			good++
		default:
			failed++
		}
		if len(o.Requests) > 1 {
			retried++
		}
		if len(o.Requests) > 0 && o.Err == "" && strings.Contains(o.Requests[0], "cut") {
			resumed++
		}
	}
	if n := len(outcomes); good < n/4 || failed < n/10 || retried < n/10 || resumed == 0 {
		t.Errorf("of %d calls, %d succeeded, %d failed, %d took several requests, %d resumed", n, good, failed, retried, resumed)
	}
}

func runScript(t *testing.T, seed uint64, calls int, throughSDK bool) (outcomes []outcome) {
	s := &faultyService{data: map[string]string{"small": numbers(900), "medium": numbers(70_000), "large": numbers(200_000), "empty": ""}}
	client := s.start(t)
	var api s3.API = client
	if throughSDK {
		api = client.Client
	}
	b := newBackend(t, api, s3.Options{Prefix: "pub"})
	if b.OwnRequests() == throughSDK {
		t.Fatal("the Backend reads in the other way")
	}
	rng := rand.New(rand.NewPCG(seed, 12))
	for range calls {
		// The transport has to notice first that the service closed a connection. Otherwise
		// the request may be sent there, and costs a retry or none, by chance.
		synctest.Wait()
		o := s.call(t, b, rng)
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// call makes one random call. It draws the same numbers whatever happens.
func (s *faultyService) call(t *testing.T, b *s3.Backend, rng *rand.Rand) (o outcome) {
	key := []string{"small", "small", "medium", "large", "empty", "missing"}[rng.IntN(6)]
	size := int64(len(s.data[key]))
	requests := []vfs.Request{
		{}, {}, {}, {},
		{Range: vfs.RangeFrom(rng.Int64N(size + 2))},
		{Range: vfs.RangeBetween(0, rng.Int64N(size+2))},
		{Range: vfs.RangeSuffix(rng.Int64N(size + 2))},
		{Cond: vfs.Cond{IfNoneMatch: tags(thisTag)}},
		{Cond: vfs.Cond{IfMatch: tags(otherTag)}},
		{Cond: vfs.Cond{IfModifiedSince: modified}},
		{Range: vfs.RangeFrom(5), Cond: vfs.Cond{IfRangeTag: thisTag}},
		{Range: vfs.RangeFrom(5), Cond: vfs.Cond{IfRangeTag: otherTag}},
	}
	req := requests[rng.IntN(len(requests))]
	stat := rng.IntN(5) == 0
	s.next(rng)
	o.Call = fmt.Sprintf("%s %+v, Stat %t", key, req, stat)
	start := time.Now()
	var err error
	if stat {
		o.Info, err = b.Stat(t.Context(), name(key), req)
	} else {
		var obj *vfs.Object
		obj, err = b.Open(t.Context(), name(key), req)
		if err == nil {
			var data []byte
			data, err = io.ReadAll(obj.Body)
			o.Info, o.Span, o.Bytes = obj.Info, obj.Span, fmt.Sprintf("%d %x", len(data), sha256.Sum256(data))
			obj.Body.Close()
		}
	}
	// The pauses between requests are random.
	o.Took = time.Since(start).Truncate(10 * time.Second)
	o.Requests = s.requests()
	if err != nil {
		o.Err = err.Error()
		for _, kind := range []error{fs.ErrNotExist, fs.ErrPermission, vfs.ErrUnavailable, vfs.ErrChanged, vfs.ErrNotModified, vfs.ErrPrecondition, vfs.ErrRange, vfs.ErrUnsupported, vfs.ErrFailed, vfs.ErrFull} {
			if errors.Is(err, kind) {
				o.Kinds += kind.Error() + ", "
			}
		}
		o.Kinds += string(vfs.ReasonOf(err))
		o.Detail = err.Error()
		var e *vfs.Error
		if errors.As(err, &e) {
			o.Detail = e.Err.Error()
			if e.Info != nil {
				o.ErrInfo = *e.Info
			}
		}
	}
	return o
}

// A faultyService answers requests in memory, with the faults that next draws.
type faultyService struct {
	data map[string]string

	mu     sync.Mutex
	faults []fault       // of the next requests
	seen   []string      // the requests of this call
	ahead  time.Duration // of the service's clock
}

// start returns a client of the service, which has no network.
func (s *faultyService) start(t *testing.T) *s3.Client {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: s}
	done := make(chan struct{})
	go func() {
		server.Serve(l)
		close(done)
	}()
	client := newClient(t, "http://s3.example")
	transport := quickTransport(client.Options().HTTPClient.(*http.Client))
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return l.dial(ctx) }
	t.Cleanup(func() {
		time.Sleep(time.Minute) // until all handlers have ended
		transport.CloseIdleConnections()
		server.Close()
		<-done
	})
	return client
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case l.conns <- b:
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// next draws the faults of the requests that the next call sends: mostly none, one, or
// more than a client may retry.
func (s *faultyService) next(rng *rand.Rand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.faults = nil, nil
	count := []int{0, 0, 1, 1, 2, 9}[rng.IntN(6)]
	repeat := rng.IntN(2) == 0
	for range 9 {
		i, arg := rng.IntN(len(faults)), rng.IntN(1<<20)
		if len(s.faults) < count {
			s.faults = append(s.faults, fault{faults[i], arg})
		}
	}
	if repeat && count > 1 {
		for i := range s.faults {
			s.faults[i] = s.faults[0]
		}
	}
}

// TestRoadsAgreeOnTheClock: both ways learn how far the service's clock is ahead, by the
// same requests. The service refuses a quarter of an hour, and the SDK suspects the clock
// from four minutes on.
func TestRoadsAgreeOnTheClock(t *testing.T) {
	clocks := []time.Duration{0, 3 * time.Minute, 20 * time.Minute, -3 * time.Minute, -20 * time.Minute, 0}
	run := func(t *testing.T, throughSDK bool) (seen [][]string) {
		s := &faultyService{data: map[string]string{"small": numbers(900)}}
		client := s.start(t)
		var api s3.API = client
		if throughSDK {
			api = client.Client
		}
		b := newBackend(t, api, s3.Options{Prefix: "pub"})
		for _, ahead := range clocks {
			for i := range 4 {
				s.mu.Lock()
				s.ahead, s.seen = ahead, nil
				s.mu.Unlock()
				var err error
				if i%2 == 0 {
					var obj *vfs.Object
					if obj, err = b.Open(t.Context(), name("small"), vfs.Request{}); err == nil {
						obj.Body.Close()
					}
				} else {
					_, err = b.Stat(t.Context(), name("small"), vfs.Request{})
				}
				if err != nil {
					t.Errorf("through the SDK %t, %v ahead, call %d: %v", throughSDK, ahead, i, err)
				}
				seen = append(seen, s.requests())
			}
		}
		return seen
	}
	var own, sdk [][]string
	synctest.Test(t, func(t *testing.T) { own = run(t, false) })
	synctest.Test(t, func(t *testing.T) { sdk = run(t, true) })
	if diff := cmp.Diff(sdk, own); diff != "" {
		t.Errorf("SDK (-), own (+):\n%s", diff)
	}
}

func (s *faultyService) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *faultyService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	line := r.Method + " " + r.RequestURI
	for _, name := range []string{"Range", "If-Match", "If-None-Match", "If-Modified-Since"} {
		if value := r.Header.Get(name); value != "" {
			line += " " + name + ": " + value
		}
	}
	s.mu.Lock()
	f := fault{}
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
		line += " [" + f.what + "]"
	}
	now := time.Now().Add(s.ahead)
	s.mu.Unlock()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	skewed := err != nil || now.Sub(signed).Abs() > 15*time.Minute
	if skewed {
		line += " [skewed]"
	}
	s.mu.Lock()
	s.seen = append(s.seen, line)
	s.mu.Unlock()
	data, ok := s.data[strings.TrimPrefix(r.URL.Path, "/"+bucket+"/pub/")]
	switch {
	case skewed:
		sendError(w, r, 403, "RequestTimeTooSkewed")
	case f.strike != nil:
		f.strike(w, r, data, f.arg)
	case !ok:
		sendError(w, r, 404, "NoSuchKey")
	default:
		answerWell(data)(w, r, 0)
	}
}

// A fault is a way to answer wrongly. arg is a random number.
type fault struct {
	namedFault
	arg int
}

type namedFault struct {
	what   string
	strike func(w http.ResponseWriter, r *http.Request, data string, arg int)
}

var faults = append([]namedFault{
	{"no answer", func(http.ResponseWriter, *http.Request, string, int) { panic(http.ErrAbortHandler) }},
	{"no answer for a time", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		time.Sleep(20 * time.Second)
		answerWell(data)(w, r, 0)
	}},
	{"not HTTP", func(w http.ResponseWriter, _ *http.Request, _ string, _ int) {
		c, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(c, "hello\r\n\r\n")
		c.Close()
	}},
	{"cut", func(w http.ResponseWriter, r *http.Request, data string, arg int) {
		answerWell(data)(&cutWriter{w, arg % (len(data) + 1)}, r, 0)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}},
	{"cut after a pause", func(w http.ResponseWriter, r *http.Request, data string, arg int) {
		w.Header().Set("Connection", "close") // nothing else waits for it
		answerWell(data)(&cutWriter{w, arg % (len(data) + 1)}, r, 0)
		w.(http.Flusher).Flush()
		time.Sleep(5 * time.Second)
		panic(http.ErrAbortHandler)
	}},
	{"stalls in the body", func(w http.ResponseWriter, r *http.Request, data string, arg int) {
		w.Header().Set("Connection", "close") // nothing else waits for it
		answerWell(data)(&cutWriter{w, arg % (len(data) + 1)}, r, 0)
		w.(http.Flusher).Flush()
		time.Sleep(40 * time.Second)
		panic(http.ErrAbortHandler)
	}},
	{"no length", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		w.Header().Set("ETag", stubTag)
		w.(http.Flusher).Flush()
		io.WriteString(w, data)
	}},
	{"no ETag", func(w http.ResponseWriter, r *http.Request, data string, _ int) { send(w, r, data, "") }},
	{"a weak ETag", func(w http.ResponseWriter, r *http.Request, data string, _ int) { send(w, r, data, "W/"+stubTag) }},
	{"another ETag", func(w http.ResponseWriter, r *http.Request, data string, _ int) { send(w, r, data, `"another"`) }},
	{"no date", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		send(&fieldWriter{w, "Last-Modified", ""}, r, data, stubTag)
	}},
	{"a date that is none", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		send(&fieldWriter{w, "Last-Modified", "yesterday"}, r, data, stubTag)
	}},
	{"a version", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		w.Header().Set("X-Amz-Version-Id", "v 1+")
		answerWell(data)(w, r, 0)
	}},
	{"metadata", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		w.Header().Set("X-Amz-Meta-Mtime", "1700000000.25")
		w.Header().Set("X-Amz-Meta-Other", "x")
		w.Header().Set("Content-Encoding", "aws-chunked,gzip")
		answerWell(data)(w, r, 0)
	}},
	{"a range that was not requested", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		r.Header.Set("Range", "bytes=1-2")
		send(w, r, data, stubTag)
	}},
	{"the range is ignored", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		r.Header.Del("Range")
		send(w, r, data, stubTag)
	}},
	{"Content-Range that is none", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		send(&fieldWriter{w, "Content-Range", "bytes 1-0/*"}, r, data, stubTag)
	}},
	{"an empty Content-Range", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		w.Header()["Content-Range"] = []string{""}
		send(w, r, data, stubTag)
	}},
	{"206 without Content-Range", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		w.Header().Set("ETag", stubTag)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.WriteHeader(206)
		if r.Method != http.MethodHead {
			io.WriteString(w, data)
		}
	}},
	{"201", func(w http.ResponseWriter, r *http.Request, data string, _ int) {
		w.Header().Set("ETag", stubTag)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.WriteHeader(201)
		if r.Method != http.MethodHead {
			io.WriteString(w, data)
		}
	}},
	{"204", func(w http.ResponseWriter, _ *http.Request, _ string, _ int) { w.WriteHeader(204) }},
	{"a redirect to nowhere", func(w http.ResponseWriter, r *http.Request, _ string, _ int) {
		sendError(w, r, 307, "TemporaryRedirect")
	}},
	{"a redirect", func(w http.ResponseWriter, r *http.Request, _ string, arg int) {
		w.Header().Set("Location", "http://elsewhere.example/"+r.URL.Path)
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		sendError(w, r, []int{301, 302, 303, 307, 308}[arg%5], "PermanentRedirect")
	}},
	{"a redirect that is none", func(w http.ResponseWriter, r *http.Request, _ string, _ int) {
		w.Header().Set("Location", "http://[::1/%zz")
		sendError(w, r, 301, "PermanentRedirect")
	}},
	{"an error that is not XML", func(w http.ResponseWriter, r *http.Request, _ string, arg int) {
		w.WriteHeader([]int{400, 403, 404, 500, 502}[arg%5])
		io.WriteString(w, "<html>down")
	}},
	{"an error without a body", func(w http.ResponseWriter, r *http.Request, _ string, arg int) {
		w.WriteHeader([]int{400, 403, 404, 500, 503}[arg%5])
	}},
	{"an error that breaks off", func(w http.ResponseWriter, r *http.Request, _ string, arg int) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader([]int{400, 403, 404, 500, 503}[arg%5])
		io.WriteString(w, `<?xml version="1.0"?><Error><Code>SlowDown</Code>`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}},
	{"a code in the header", func(w http.ResponseWriter, r *http.Request, _ string, _ int) {
		w.Header().Set("X-Minio-Error-Code", "XMinioInvalidObjectName")
		sendError(w, r, 400, "")
	}},
}, append(refusals(), checksumFaults()...)...)

// refusals are errors of S3. Half of them are retried.
func refusals() (list []namedFault) {
	for _, e := range []struct {
		status int
		code   string
	}{
		{500, "InternalError"}, {503, "SlowDown"}, {503, "ServiceUnavailable"}, {429, "TooManyRequests"}, {400, "RequestTimeout"}, {400, "ExpiredToken"}, {504, ""},
		{403, "AccessDenied"}, {403, "SignatureDoesNotMatch"}, {403, "InvalidAccessKeyId"}, {403, "InvalidObjectState"}, {404, "NoSuchKey"}, {404, "NoSuchBucket"},
		{400, "InvalidToken"}, {400, "AuthorizationHeaderMalformed"}, {405, "MethodNotAllowed"}, {409, "OperationAborted"}, {412, "PreconditionFailed"},
		{416, "InvalidRange"}, {304, ""}, {401, ""}, {414, ""}, {501, "NotImplemented"}, {507, "QuotaExceeded"}, {300, ""}, {418, ""},
	} {
		list = append(list, namedFault{fmt.Sprint(e.status, " ", e.code), func(w http.ResponseWriter, r *http.Request, _ string, _ int) {
			sendError(w, r, e.status, e.code)
		}})
	}
	return list
}

// checksumFaults send a checksum of each kind, right and wrong.
func checksumFaults() (list []namedFault) {
	kinds := map[string]func() hash.Hash{
		"Crc32":  func() hash.Hash { return crc32.NewIEEE() },
		"Crc32c": func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
		// The polynomial of NVME, reversed.
		"Crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) },
		"Sha1":      sha1.New,
		"Sha256":    sha256.New,
	}
	names := []string{"Crc32", "Crc32c", "Crc64nvme", "Sha1", "Sha256"}
	sum := func(kind, data string) string {
		h := kinds[kind]()
		io.WriteString(h, data)
		return base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	add := func(what string, fields func(data string) map[string]string) {
		list = append(list, namedFault{what, func(w http.ResponseWriter, r *http.Request, data string, _ int) {
			body := data
			if first, last, ok := cutRange(r.Header.Get("Range"), int64(len(data))); ok && r.Header.Get("Range") != "" {
				body = data[first : last+1]
			}
			for name, value := range fields(body) {
				w.Header().Set("X-Amz-Checksum-"+name, value)
			}
			answerWell(data)(w, r, 0)
		}})
	}
	for _, kind := range names {
		add("right "+kind, func(data string) map[string]string {
			return map[string]string{kind: sum(kind, data), "Type": "FULL_OBJECT"}
		})
		add("wrong "+kind, func(data string) map[string]string { return map[string]string{kind: sum(kind, data+"x")} })
	}
	add("of parts", func(data string) map[string]string {
		return map[string]string{"Crc32": sum("Crc32", "parts") + "-3", "Type": "COMPOSITE"}
	})
	add("two, one wrong", func(data string) map[string]string {
		return map[string]string{"Crc32": sum("Crc32", data), "Sha256": sum("Sha256", "x")}
	})
	add("two, another wrong", func(data string) map[string]string {
		return map[string]string{"Crc32": sum("Crc32", "x"), "Crc64nvme": sum("Crc64nvme", data)}
	})
	add("unknown", func(string) map[string]string { return map[string]string{"Crc128": "AAAA"} })
	add("wrong MD5", func(string) map[string]string { return map[string]string{"Md5": "AAAAAAAAAAAAAAAAAAAAAA=="} })
	add("wrong SHA-512", func(string) map[string]string { return map[string]string{"Sha512": "AAAA"} })
	add("empty", func(string) map[string]string { return map[string]string{"Crc32": ""} })
	add("no base64", func(string) map[string]string { return map[string]string{"Crc32": "!"} })
	return list
}

// A cutWriter drops all but the first n bytes of a body.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	if n > 0 {
		w.ResponseWriter.Write(p[:n])
	}
	return len(p), nil
}

func (w *cutWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// A fieldWriter replaces a header field when the header is written.
type fieldWriter struct {
	http.ResponseWriter
	name, value string
}

func (w *fieldWriter) replace() {
	if w.Header().Get(w.name) == "" {
		return
	}
	if w.Header().Del(w.name); w.value != "" {
		w.Header().Set(w.name, w.value)
	}
}

func (w *fieldWriter) WriteHeader(status int) {
	w.replace()
	w.ResponseWriter.WriteHeader(status)
}

func (w *fieldWriter) Write(p []byte) (int, error) {
	w.replace()
	return w.ResponseWriter.Write(p)
}
