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

// A Request is a request as recorded in the server's access log.
type Request struct {
	Op     string // "GetObject", "HeadObject", "ListObjectsV2", ...
	Bucket string
	Key    string // decoded, as the client sent it; "" for a request about a bucket
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

// A log is the server's access log from a mark on.
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

// line matches the beginning of a line: owner, bucket, time, address, user, request id,
// operation. The key, the target, the status and fields that are not used here follow.
// The key is not escaped and may contain spaces, so it is taken from the target, which
// is escaped.
var line = regexp.MustCompile(`^\S+ \S+ \[[^\]]*\] \S+ \S+ \S+ s3_(\S+) `)

// parseLog parses complete lines: the server writes each in one operation.
func parseLog(text string) ([]Request, error) {
	var list []Request
	for text != "" {
		l, rest, whole := strings.Cut(text, "\n")
		if !whole {
			return nil, errors.New("the access log ends with an incomplete line")
		}
		text = rest
		if strings.HasPrefix(l, "log starts ") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			return nil, fmt.Errorf("a line of the access log is not a request: %q", l)
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

// target matches the target and the status, which follow the key.
var target = regexp.MustCompile(`^ (/\S*) \d{3} `)

// findTarget finds, after a key with arbitrary text, the target with the same key.
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
