package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A brokenOpen backend fails each Open with err.
type brokenOpen struct {
	vfs.Backend
	err error
}

func (b brokenOpen) Open(context.Context, vfs.Name, vfs.Request) (*vfs.Object, error) {
	return nil, b.err
}

// The log states each cause of a failure once.
func TestLogSaysThingsOnce(t *testing.T) {
	wrap := func(err error) error { return &vfs.Error{Op: "open", Name: "a", Err: err} }
	unavailable := fmt.Errorf("%w: S3 answered 503 SlowDown", vfs.ErrUnavailable)
	for _, c := range []struct {
		err  error
		want string
	}{
		{wrap(unavailable), `get \"a\": temporarily unavailable: S3 answered 503 SlowDown`},
		{wrap(wrap(unavailable)), `get \"a\": temporarily unavailable: S3 answered 503 SlowDown`},
		{wrap(vfs.ErrUnavailable), `get \"a\": temporarily unavailable`},
		{wrap(errors.Join(vfs.ErrUnavailable, errors.New("no route"))), `get \"a\": temporarily unavailable: no route`},
		{wrap(&fs.PathError{Op: "read", Path: "/srv/a", Err: errors.New("EIO")}), `get \"a\": input/output error: read /srv/a: EIO`},
		{wrap(errors.New("temporarily unavailable though")), `get \"a\": input/output error: temporarily unavailable though`},
	} {
		var log bytes.Buffer
		h := server.New(jailOver(t, brokenOpen{jailFS(map[string]string{"a": "a"}), c.err}, allow("**")), server.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if got := answerTo(h, "GET", "/a"); got.Status != 503 && got.Status != 500 {
			t.Errorf("%v: %d", c.err, got.Status)
		}
		_, line, _ := strings.Cut(log.String(), `error="`)
		if got := strings.TrimSuffix(line, "\"\n"); got != c.want {
			t.Errorf("%v is logged as\n%s, want\n%s", c.err, got, c.want)
		}
	}
}
