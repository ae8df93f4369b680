package s3gateway

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
)

// A Request is what the server's access log says of one request.
type Request struct {
	Op     string // "GetObject", "HeadObject", "ListObjectsV2", ...
	Bucket string
	Key    string // decoded, as the client sent it; "" where a bucket was asked
	Query  string // as sent
}

func (r Request) String() string {
	s := r.Op + " " + r.Bucket
	if r.Key != "" {
		s += "/" + r.Key
	}
	if r.Query != "" {
		s += "?" + r.Query
	}
	return s
}

// A log is the server's access log, read from a mark on.
type log struct {
	file string

	mu   sync.Mutex
	mark int64
}

func (l *log) reset() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	st, err := os.Stat(l.file)
	if err == nil {
		l.mark = st.Size()
	}
	return err
}

func (l *log) read() ([]Request, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(l.mark, io.SeekStart); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return parseLog(string(data))
}

// line is a request's line: owner, bucket, time, address, user, request id,
// operation, key, target, status, and what nobody reads here. The key stands
// there as it is, with whatever spaces it has; the target is escaped, so it is
// taken from that.
var line = regexp.MustCompile(`^\S+ \S+ \[[^\]]*\] \S+ \S+ \S+ s3_(\S+) `)

// parseLog reads whole lines: the server writes each at once.
func parseLog(text string) ([]Request, error) {
	var list []Request
	for text != "" {
		l, rest, whole := strings.Cut(text, "\n")
		if !whole {
			return nil, errors.New("the access log ends within a line")
		}
		text = rest
		if strings.HasPrefix(l, "log starts ") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			return nil, fmt.Errorf("a line of the access log is no request: %q", l)
		}
		r, ok := findTarget(l[len(m[0]):])
		if !ok {
			return nil, fmt.Errorf("a line of the access log has no target: %q", l)
		}
		r.Op = m[1]
		list = append(list, r)
	}
	return list, nil
}

// target is the target and the status, which follow the key.
var target = regexp.MustCompile(`^ (/\S*) \d{3} `)

// findTarget finds, behind a key that may hold anything, the target that says
// the same key.
func findTarget(s string) (Request, bool) {
	for i := range s {
		key := s[:i]
		m := target.FindStringSubmatch(s[i:])
		if m == nil {
			continue
		}
		path, query, _ := strings.Cut(m[1], "?")
		decoded, err := url.PathUnescape(path)
		if err != nil {
			continue
		}
		bucket, found, _ := strings.Cut(decoded[1:], "/")
		if found == key || found == "" && key == "-" {
			return Request{Bucket: bucket, Key: found, Query: query}, true
		}
	}
	return Request{}, false
}
