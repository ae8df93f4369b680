package daemon

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
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
	"github.com/bailiwick-fs/bailiwick/server/catalog/open"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// An Explainer explains what a server with a configuration would decide about a request: it
// finds the mount by the path, and asks the handler of the mount. It opens sources and
// catalogs when a request reaches them, and changes nothing. It is not safe for concurrent
// use.
type Explainer struct {
	std        cli.Streams
	env        *cli.Env
	cfg        *config.Config
	router     *routing.Router
	host       string
	principal  auth.Principal
	op         vfs.Op
	releaseOwn func()
	mounts     map[mountFor]*explainedMount // those that were reached
}

// A mountFor is a mount for the requests with a host.
type mountFor struct {
	mount *config.Mount
	host  string
}

// An explainedMount is a mount whose source is open for reading.
type explainedMount struct {
	*mount
	source  *backends.Source
	probe   *probe
	catalog catalog.Catalog // nil until it is asked
}

// NewExplainer returns the explainer of cfg, for the operation op of the user as. The host is
// that of the requests, "" for one that is answered and that no mount names. The caller
// closes it.
func NewExplainer(std cli.Streams, env *cli.Env, cfg *config.Config, op vfs.Op, as, host string) *Explainer {
	who := auth.Principal{Name: as}
	if anyone := (auth.Principal{}); as == anyone.String() {
		who = anyone // no credentials can have that user name
	}
	return &Explainer{
		std: std, env: env, cfg: cfg, router: routing.New(cfg.Mounts), host: host,
		principal: who, op: op,
		releaseOwn: holdOwnFiles(env, cfg),
		mounts:     map[mountFor]*explainedMount{},
	}
}

// Close closes the sources and catalogs.
func (e *Explainer) Close() {
	defer e.releaseOwn()
	for _, m := range e.mounts {
		if m.catalog != nil {
			m.catalog.Close()
		}
		m.source.Close()
	}
}

// Explain returns the verdict on a path of the server, written without its first slash. It is
// escaped as in a URL unless decoded is set.
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
		v.AddDetail("the server answers no such host; add it to hosts")
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
	v, err := e.evaluateIn(auth.WithPrincipal(ctx, e.principal), m, inner)
	if v.Name == "." {
		v.Name = ""
	}
	if m.cfg.Path != "/" {
		v.Name = strings.TrimPrefix(string(m.cfg.Path), "/") + "/" + v.Name
	}
	return v, err
}

// evaluateUpload is evaluateIn for uploads, whose body would have to follow before the handler
// decides. rest is the path in the mount.
func (e *Explainer) evaluateUpload(ctx context.Context, m *explainedMount, u *url.URL, rest string) explain.Verdict {
	if m.cfg.Uploads == nil || rest != "" {
		return e.refused(m, rest, &audit.Attempt{Reason: audit.ReasonMethod})
	}
	rec := catalog.Record{Owner: e.principal.Name}
	if m.authorizeUpload().Authorize(ctx, e.op, rec) != nil {
		return e.denied(m, "")
	}
	if u.Path == "" { // the handler redirects to the path with a slash
		return e.refused(m, rest, &audit.Attempt{Reason: reason.Directory})
	}
	return e.allowed(m, catalog.ObjectName(uuid.Nil), &rec.Owner, explain.NewVerdict("", vfs.Verdict{Allowed: true}))
}

// evaluateIn returns the verdict of a mount's handler on a URL as the handler gets it.
func (e *Explainer) evaluateIn(ctx context.Context, m *explainedMount, u *url.URL) (explain.Verdict, error) {
	rest := u.RawPath
	if rest == "" {
		rest = u.Path
	}
	rest = strings.TrimPrefix(rest, "/")
	switch {
	case e.op == vfs.OpUpload:
		return e.evaluateUpload(ctx, m, u, rest), nil
	case e.op == vfs.OpRead && rest == "":
		return e.refused(m, rest, &audit.Attempt{Reason: reason.Directory}), nil
	case e.op == vfs.OpRead && strings.HasSuffix(rest, "/"):
		// The handler would take it for a listing.
		return explain.Evaluate(ctx, m.jail, m.source, e.op, rest, u.RawPath == ""), nil
	case e.op == vfs.OpList && !strings.HasSuffix(u.Path, "/"):
		dir := *u
		dir.Path += "/"
		if dir.RawPath != "" {
			dir.RawPath += "/"
		}
		u = &dir
	}
	a, err := m.probe.decide(ctx, e.op, u)
	switch {
	case err != nil:
		return explain.Verdict{}, err
	case a.Reason == reason.AuthDenied || a.Reason == audit.ReasonRequired:
		return e.denied(m, a.Name.String()), nil
	case a.Verdict == audit.Refused:
		return e.refused(m, rest, a), nil
	case a.Status == http.StatusPermanentRedirect:
		return e.refused(m, rest, &audit.Attempt{Name: a.Name, Reason: reason.Directory}), nil
	case e.op == vfs.OpList && m.cfg.Uploads != nil:
		v := explain.NewVerdict("", vfs.Verdict{Op: e.op, Allowed: true})
		v.AddDetail("the page that takes uploads, and lists the user's own")
		return v, nil
	}
	v := explain.NewVerdict(a.Name.String(), m.jail.Explain(ctx, e.op, a.Name))
	// If a rule for owners allowed it, the user is the owner.
	owner := &e.principal.Name
	if a.Reason == reason.Missing {
		owner = nil
	}
	switch {
	case a.Reason == reason.Missing && e.op == vfs.OpList:
		v.Detail = "there is no such directory now"
	case a.Reason == reason.Missing:
		v.Detail = "there is no such object now"
	case a.Verdict == audit.Failed:
		v.Detail = "the rules allow it, but the request to the source failed"
	default:
		e.addSource(ctx, m, a.Name, &v)
	}
	return e.allowed(m, a.Name, owner, v), nil
}

// Head describes the object at a path of the server, a plain name without its first slash. The
// mount's rules for names apply, and its access rules do not. The detail says which of several
// sources has the object.
func (e *Explainer) Head(ctx context.Context, path string) (info vfs.Info, detail string, err error) {
	if _, err := vfs.ParseName(path); err != nil {
		return vfs.Info{}, "", err
	}
	at, inner := e.router.Find(e.host, &url.URL{Path: "/" + path})
	if at == nil {
		return vfs.Info{}, "", &vfs.Error{Op: "stat", Name: path, Reason: reason.PolicyNoAllow, Err: fs.ErrNotExist}
	}
	m, err := e.mount(ctx, at.Mount)
	if err != nil {
		return vfs.Info{}, "", err
	}
	n, err := vfs.ParseName(strings.TrimPrefix(inner.Path, "/"))
	if err != nil {
		return vfs.Info{}, "", err
	}
	var answer driver.Answer
	info, err = m.names.Head(driver.WithAnswer(ctx, &answer), n, vfs.Request{})
	return info, m.sourceOf(answer.Layer), err
}

// mount opens a mount's source, once.
func (e *Explainer) mount(ctx context.Context, cfg *config.Mount) (*explainedMount, error) {
	if m := e.mounts[mountFor{cfg, e.host}]; m != nil {
		return m, nil
	}
	m, policy, err := compileMount(e.cfg, cfg, e.host)
	if err != nil {
		return nil, e.std.ConfigError(err)
	}
	src, err := openSources(ctx, cfg)
	if err != nil {
		return nil, cli.SourceError(err)
	}
	if m.jail, err = vfs.New(unwritable{src}, policy); err != nil {
		src.Close()
		return nil, cli.Usagef("%s", cli.OneLine(err))
	}
	if m.names, err = withoutAccess(src, policy); err != nil {
		src.Close()
		return nil, err
	}
	em := &explainedMount{mount: m, source: src}
	em.probe = newProbe(e.cfg, m, func(ctx context.Context, id uuid.UUID) (catalog.Record, error) {
		return e.record(ctx, em, id)
	})
	e.mounts[mountFor{cfg, e.host}] = em
	return em, nil
}

// record returns a record of the catalog of a mount.
func (e *Explainer) record(ctx context.Context, m *explainedMount, id uuid.UUID) (catalog.Record, error) {
	cat, err := e.catalog(ctx, m)
	switch {
	case err != nil:
		return catalog.Record{}, err
	case cat == nil:
		return catalog.Record{}, catalog.ErrNotFound
	}
	rec, err := cat.Get(ctx, id)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		err = catalogs.Error(e.env, err)
	}
	return rec, err
}

// catalog opens the catalog of a mount, once. It returns nil if there is none yet: explaining
// creates nothing.
func (e *Explainer) catalog(ctx context.Context, m *explainedMount) (catalog.Catalog, error) {
	if m.catalog != nil {
		return m.catalog, nil
	}
	address, err := e.cfg.Catalog(m.cfg)
	if err != nil {
		return nil, e.std.ConfigError(err)
	}
	cat, err := open.NoUpgrade(ctx, address.DSN(), catalog.Source(m.source.Label))
	switch {
	case errors.Is(err, catalog.ErrNone):
		return nil, nil
	case err != nil:
		return nil, catalogs.Error(e.env, err)
	}
	m.catalog = cat
	return cat, nil
}
