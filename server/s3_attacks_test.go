package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// keyAttacks are paths that some S3 servers would resolve to another key or bucket, if they
// were joined to a prefix.
var keyAttacks = []string{
	"..", "../priv/s", "x/../../priv/s", "../../other/canary.txt", "../pub-secret/canary.txt", "../../../root/other/canary.txt", "//", "//priv/s", "./p", "/p", "p/", "p/.",
	"./../priv/s", "%2e%2e%2fpriv%2fs", "%2e%2e/priv/s", "%2E%2E/%2E%2E/other/canary.txt", "%252e%252e%252fpriv%252fs", "%252e%252e/priv/s", "..%5cpriv%5cs",
	"%E2%80%A5/priv/s", "%EF%BC%8F../priv/s", "..%EF%BC%8Fpriv%EF%BC%8Fs", "%EF%BC%8E%EF%BC%8E/priv/s", "p%00", "../priv/s%00.txt", "%ff/../priv/s", "-secret/canary.txt",
	"public/ok.txt/../../../priv/s", "public//ok.txt", "public/./ok.txt", "public/ok.txt/", "?versionId=x", "public/" + strings.Repeat("l", 256),
	strings.Repeat("d/", 600) + "x", "canary.txt?prefix=../priv/", "..;/priv/s", "public/%2e%2e/%2e%2e/priv/s",
}

// plantBucketYard creates the fixture below pub/, and canaries around it: beside the
// prefix, below prefixes that begin like it, and in another bucket.
func plantBucketYard(t *testing.T, g *s3gateway.Gateway) (b *s3gateway.Bucket) {
	b = g.Bucket(t, "yard")
	keys := map[string]string{"canary.txt": vfstest.Canary}
	for name, data := range vfstest.Fixture().Files {
		keys["pub/"+name] = data
	}
	foreign := []string{
		"canary.txt", "ok.txt", "public/ok.txt", "public/sub/ok.txt", "user1/notes.txt", "s", "config.yaml", "public/drafts/secret.txt",
	}
	for _, dir := range []string{"priv/", "pub-secret/", "pubsecret/", "pu/", "Pub/", "public/", "user1/"} {
		for _, name := range foreign {
			keys[dir+name] = vfstest.Canary
		}
	}
	plantKeys(t, b, keys)
	other := map[string]string{}
	for _, name := range foreign {
		other[name], other["pub/"+name] = vfstest.Canary, vfstest.Canary
	}
	plantKeys(t, g.Bucket(t, "other"), other)
	return b
}

// TestS3Attacks sends the attack table, the corpus if there is one, and paths that alias
// keys, over raw TCP, to a jail on a prefix of a bucket. No response has a byte from
// outside the prefix, and every refusal is the response for a missing name.
func TestS3Attacks(t *testing.T) {
	g := s3gateway.Start(t)
	bucket := plantBucketYard(t, g)
	jail := jailOver(t, bucketBackend(t, g.Client(t), bucket, "pub"), vfstest.FixturePolicy())
	corpus, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []server.Config{{Logger: quiet}, {List: true, Sidecars: true, Logger: quiet}} {
		srv := httptest.NewServer(server.New(jail, cfg))
		defer srv.Close()
		target := &rawClient{t: t, addr: srv.Listener.Addr().String()}
		missing := target.get("public/there-is-no-such-name")
		if missing.status != http.StatusNotFound {
			t.Fatalf("a missing name: %d", missing.status)
		}
		for _, a := range vfstest.Attacks() {
			if cfg.List {
				target.attack(a.Raw, missing)
			} else if got := target.get(a.Raw); got != missing && !target.malformed(a.Raw) {
				t.Errorf("%s: %q: %d, not the uniform 404\n%s%s", a.Name, a.Raw, got.status, got.header, got.body)
			}
		}
		for _, raw := range keyAttacks {
			if got := target.get(raw); !cfg.List && got != missing {
				t.Errorf("%q: %d, not the uniform 404\n%s%s", raw, got.status, got.header, got.body)
			}
			target.attack(raw, missing)
		}
		for _, p := range corpus {
			target.attack(p.Raw, missing)
		}
		for _, l := range vfstest.LegalNames() {
			if len("pub/"+l.Name) > vfs.MaxNameBytes {
				continue // with the prefix, the key would be too long
			}
			if got := target.get(l.Raw); got.status != http.StatusOK || got.body != l.Data {
				t.Errorf("legal name %q: %d %q", l.Raw, got.status, got.body)
			}
		}
	}
}

// A name that the grammar refuses causes no S3 request.
func TestS3KeyAttacksCostNothing(t *testing.T) {
	g := s3gateway.Start(t)
	bucket := plantBucketYard(t, g)
	h := server.New(jailOver(t, bucketBackend(t, g.Client(t), bucket, "pub"), allow("re:.*")), server.Config{})
	g.Reset(t)
	for _, raw := range keyAttacks {
		request(t, h, "GET", "/"+raw)
	}
	for _, r := range g.Requests(t) {
		if r.Bucket != bucket.Name || !strings.HasPrefix(r.Key, "pub/") {
			t.Errorf("S3 got a request for %v", r)
		}
		if _, err := vfs.ParseName(r.Key); err != nil {
			t.Errorf("S3 got a request for %v, which is not a name", r)
		}
	}
}

// The control: joining the prefix and the path serves objects outside the prefix.
func TestS3AttacksControl(t *testing.T) {
	g := s3gateway.Start(t)
	bucket := plantBucketYard(t, g)
	once := func(o *awss3.Options) { o.Retryer = aws.NopRetryer{} }
	client := g.Client(t)
	reached := map[string]bool{}
	for _, raw := range keyAttacks {
		decoded, err := url.PathUnescape(raw)
		if err != nil {
			continue
		}
		key := "pub" + decoded // as if the prefix had no slash
		for _, key := range []string{key, "pub/" + decoded} {
			out, err := client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &bucket.Name, Key: &key}, once)
			if err != nil {
				continue
			}
			body, err := io.ReadAll(out.Body)
			out.Body.Close()
			if err == nil && strings.Contains(string(body), vfstest.Canary) {
				reached[raw] = true
			}
		}
	}
	for _, raw := range []string{"../priv/s", "-secret/canary.txt", "x/../../priv/s"} {
		if !reached[raw] {
			t.Errorf("%q reaches no canary: the attack proves nothing", raw)
		}
	}
	t.Logf("%d of %d key attacks reach a canary", len(reached), len(keyAttacks))
}
