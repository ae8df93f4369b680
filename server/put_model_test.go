package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// seedVariable sets the seed of TestWritesAgainstModel, to repeat a run.
const seedVariable = "BAILIWICK_TEST_SEED"

// TestWritesAgainstModel sends thousands of random writes and reads, and compares each
// response with that of a map. It must be the same on every backend.
func TestWritesAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv(seedVariable); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		steps := map[string]int{"mem": 10_000, "disk": 4_000, "s3": 4_000}[b.Caps().Kind]
		if length.Short() {
			steps = 800
		}
		h := server.New(jailOver(t, b, modelPolicy()), server.Config{Write: true, Intake: server.Intake{MaxBytes: modelLimit}, Logger: quiet})
		m := &model{objects: map[string]version{}, stale: map[string]string{}, rnd: rand.New(rand.NewPCG(seed, 0))}
		seen := map[string]int{}
		// More steps follow if some kind of response has not occurred yet.
		for i := 0; i < steps || i < 10*steps && len(unseen(seen)) > 0; i++ {
			q := m.next(i)
			w := httptest.NewRecorder()
			r := httptest.NewRequest(q.method, "/"+q.name, strings.NewReader(q.body)).WithContext(t.Context())
			if q.header != "" {
				r.Header.Set(q.header, q.value)
			}
			h.ServeHTTP(w, r)
			status, body := m.answer(q)
			seen[fmt.Sprint(q.method, " ", w.Code)]++
			if w.Code != status || q.method == "GET" && w.Body.String() != body {
				t.Fatalf("step %d: %s %s with %s %q: %d %.40q, want %d %.40q as in the map", i, q.method, q.name, q.header, q.value, w.Code, w.Body, status, body)
			}
			m.apply(q, w.Code, w.Header().Get("Etag"))
		}
		all := contents(t, b)
		for name, v := range m.objects {
			if all[name] != v.body {
				t.Errorf("at the end, %s holds %.40q, want %.40q as in the map", name, all[name], v.body)
			}
		}
		if len(all) != len(m.objects) {
			t.Errorf("at the end there are %d objects, want %d as in the map", len(all), len(m.objects))
		}
		if kinds := unseen(seen); len(kinds) > 0 {
			t.Errorf("no response was any of %q: %v", kinds, seen)
		}
	})
}

// unseen returns the kinds of responses that have not occurred.
func unseen(seen map[string]int) []string {
	kinds := strings.Split("PUT 201,PUT 204,PUT 404,PUT 409,PUT 412,PUT 413,PUT 415,PUT 422,DELETE 204,DELETE 404,DELETE 412,GET 200,GET 404,HEAD 200", ",")
	return slices.DeleteFunc(kinds, func(kind string) bool { return seen[kind] > 0 })
}

const modelLimit = 2000

func modelPolicy() vfs.Policy {
	p := allow("**")
	p.Deny = vfs.Patterns("denied")
	return p
}

// modelNames include pairs that differ only in case. None is a directory of another.
var modelNames = []string{
	"a", "A", "b.html", "dir/a", "dir/b", "DIR/c", "dir/sub/a", "dir/sub/b", "dir/Sub/c", "other/deep/er/x", "other/Deep/y",
	"denied", "dir/.hidden", "aux.txt", "x:y",
}

// A model computes the expected responses from a map.
type model struct {
	objects map[string]version
	stale   map[string]string // ETags of the last replaced or removed versions
	rnd     *rand.Rand
}

type version struct{ body, etag string }

type modelRequest struct{ method, name, body, header, value string }

// next returns a random request.
func (m *model) next(i int) modelRequest {
	q := modelRequest{
		method: []string{"PUT", "PUT", "PUT", "DELETE", "GET", "HEAD"}[m.rnd.IntN(6)],
		name:   modelNames[m.rnd.IntN(len(modelNames))],
	}
	current, stale := m.objects[q.name].etag, m.stale[q.name]
	if q.method == "PUT" {
		// All bodies differ, since S3 derives ETags from them.
		q.body = fmt.Sprint(i, strings.Repeat("x", m.rnd.IntN(200)))
		switch m.rnd.IntN(20) {
		case 0:
			q.body += strings.Repeat("x", modelLimit)
		case 1:
			q.header, q.value = "Content-Encoding", "gzip"
		}
	}
	if q.header != "" || q.method == "GET" || q.method == "HEAD" {
		return q
	}
	switch m.rnd.IntN(8) {
	case 0:
		q.header, q.value = "If-Match", current
	case 1:
		q.header, q.value = "If-Match", stale
	case 2:
		if q.method == "PUT" {
			q.header, q.value = "If-None-Match", "*"
		}
	case 3:
		q.header, q.value = "If-None-Match", stale
	}
	if q.value == "" {
		q.header = ""
	}
	return q
}

// answer returns the expected response.
func (m *model) answer(q modelRequest) (status int, body string) {
	v, exists := m.objects[q.name]
	readable := q.name != "denied" && !strings.Contains(q.name, "/.")
	switch {
	case !readable:
		return http.StatusNotFound, "not found\n"
	case q.method == "GET" || q.method == "HEAD":
		if !exists {
			return http.StatusNotFound, "not found\n"
		}
		return http.StatusOK, v.body
	case q.method == "DELETE" && !exists:
		return http.StatusNotFound, ""
	case q.method == "PUT" && (q.name == "aux.txt" || q.name == "x:y"):
		return http.StatusUnprocessableEntity, ""
	case q.header == "Content-Encoding":
		return http.StatusUnsupportedMediaType, ""
	case len(q.body) > modelLimit:
		return http.StatusRequestEntityTooLarge, ""
	case q.header == "If-Match" && (!exists || q.value != v.etag),
		q.header == "If-None-Match" && exists && (q.value == "*" || q.value == v.etag):
		return http.StatusPreconditionFailed, ""
	case q.method == "DELETE" || exists:
		return http.StatusNoContent, ""
	}
	switch like := m.tooLike(q.name); {
	case like == "":
		return http.StatusCreated, ""
	case m.isObject(like):
		return http.StatusConflict, ""
	}
	return http.StatusNotFound, "" // a directory, which is not visible without listings
}

// tooLike returns a name that differs only in case from a new name, or from the topmost
// directory that it would create; "" if there is none.
func (m *model) tooLike(name string) string {
	there := map[string]bool{".": true}
	for n := range m.objects {
		for ; n != "."; n = path.Dir(n) {
			there[n] = true
		}
	}
	for !there[path.Dir(name)] {
		name = path.Dir(name)
	}
	for n := range there {
		if n != name && strings.EqualFold(n, name) && path.Dir(n) == path.Dir(name) {
			return n
		}
	}
	return ""
}

func (m *model) isObject(name string) bool {
	_, ok := m.objects[name]
	return ok
}

func (m *model) apply(q modelRequest, status int, etag string) {
	old, existed := m.objects[q.name]
	if q.method != "PUT" && q.method != "DELETE" || status/100 != 2 {
		return
	}
	if existed {
		m.stale[q.name] = old.etag
	}
	if delete(m.objects, q.name); q.method == "PUT" {
		m.objects[q.name] = version{q.body, etag}
	}
}
