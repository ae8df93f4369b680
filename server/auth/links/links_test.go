package links_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

func keys(t testing.TB, lines ...string) *links.Keys {
	t.Helper()
	k, err := links.ReadKeys("keys", strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func key(id string, fill byte) string {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = fill
	}
	return id + ":" + base64.StdEncoding.EncodeToString(secret)
}

func sign(t testing.TB, k *links.Keys, l links.Link) string {
	t.Helper()
	q, err := k.Sign(l)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

var now = time.Unix(1_800_000_000, 0)

func TestVerify(t *testing.T) {
	k := keys(t, "# new first", key("new", 1), "", key("old", 2))
	for _, l := range []links.Link{
		{Method: "GET", Path: "/docs/a.txt", Expires: now.Add(time.Hour)},
		{Method: "GET", Path: "/docs/caf%C3%A9%20%25.txt", Expires: now.Add(time.Second), User: "alice & bob", Uses: 3, DownloadName: "фото \"x\".jpg"},
		{Method: "PUT", Path: "/docs/a.txt", Expires: now.Add(time.Hour)},
		{Method: "DELETE", Path: "/docs/a.txt", Expires: now.Add(time.Hour), User: "alice"},
		{Method: "POST", Path: "/files/", Expires: now.Add(time.Hour)},
		{Method: "POST", Path: "/", Expires: now.Add(time.Hour)},
	} {
		q := sign(t, k, l)
		got, err := k.Verify(l.Method, l.Path, q, now)
		l.ID = got.ID
		if err != nil || got != l || got.ID == "" {
			t.Errorf("Verify(%s) = %+v, %v, want %+v", q, got, err, l)
		}
		if !links.IsLink(q) || !links.IsLink("x=1&"+q) {
			t.Errorf("%s is not a link", q)
		}
		if other := sign(t, k, l); other == q {
			t.Errorf("two links are equal: %s", q)
		}
		_, err = k.Verify("HEAD", l.Path, q, now)
		if (err == nil) != (l.Method == "GET") {
			t.Errorf("HEAD with a link for %s: %v", l.Method, err)
		}
	}
}

// TestVerifyAltered alters every part of a link, one at a time.
func TestVerifyAltered(t *testing.T) {
	k := keys(t, key("one", 1), key("two", 2))
	l := links.Link{Method: "GET", Path: "/docs/a.txt", Expires: now.Add(time.Hour), User: "alice", Uses: 3, DownloadName: "b.txt"}
	q := sign(t, k, l)
	if _, err := k.Verify("GET", l.Path, q, now); err != nil {
		t.Fatal(err)
	}
	refused := func(what, method, path, query string, at time.Time) {
		t.Helper()
		got, err := k.Verify(method, path, query, at)
		if !errors.Is(err, links.ErrLink) || got != (links.Link{}) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	for _, at := range []time.Time{l.Expires, l.Expires.Add(time.Hour)} {
		refused("expired", "GET", l.Path, q, at)
		if _, err := k.Verify("GET", l.Path, q, at); !errors.Is(err, links.ErrExpired) {
			t.Errorf("expired: %v", err)
		}
		// A forger must not learn that the link would have expired.
		if _, err := k.Verify("GET", l.Path+"x", q, at); errors.Is(err, links.ErrExpired) {
			t.Errorf("altered and expired: %v", err)
		}
	}
	for i := range q {
		for _, bit := range []byte{1, 2, 32} {
			b := []byte(q)
			b[i] ^= bit
			refused("a byte changed", "GET", l.Path, string(b), now)
		}
		refused("a byte removed", "GET", l.Path, q[:i]+q[i+1:], now)
		refused("a byte inserted", "GET", l.Path, q[:i]+"0"+q[i:], now)
		refused("cut", "GET", l.Path, q[:i], now)
	}
	for _, method := range []string{"PUT", "DELETE", "POST", "OPTIONS", "get", ""} {
		refused("another method", method, l.Path, q, now)
	}
	for _, path := range []string{"/docs/b.txt", "/docs/a.txt/", "/docs//a.txt", "docs/a.txt", "/Docs/a.txt", "/docs/a%2etxt", "", "/"} {
		refused("another path", "GET", path, q, now)
	}
	refused("expired", "GET", l.Path, q, l.Expires)
	refused("long expired", "GET", l.Path, q, l.Expires.Add(1000*time.Hour))
	for _, extra := range []string{"&x=1", "&" + q, "&bw_user=root", "&", ";", "#", "&bw_signature=x"} {
		refused("with an appended parameter", "GET", l.Path, q+extra, now)
		refused("with a prepended parameter", "GET", l.Path, strings.TrimPrefix(extra, "&")+"&"+q, now)
	}
	// The same parameters in another order or encoding.
	v, err := url.ParseQuery(q)
	if err != nil {
		t.Fatal(err)
	}
	for param, values := range v {
		other := url.Values{}
		for p, vs := range v {
			other[p] = vs
		}
		if param != "bw_signature" {
			other[param] = append([]string{values[0] + "0"}, values...)
			signature := other.Get("bw_signature")
			other.Del("bw_signature")
			refused(param+" altered", "GET", l.Path, other.Encode()+"&bw_signature="+signature, now)
		}
	}
	refused("spelled otherwise", "GET", l.Path, strings.Replace(q, "alice", "%61lice", 1), now)
	refused("no query", "GET", l.Path, "", now)
	refused("long", "GET", l.Path, strings.Repeat("x=1&", 1<<20)+q, now)

	// A forger who knows a key's id, and that an unknown id is compared with some key.
	none := keys(t, key("none", 0))
	refused("with a key that is not in the ring", "GET", l.Path, sign(t, none, l), now)
	forged := sign(t, keys(t, key("one", 9)), l)
	refused("with another key of that id", "GET", l.Path, forged, now)
}

func TestRotation(t *testing.T) {
	l := links.Link{Method: "GET", Path: "/a", Expires: now.Add(time.Hour)}
	before := keys(t, key("one", 1))
	rotated := keys(t, key("two", 2), key("one", 1))
	after := keys(t, key("two", 2))
	q := sign(t, before, l)
	if _, err := rotated.Verify("GET", "/a", q, now); err != nil {
		t.Errorf("after a new key was added: %v", err)
	}
	if _, err := after.Verify("GET", "/a", q, now); err == nil {
		t.Error("a link with a removed key is still valid")
	}
	if _, err := after.Verify("GET", "/a", sign(t, rotated, l), now); err != nil {
		t.Errorf("the first key does not sign: %v", err)
	}
}

func TestSignRefuses(t *testing.T) {
	k := keys(t, key("one", 1))
	for _, l := range []links.Link{
		{Method: "GET", Path: "/dir/"},
		{Method: "GET", Path: "/"},
		{Method: "GET", Path: "a"},
		{Method: "GET", Path: "/a/../b"},
		{Method: "GET", Path: "/%61"},
		{Method: "GET", Path: "/a?b"},
		{Method: "HEAD", Path: "/a"},
		{Method: "get", Path: "/a"},
		{Method: "POST", Path: "/a"},
		{Method: "GET", Path: "/a", Uses: -1},
		{Method: "PUT", Path: "/a", Uses: 1},
		{Method: "GET", Path: "/a", User: "\xff"},
		{Method: "GET", Path: "/a", User: "anyone"},
		{Method: "GET", Path: "/a", User: "link:1"},
		{Method: "GET", Path: "/a", DownloadName: strings.Repeat("x", 2000)},
	} {
		if q, err := k.Sign(l); err == nil {
			t.Errorf("%+v was signed: %s", l, q)
		}
	}
}

func TestReadKeys(t *testing.T) {
	good := key("one", 7)
	secret := strings.TrimPrefix(good, "one:")
	for text, line := range map[string]string{
		"":                       "keys:1:",
		"# nothing\n":            "keys:1:",
		"one":                    "keys:1:",
		good + "\n:" + secret:    "keys:2:",
		"\n\n" + "a b:" + secret: "keys:3:",
		good + "\n" + good:       "keys:2:",
		"one:!!!":                "keys:1:",
		"one:" + secret[:20]:     "keys:1:",
		"one:" + secret + "$":    "keys:1:",
	} {
		_, err := links.ReadKeys("keys", strings.NewReader(text))
		if err == nil || !strings.HasPrefix(err.Error(), line) || strings.Contains(err.Error(), secret[:8]) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", text, err, line)
		}
	}
}

func TestIsLink(t *testing.T) {
	for q, want := range map[string]bool{
		"": false, "meta": false, "after=bw_x": false, "x=bw_key": false, "abw_key=1": false,
		"bw_key": true, "bw_key=": true, "a=1&bw_user=x": true, "a;bw_user=x": true, "%62w_key=1": true, "bw_other=1": true,
	} {
		if got := links.IsLink(q); got != want {
			t.Errorf("IsLink(%q) = %t", q, got)
		}
	}
}

func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m links.Memory
		expires := time.Now().Add(time.Hour)
		var good atomic.Int32
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if ok, err := m.Use(t.Context(), "id", 5, expires); err != nil {
					t.Error(err)
				} else if ok {
					good.Add(1)
				}
			})
		}
		wg.Wait()
		if good.Load() != 5 {
			t.Errorf("%d uses of 5", good.Load())
		}
		// The counts of expired links are removed.
		time.Sleep(2 * time.Hour)
		if ok, _ := m.Use(t.Context(), "other", 1, time.Now().Add(time.Hour)); !ok {
			t.Error("another link cannot be used")
		}
		if ok, _ := m.Use(t.Context(), "id", 1, time.Now().Add(time.Hour)); !ok {
			t.Error("the count of an expired link was kept")
		}
	})
}

func FuzzVerify(f *testing.F) {
	k := keys(f, key("one", 1))
	f.Add("GET", "/a", uint(3), uint(1), "9")
	f.Add("HEAD", "/a", uint(0), uint(0), "")
	f.Add("PUT", "/b", uint(200), uint(9), "&bw_user=root")
	f.Fuzz(func(t *testing.T, method, path string, at, length uint, other string) {
		// No replacement of a part of the query gives a valid link.
		good := sign(t, k, links.Link{Method: "GET", Path: "/a", Expires: now.Add(time.Hour)})
		begin := min(at, uint(len(good)))
		end := min(begin+length%1000, uint(len(good)))
		query := good[:begin] + other + good[end:]
		_, err := k.Verify(method, path, query, now)
		want := query == good && path == "/a" && (method == "GET" || method == "HEAD")
		if (err == nil) != want {
			t.Errorf("%q %q %q: %v", method, path, query, err)
		}
	})
}

func FuzzSign(f *testing.F) {
	k := keys(f, key("one", 1))
	f.Add("/a", "alice", "b.txt", 2)
	f.Add("/%F0%9F%98%80", "&=;", "%", 0)
	f.Fuzz(func(t *testing.T, path, user, download string, uses int) {
		l := links.Link{Method: http.MethodGet, Path: path, Expires: now.Add(time.Minute), User: user, Uses: uses, DownloadName: download}
		q, err := k.Sign(l)
		if err != nil {
			return
		}
		got, err := k.Verify("GET", path, q, now)
		l.ID = got.ID
		if err != nil || got != l || !links.IsLink(q) {
			t.Errorf("%+v gives %q, which gives %+v, %v", l, q, got, err)
		}
	})
}

// An empty key ring accepts no link. The attack signs with 32 zero bytes, the key that
// an empty ring would otherwise compare with.
func TestZeroKeys(t *testing.T) {
	const path = "/a.txt"
	q := url.Values{}
	q.Set("bw_expires", "4102444800")
	q.Set("bw_id", "x")
	q.Set("bw_key", "one")
	signed := q.Encode()
	mac := hmac.New(sha256.New, make([]byte, 32))
	fmt.Fprintf(mac, "bailiwick link 1\n%s\n%s\n%s", "GET", path, signed)
	attack := signed + "&bw_signature=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))

	if _, err := keys(t, key("one", 0)).Verify("GET", path, attack, time.Now()); err != nil {
		t.Fatalf("the control, a ring with that key: %v", err)
	}
	for what, k := range map[string]*links.Keys{"zero": {}, "nil": nil} {
		if l, err := k.Verify("GET", path, attack, time.Now()); !errors.Is(err, links.ErrLink) || l != (links.Link{}) {
			t.Errorf("%s: %+v, %v", what, l, err)
		}
		if q, err := k.Sign(links.Link{Method: "GET", Path: path, Expires: time.Now().Add(time.Hour)}); err == nil || q != "" {
			t.Errorf("%s: signs %q", what, q)
		}
	}
}
