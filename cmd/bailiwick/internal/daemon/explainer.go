package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/explain"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Explainer judges whole paths by the mounts of a configuration.
type Explainer struct {
	std        cli.Streams
	env        *cli.Env
	cfg        *config.Config
	router     *routing.Router
	host       string
	principal  auth.Principal
	op         vfs.Op
	releaseOwn func()
	mounts     map[*config.Mount]*explainedMount // those that a name was in
}

// An explainedMount is a mount whose source is open, to read.
type explainedMount struct {
	*mount
	source  *backends.Source
	catalog catalog.Catalog // nil until it is asked
}

// NewExplainer returns the explainer of cfg, for the operation op of the user as. The host is
// that of the requests, "" for one that is answered and that no mount names. The caller
// closes it.
func NewExplainer(std cli.Streams, env *cli.Env, cfg *config.Config, op vfs.Op, as, host string) *Explainer {
	who := auth.Principal{Name: as}
	if anyone := (auth.Principal{}); as == anyone.String() {
		who = anyone // no credentials are good for a user of that name
	}
	return &Explainer{
		std: std, env: env, cfg: cfg, router: routing.New(cfg.Mounts), host: host,
		principal: who, op: op,
		releaseOwn: holdOwnFiles(env, cfg),
		mounts:     map[*config.Mount]*explainedMount{},
	}
}

func (e *Explainer) Close() {
	defer e.releaseOwn()
	for _, m := range e.mounts {
		if m.catalog != nil {
			m.catalog.Close()
		}
		m.source.Close()
	}
}

// Explain judges what a user wrote as a path of the server, without its first slash.
func (e *Explainer) Explain(ctx context.Context, written string, decoded bool) (explain.Verdict, error) {
	path, query := written, false
	if !decoded {
		path, _, query = strings.Cut(written, "?")
	}
	v, err := e.evaluate(ctx, path, decoded)
	if query {
		v.AddDetail(explain.QueryIsNoName)
	}
	return v, err
}

func (e *Explainer) evaluate(ctx context.Context, path string, decoded bool) (explain.Verdict, error) {
	u := &url.URL{Path: "/" + path}
	if !decoded {
		var err error
		if u, err = url.ParseRequestURI("/" + path); err != nil {
			_, err = vfs.ParseEscapedPath(path)
			return explain.NewVerdict(path, vfs.Verdict{Op: e.op, Reason: vfs.ReasonOf(err)}), nil
		}
	}
	if e.host != "" && !routing.HostsOf(e.cfg).AnswersAt(e.host, e.cfg.Listen) {
		v := explain.NewVerdict(path, vfs.Verdict{Op: e.op, Reason: audit.ReasonHost})
		v.AddDetail("no such host is answered at the addresses that are listened on; hosts names further ones")
		return v, nil
	}
	at, inner := e.router.Find(e.host, u)
	if at == nil {
		return e.unmounted(ctx, path, decoded)
	}
	m, err := e.mount(ctx, at.Mount)
	if err != nil {
		return explain.Verdict{}, err
	}
	// Where the escaped path is empty, the other has but one spelling.
	rest, plain := inner.RawPath, false
	if rest == "" {
		rest, plain = inner.Path, true
	}
	rest = strings.TrimPrefix(rest, "/")
	v, err := e.evaluateIn(auth.WithPrincipal(ctx, e.principal), m, rest, plain)
	if v.Name == "." {
		v.Name = ""
	}
	if m.cfg.Path != "/" {
		v.Name = strings.TrimPrefix(string(m.cfg.Path), "/") + "/" + v.Name
	}
	return v, err
}

// evaluateIn judges the rest of a path by its mount, as its handler does.
func (e *Explainer) evaluateIn(ctx context.Context, m *explainedMount, rest string, plain bool) (explain.Verdict, error) {
	refused := func(why vfs.Reason, detail string) (explain.Verdict, error) {
		v := explain.NewVerdict(rest, vfs.Verdict{Op: e.op, Reason: why})
		v.AddDetail(detail)
		return v, nil
	}
	uploads := m.cfg.Uploads != nil
	switch e.op {
	case vfs.OpUpload:
		if !uploads || rest != "" {
			return refused(audit.ReasonMethod, "files are uploaded to the path of a mount that has uploads, with a slash at its end, and nowhere else")
		}
		return e.allowedTo(m, catalog.ObjectName(uuid.Nil), explain.NewVerdict("", vfs.Verdict{Allowed: true}), m.authorizeUpload().Authorize(ctx, e.op, catalog.Record{Owner: e.principal.Name}) == nil), nil
	case vfs.OpWrite:
		if !m.cfg.Write {
			return refused(audit.ReasonMethod, "nothing is put here: the mount has no write: true")
		}
	case vfs.OpDelete:
		if !m.cfg.Write && !uploads {
			return refused(audit.ReasonMethod, "nothing is deleted here: the mount has no write: true")
		}
	case vfs.OpList:
		if !m.cfg.List {
			return refused(reason.Directory, "they are not listed: the mount has no list: true")
		}
	case vfs.OpRead:
		if rest == "" {
			return refused(reason.Directory, "for a directory, ask with --op list")
		}
	}
	v := explain.Evaluate(ctx, m.jail, m.source, e.op, rest, plain)
	n, err := cli.ParseWritten(e.op, rest, plain)
	switch {
	case err != nil:
		return v, nil
	case v.Reason == reason.AuthDenied:
		return e.allowedTo(m, n, v, false), nil
	case v.Reason != "":
		return v, nil
	case uploads:
		return e.object(ctx, m, n, v)
	}
	return e.allowedTo(m, n, v, true), nil
}

// object judges an upload by its record, if there is one.
func (e *Explainer) object(ctx context.Context, m *explainedMount, n vfs.Name, v explain.Verdict) (explain.Verdict, error) {
	id, ok := catalog.ObjectID(n.String())
	if !ok {
		return v, nil
	}
	cat, err := e.catalog(ctx, m)
	if err != nil {
		return v, err
	}
	rec, err := catalog.Record{}, catalog.ErrNotFound
	if cat != nil {
		rec, err = cat.Get(ctx, id)
	}
	switch {
	case errors.Is(err, catalog.ErrNotFound) && e.challenged(m):
		return e.allowedTo(m, n, v, false), nil
	case errors.Is(err, catalog.ErrNotFound):
		v.Detail = "there is no such object now"
		return v, nil
	case err != nil:
		return v, catalogs.Error(e.env, err)
	}
	return e.allowedTo(m, n, v, m.authorizeUpload().Authorize(ctx, e.op, rec) == nil), nil
}

// allowedTo adds to a verdict what the access rules say, which is ok.
func (e *Explainer) allowedTo(m *explainedMount, n vfs.Name, v explain.Verdict, ok bool) explain.Verdict {
	if !ok {
		v = explain.NewVerdict(v.Name, vfs.Verdict{Op: e.op, Reason: reason.AuthDenied})
		v.Detail = fmt.Sprintf("no access rule lets %s %s it", cli.Printable(e.principal.String()), e.op)
		if e.challenged(m) {
			v.AddDetail("it asks for credentials (401), and --as USER judges for one who has them")
		}
		return v
	}
	if m.access != nil {
		// An object that is allowed by a rule for owners is the user's.
		rule, _ := m.access.Decide(e.principal, e.op, n, &e.principal.Name)
		v.AddDetail("access rule: " + rule)
	}
	// What the mount itself says explains this in no other case.
	if w := m.cfg.Writer(); w != nil && !m.cfg.Write && e.op == vfs.OpRead {
		v.AddDetail(fmt.Sprintf("content: %s, and clients can write to it by %s", m.cfg.Content, cli.Printable(w.URL())))
	}
	return v
}

// challenged reports whether a request without credentials is asked for them, whatever its
// name.
func (e *Explainer) challenged(m *explainedMount) bool {
	return e.principal.Anyone() && m.access != nil && !m.access.Open(e.op)
}

// unmounted judges a path that no mount is at.
func (e *Explainer) unmounted(ctx context.Context, path string, decoded bool) (explain.Verdict, error) {
	none, err := emptyJail()
	if err != nil {
		return explain.Verdict{}, err
	}
	v := explain.Evaluate(ctx, none, nil, vfs.OpRead, path, decoded)
	if v.Reason == reason.PolicyNoAllow || path == "" {
		v.Reason, v.Detail = reason.PolicyNoAllow, "no mount is at this path"
		if e.host == "" {
			for i := range e.cfg.Mounts {
				if e.cfg.Mounts[i].Host != "" {
					v.AddDetail("mounts of a host are judged with --host")
					break
				}
			}
		}
	}
	return v, nil
}

// mount opens a mount's source, once.
func (e *Explainer) mount(ctx context.Context, cfg *config.Mount) (*explainedMount, error) {
	if m := e.mounts[cfg]; m != nil {
		return m, nil
	}
	m, policy, err := compileMount(e.cfg, cfg)
	if err != nil {
		return nil, e.std.ConfigError(err)
	}
	src, err := backends.Open(ctx, string(cfg.Source), sourceOptions(cfg))
	if err != nil {
		return nil, cli.SourceError(err)
	}
	if m.jail, err = vfs.New(src, policy); err != nil {
		src.Close()
		return nil, cli.Usagef("%s", cli.OneLine(err))
	}
	e.mounts[cfg] = &explainedMount{mount: m, source: src}
	return e.mounts[cfg], nil
}

// catalog opens a mount's catalog, nil if there is none yet: to explain makes nothing.
func (e *Explainer) catalog(ctx context.Context, m *explainedMount) (catalog.Catalog, error) {
	if m.catalog != nil {
		return m.catalog, nil
	}
	address, err := e.cfg.Catalog(m.cfg)
	if err != nil {
		return nil, e.std.ConfigError(err)
	}
	if file, ok := strings.CutPrefix(address.DSN(), "sqlite:"); ok {
		if _, err := os.Stat(file); err != nil {
			return nil, nil
		}
	}
	cat, err := catalogs.Open(ctx, e.env, address.DSN(), m.source.Label)
	if err != nil {
		return nil, err
	}
	m.catalog = cat
	return cat, nil
}
