package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

const bucket = "bench"

// A store is a running S3 server with one bucket.
type store struct {
	*s3gateway.Gateway
	client *awss3.Client
}

// newStore starts an S3 server. The caller must Stop it.
func (b *bench) newStore(ctx context.Context) (*store, error) {
	g, err := s3gateway.Launch(ctx, filepath.Join(b.dir, "s3"))
	if err != nil {
		return nil, err
	}
	client, err := s3.NewClient(s3.ClientOptions{
		Region: g.Region, Endpoint: g.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(g.AccessKey, g.SecretKey, ""),
	})
	if err == nil {
		_, err = client.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String(bucket)})
	}
	if err != nil {
		g.Stop()
		return nil, err
	}
	return &store{g, client.Client}, nil
}

// env returns the environment in which bailiwick and rclone find the store's credentials.
// rclone calls the store "b".
func (s *store) env() []string {
	return append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+s.AccessKey, "AWS_SECRET_ACCESS_KEY="+s.SecretKey, "AWS_EC2_METADATA_DISABLED=true",
		"RCLONE_CONFIG=", "RCLONE_CONFIG_B_TYPE=s3", "RCLONE_CONFIG_B_PROVIDER=Other", "RCLONE_CONFIG_B_REGION="+s.Region,
		"RCLONE_CONFIG_B_ENDPOINT="+s.Endpoint, "RCLONE_CONFIG_B_ACCESS_KEY_ID="+s.AccessKey, "RCLONE_CONFIG_B_SECRET_ACCESS_KEY="+s.SecretKey)
}

// source returns the store as a SOURCE of bailiwick.
func (s *store) source(prefix string) string { return s.sourceAt(s.Endpoint, prefix) }

// sourceAt is source through another endpoint.
func (s *store) sourceAt(endpoint, prefix string) string {
	return "s3://" + bucket + "/" + prefix + "?region=" + s.Region + "&path_style=true&endpoint=" + url.QueryEscape(endpoint)
}

// signed returns a URL with which anyone can get a key.
func (s *store) signed(ctx context.Context, key string) (string, error) {
	r, err := awss3.NewPresignClient(s.client).PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String(bucket), Key: &key},
		awss3.WithPresignExpires(time.Hour))
	if err != nil {
		return "", err
	}
	return r.URL, nil
}

// put stores an object with random bytes.
func (s *store) put(ctx context.Context, key string, size int64) error {
	data := make([]byte, size)
	_, _ = rand.Read(data) // never fails
	_, err := s.client.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader(data)})
	return err
}

// A stored object is served by every server at /NAME.
type stored struct {
	name   string
	size   int64
	signed string
}

// measureS3 measures objects through servers in front of one S3 server. The CPU time is
// that of the server in front.
func measureS3(ctx context.Context, b *bench) error {
	wrk, err := required(ctx, "wrk", getWrk)
	if err != nil {
		return err
	}
	nginx, rclone := b.optional(ctx, "nginx", getNginx), b.optional(ctx, "rclone", getRclone)
	store, err := b.newStore(ctx)
	if err != nil {
		return err
	}
	defer store.Stop()
	versions(wrk, nginx, rclone, store.version())

	objects := []*stored{{name: "1k.bin", size: 1 << 10}, {name: "100k.bin", size: 100 << 10}, {name: "64m.bin", size: 64 << 20}}
	targets, locations := map[string]string{}, ""
	for _, o := range objects {
		if err := store.put(ctx, "pub/"+o.name, o.size); err != nil {
			return err
		}
		if o.signed, err = store.signed(ctx, "pub/"+o.name); err != nil {
			return err
		}
		targets["/"+o.name] = o.signed
		locations += store.location(o.name, o.signed, "proxy_max_temp_file_size 0;")
	}
	launchers := []launcher{
		b.serve(ctx, "bailiwick", store.env(), store.source("pub"), "--allow", "**"),
		childLauncher(ctx, "bare reverse proxy", "proxy", targets),
	}
	if nginx.path != "" {
		launchers = append(launchers, b.nginx(ctx, nginx, "nginx proxy_pass", store.upstream(), locations))
	}
	if rclone.path != "" {
		launchers = append(launchers, b.rclone(ctx, rclone, store.env(), "b:"+bucket+"/pub"))
	}
	servers, stop, err := startAll(launchers)
	defer stop()
	if err != nil {
		return err
	}
	servers = append(servers, store.asServer())

	large := &table{cases: "object", base: "bailiwick", metrics: []metric{{title: "MiB/s", format: "%.0f"}, {title: "CPU s/GiB", format: "%.2f", less: true}}}
	small := &table{cases: "object", base: "bailiwick", metrics: []metric{{title: "first byte, ms", format: "%.2f", scale: 1e3, less: true}, {title: "requests/s", format: "%.0f"}}}
	many := &table{cases: "object", base: "bailiwick", metrics: []metric{{title: "requests/s", format: "%.0f"}, {title: "CPU µs/request", format: "%.0f", scale: 1e6, less: true}}}
	target := func(p *process, o *stored) string {
		if p.name != "direct" {
			return "/" + o.name
		}
		u, _ := url.Parse(o.signed)
		return u.RequestURI()
	}
	for _, p := range servers {
		for _, o := range objects {
			if err := p.check(target(p, o), o.size); err != nil {
				return err
			}
		}
	}
	if err := b.eachRound(ctx, func(i int) error {
		for _, o := range []*stored{objects[2], objects[0], objects[1]} {
			for _, k := range turns(len(servers), i) {
				p := servers[k]
				if o.size > 1<<20 || o.size == 1<<10 {
					s, err := b.sequence(p, target(p, o))
					if err != nil {
						return err
					}
					if o.size > 1<<20 {
						large.add("64 MiB, 1 client", p.name, s.rate*float64(o.size)/(1<<20), s.cpu/float64(o.size)*(1<<30))
					} else {
						small.add("1 KiB, 1 client", p.name, s.first, s.rate)
					}
				}
				if o.size < 1<<20 {
					l, err := b.wrk(ctx, wrk, p, p.url(target(p, o)), o.size)
					if err != nil {
						return err
					}
					many.add(fmt.Sprintf("%d KiB, %d clients", o.size>>10, wrkConnections), p.name, l.rate, l.cpu)
				}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, t := range []*table{large, small, many} {
		t.print(os.Stdout)
		fmt.Println()
	}
	return nil
}

// A sequence is what one client got in a turn, one response after another.
type sequence struct {
	first float64 // median seconds to the first byte of a body
	rate  float64 // responses per second
	cpu   float64 // seconds of the server per response
}

func (b *bench) sequence(p *process, target string) (sequence, error) {
	c, err := dial(p.addr)
	if err != nil {
		return sequence{}, err
	}
	defer c.close()
	if _, _, err := c.get(p.addr, target); err != nil { // opens the server's connection to the store
		return sequence{}, fmt.Errorf("%s: %w", p.name, err)
	}
	var firsts []float64
	before, begin := cpuTime(p.cmd.Process.Pid), time.Now()
	for time.Since(begin) < b.turn {
		first, _, err := c.get(p.addr, target)
		if err != nil {
			return sequence{}, fmt.Errorf("%s: %w", p.name, err)
		}
		firsts = append(firsts, first.Seconds())
	}
	n := float64(len(firsts))
	return sequence{median(firsts), n / time.Since(begin).Seconds(), (cpuTime(p.cmd.Process.Pid) - before).Seconds() / n}, nil
}

// asServer returns the store itself, which others run in front of. It must not be stopped.
func (s *store) asServer() *process {
	p, _ := os.FindProcess(s.PID()) // never fails on Unix
	return &process{name: "direct", addr: strings.TrimPrefix(s.Endpoint, "http://"), cmd: &exec.Cmd{Process: p}}
}

func (s *store) version() program { return program{path: s.Endpoint, version: s.Version()} }

// upstream and location are nginx's directives to serve an object, by its signed URL, at
// /FILE.
func (s *store) upstream() string {
	return "upstream store { server " + strings.TrimPrefix(s.Endpoint, "http://") + "; keepalive 256; }"
}

func (s *store) location(file, signed, directives string) string {
	u, _ := url.Parse(signed)
	return fmt.Sprintf("location = /%s { proxy_pass http://store%s; proxy_set_header Host %s; proxy_http_version 1.1; "+
		"proxy_set_header Connection \"\"; %s }\n", file, u.RequestURI(), u.Host, directives)
}

// rclone returns the launcher of rclone serve http.
func (b *bench) rclone(ctx context.Context, tool program, env []string, source string) launcher {
	return func() (*process, error) {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(tool.path, "serve", "http", source, "--addr", addr, "--read-only")
		cmd.Env = env
		return start(ctx, "rclone serve http", addr, cmd)
	}
}
