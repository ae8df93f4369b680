package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// TestS3SlowClients: more clients than there are connections to S3 request an object and
// then stop reading. The GET of another client still succeeds, and the slow clients get
// every byte once they continue to read.
func TestS3SlowClients(t *testing.T) {
	const slow, bodies = 12, 3
	large := strings.Repeat("0123456789abcdef", 1<<19) // more than the socket buffers hold
	g := s3gateway.Start(t)
	bucket := g.Bucket(t, "slow")
	plantKeys(t, bucket, map[string]string{"large": large, "other": large[:1<<20]})
	b, err := s3.New(g.Client(t), s3.Options{Bucket: bucket.Name, MaxInFlight: 2, MaxBodies: bodies})
	if err != nil {
		t.Fatal(err)
	}
	url := start(t, server.New(jailOver(t, b, allow("**")), server.Config{Logger: quiet}))
	g.Reset(t)

	var waiting [slow]*http.Response
	for i := range waiting {
		// Each client has its own connection, whose small window is soon full.
		client := &http.Client{Transport: &http.Transport{DialContext: smallWindow, DisableKeepAlives: true}}
		r, err := client.Get(url + "/large")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if r.StatusCode != 200 {
			t.Fatalf("slow client %d: %d", i, r.StatusCode)
		}
		waiting[i] = r
	}
	if r := get(t, "GET", url+"/other"); r.Status != 200 || r.Body != large[:1<<20] {
		t.Errorf("another client: %d with %d bytes", r.Status, len(r.Body))
	}
	var group errgroup.Group
	for _, r := range waiting {
		group.Go(func() error {
			data, err := io.ReadAll(r.Body)
			if err != nil || string(data) != large {
				return fmt.Errorf("a slow client: %d bytes, %w", len(data), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if n := len(g.Requests(t)); n < slow+1+slow-bodies {
		t.Errorf("%d S3 requests: too few bodies were suspended", n)
	}
}

func smallWindow(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = tcp.SetReadBuffer(16 << 10)
	}
	return conn, err
}
