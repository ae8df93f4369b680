package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A probe asks the handler of a mount what it decides about a request. It sends the request
// to the handler itself and reads the record of it, so there is no second copy of the
// decision that could differ. A probe changes nothing: the source and the catalog refuse
// writes, and each write has a precondition that never holds. It is not safe for concurrent
// use.
type probe struct {
	challenging http.Handler // sends 401, as a server with users does
	plain       http.Handler // never does, and so records the reason behind a 401
	records     *catalogReader
	last        *audit.Attempt
}

// newProbe returns the probe of a mount. Its jail is over src, wrapped by unwritable. read
// reads a record of the catalog of an upload mount.
func newProbe(cfg *config.Config, m *mount, read readRecord) *probe {
	p := &probe{records: &catalogReader{read: read}}
	handler := func(a server.Auth) http.Handler {
		logger := slog.New(slog.DiscardHandler)
		if m.cfg.Uploads != nil {
			c := m.uploadConfig(cfg)
			c.Auth, c.Recorder, c.Logger = a, p, logger
			return server.NewUploads(m.jail, p.records, c)
		}
		c := m.serverConfig(cfg)
		c.Auth, c.Recorder, c.Logger = a, p, logger
		// An index file and a fallback are other objects, with verdicts of their own.
		c.NoIndex, c.Fallback, c.FallbackFor = true, vfs.Name{}, nil
		return server.New(m.jail, c)
	}
	p.challenging = handler(server.Auth{Authenticator: challengerOf(cfg)})
	p.plain = handler(server.Auth{})
	return p
}

// Record implements audit.Recorder.
func (p *probe) Record(a *audit.Attempt) {
	attempt := *a
	p.last = &attempt
}

// decide returns the record of a request for op on u, a URL as the mount's handler gets it, by
// the principal in ctx. If credentials are required for a name that is refused anyway, it
// returns the reason of that. An error is one of opening or reading the catalog.
func (p *probe) decide(ctx context.Context, op vfs.Op, u *url.URL) (*audit.Attempt, error) {
	required := p.send(ctx, p.challenging, op, u)
	if required.Reason != audit.ReasonRequired {
		return required, p.records.err
	}
	if a := p.send(ctx, p.plain, op, u); a.Verdict == audit.Refused {
		return a, p.records.err
	}
	return required, p.records.err
}

func (p *probe) send(ctx context.Context, h http.Handler, op vfs.Op, u *url.URL) *audit.Attempt {
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, "/", http.NoBody)
	if err != nil {
		panic(err) // both are constant
	}
	r.URL, r.RequestURI = u, u.RequestURI()
	switch op {
	case vfs.OpWrite:
		r.Method = http.MethodPut
	case vfs.OpDelete:
		r.Method = http.MethodDelete
	}
	if r.Method != http.MethodHead {
		r.Header.Set("If-Match", `"none"`)
	}
	p.last, p.records.err = nil, nil
	h.ServeHTTP(discardResponse{}, r)
	return p.last
}

// A discardResponse is the response to a probe, which nobody reads.
type discardResponse http.Header

func (d discardResponse) Header() http.Header         { return http.Header(d) }
func (d discardResponse) Write(b []byte) (int, error) { return len(b), nil }
func (d discardResponse) WriteHeader(int)             {}

// A challenger knows no credentials. It asks for them with these challenges.
type challenger []string

// challengerOf returns a challenger that asks for credentials if the server does: no challenge
// asks for a certificate.
func challengerOf(cfg *config.Config) challenger {
	if u := &cfg.Users; u.Htpasswd != "" || u.Tokens != "" || u.OIDC != nil {
		return challenger{"Bearer"}
	}
	return nil
}

func (challenger) Authenticate(*http.Request) (auth.Principal, bool, error) {
	return auth.Principal{}, false, nil
}
func (c challenger) Challenges() []string { return c }

// unwritable is a source that a probe may ask, but not change. It promises writes, or the
// handler would not start, and answers each by the object that exists.
type unwritable struct{ vfs.Backend }

func (b unwritable) Caps() vfs.Caps {
	caps := b.Backend.Caps()
	caps.Writable = true
	return caps
}

func (b unwritable) Put(ctx context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	return vfs.Info{}, b.refuse(ctx, "put", n)
}

func (b unwritable) Remove(ctx context.Context, n vfs.Name, _ vfs.Cond) error {
	return b.refuse(ctx, "remove", n)
}

// refuse returns the error for a write to n. Write access does not imply read access, so a
// permission that is missing for reading is none.
func (b unwritable) refuse(ctx context.Context, op string, n vfs.Name) error {
	if _, err := b.Stat(ctx, n, vfs.Request{}); err != nil && vfs.ReasonOf(err) != reason.Permission {
		return err
	}
	return &vfs.Error{Op: op, Name: n.String(), Err: vfs.ErrPrecondition}
}

// A readRecord reads a record of a catalog. The error is catalog.ErrNotFound if there is no
// such record, or no catalog yet; any other means that there can be no verdict.
type readRecord func(context.Context, uuid.UUID) (catalog.Record, error)

// A catalogReader is a catalog whose records a probe may read.
type catalogReader struct {
	catalog.Catalog // nil
	read            readRecord
	err             error // of opening or reading
}

var errProbe = errors.New("a probe changes nothing")

func (c *catalogReader) Get(ctx context.Context, id uuid.UUID) (catalog.Record, error) {
	rec, err := c.read(ctx, id)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		c.err = err
	}
	return rec, err
}

// Owned finds nothing: whether a page is shown does not depend on what is on it.
func (c *catalogReader) Owned(context.Context, string, catalog.Record, int) ([]catalog.Record, error) {
	return nil, c.err
}

func (c *catalogReader) Begin(context.Context, catalog.Record) error { return errProbe }
func (c *catalogReader) Delete(context.Context, uuid.UUID) error     { return errProbe }
