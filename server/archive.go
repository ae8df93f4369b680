package server

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Archives bound the archives of directories, with [Config].List: GET /dir/?zip. The zero
// Archives has the default bounds.
type Archives struct {
	// Entries bounds the objects in an archive; 0 is 10,000. A larger one gets 413.
	Entries int

	// Slots bound the archives that are sent at the same time, by all handlers that share
	// them. A request beyond that gets 503 with Retry-After. nil is 4 slots for this handler.
	Slots *Slots
}

const (
	defaultArchiveEntries = 10_000
	defaultArchives       = 4
)

func (a Archives) withDefaults() Archives {
	if a.Entries == 0 {
		a.Entries = defaultArchiveEntries
	}
	if a.Slots == nil {
		a.Slots = NewSlots(defaultArchives)
	}
	return a
}

// wantsArchive reports whether a request for a directory asks for an archive of it.
func wantsArchive(r *http.Request) bool {
	return strings.Contains(r.URL.RawQuery, "zip") && r.URL.Query().Has("zip")
}

// archiveLook bounds the time for which the names of an archive are collected, as for a search:
// what is hidden does not count as an entry, but takes time and, on S3, requests.
const archiveLook = 5 * time.Second

// archivesPerClient is how many archives one client can have at a time, so that a slow one does
// not keep them from all others.
const archivesPerClient = 2

// The rates, in bytes per second, at which a client must read an archive. It must keep
// archiveRate, over all of the archive, only while no other client can have one: otherwise a
// few that read next to nothing would keep all archives for weeks. archivePace holds without
// Config.MinRate, too, since a client that reads nothing at all must be noticed.
const (
	archiveRate = 128 << 10
	archivePace = 1 << 10
)

// archiveStart is how long a client may take before its rate counts.
const archiveStart = time.Minute

// archive answers with a zip archive of what the caller could list and open below dir, or of
// the entries of dir that the query names. All names are collected first, so that an error can
// still be answered; what fails or changes after that breaks the connection, so an archive is
// whole or visibly broken.
func (h *handler) archive(x *exchange, dir vfs.Name) {
	if x.link.ID != "" {
		// A link is for one object.
		x.fail(refusal(dir.String(), audit.ReasonLink), nil)
		return
	}
	give := h.archives.Slots.takeFor(x.client(), archivesPerClient)
	if give == nil {
		x.fail(errArchiveBusy, nil)
		return
	}
	defer give()
	objects, err := h.archived(x, dir)
	if err == nil && !extractable(objects) {
		err = errArchiveNames
	}
	if err != nil {
		x.fail(err, nil)
		return
	}
	if err := x.useShare(); err != nil {
		x.fail(err, nil)
		return
	}
	x.attempt.Rule = x.jail.Explain(x.ctx, vfs.OpList, dir).Rule
	header := x.Header()
	header["Content-Type"] = zipType
	header["Content-Disposition"] = []string{httpheader.FormatDisposition("attachment", h.archiveName(x.shown(dir))+".zip")}
	header["Content-Length"] = []string{strconv.FormatInt(zipSize(objects), 10)}
	header["Cache-Control"] = noStore
	header["Cross-Origin-Resource-Policy"] = sameOrigin
	header["X-Content-Type-Options"] = noSniff
	x.WriteHeader(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return
	}
	x.attempt.Archive = true
	x.pace = max(x.pace, archivePace)
	sent := &archiveWriter{pacedWriter: pacedWriter{x}, slots: h.archives.Slots}
	if err := x.sendArchive(sent, dir, objects); err != nil {
		x.abort(err)
	}
}

var zipType = []string{"application/zip"}

// archiveName returns the name of a directory, for the file of its archive.
func (h *handler) archiveName(dir vfs.Name) string {
	switch {
	case !dir.IsRoot():
		return dir.Base()
	case !h.cfg.Mounted.IsZero() && !h.cfg.Mounted.IsRoot():
		return h.cfg.Mounted.Base()
	}
	return "files"
}

// extractable reports whether no object has the name of a directory with others, as stores
// without directories allow: no program could extract both.
func extractable(objects []vfs.Entry) bool {
	all := make(map[string]bool, len(objects))
	for i := range objects {
		all[objects[i].Elem] = true
	}
	for i := range objects {
		path := objects[i].Elem
		for at, c := range path {
			if c == '/' && all[path[:at]] {
				return false
			}
		}
	}
	return true
}

// archived returns the objects of an archive in byte order, with paths relative to dir.
func (h *handler) archived(x *exchange, dir vfs.Name) (objects []vfs.Entry, err error) {
	ctx, cancel := context.WithTimeoutCause(x.ctx, archiveLook, errLookEnded)
	defer cancel()
	defer func() {
		if err != nil && context.Cause(ctx) == errLookEnded {
			err = errArchiveLarge
		}
	}()
	q, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		// A name that is dropped would be missing, or all of them would be wanted.
		return nil, refusal(dir.String(), reason.Missing)
	}
	names := q["name"]
	if names == nil {
		return h.collect(nil, "", x.jail.Below(ctx, dir))
	}
	// Entries are what a listing shows.
	if err := refusedBy(x.jail.Explain(x.ctx, vfs.OpList, dir)); err != nil {
		return nil, err
	}
	if len(names) > h.archives.Entries {
		return nil, errArchiveLarge
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		elem, isDir := strings.CutSuffix(name, "/")
		n, err := dir.Child(elem)
		if err != nil {
			return nil, err
		}
		if !isDir {
			info, err := x.jail.Head(ctx, n, vfs.Request{})
			if err == nil {
				objects = append(objects, vfs.Entry{Elem: elem, Size: info.Size, ModTime: info.ModTime})
				continue
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		if objects, err = h.collect(objects, elem+"/", x.jail.Below(ctx, n)); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(objects, func(a, b vfs.Entry) int { return strings.Compare(a.Elem, b.Elem) })
	objects = slices.CompactFunc(objects, func(a, b vfs.Entry) bool { return a.Elem == b.Elem })
	if len(objects) > h.archives.Entries {
		return nil, errArchiveLarge
	}
	return objects, nil
}

var errLookEnded = errors.New("server: collecting the names of an archive took too long")

// collect adds the objects of a directory, whose path is prefix.
func (h *handler) collect(objects []vfs.Entry, prefix string, below iter.Seq2[vfs.Entry, error]) ([]vfs.Entry, error) {
	for e, err := range below {
		if err != nil {
			return nil, err
		}
		if len(objects) == h.archives.Entries {
			return nil, errArchiveLarge
		}
		e.Elem = prefix + e.Elem
		objects = append(objects, e)
	}
	return objects, nil
}

// An archiveWriter sends an archive, as long as its client keeps the rate.
type archiveWriter struct {
	pacedWriter
	slots *Slots
	took  time.Duration // in which the client had something to read
	bytes int64
}

func (w *archiveWriter) Write(p []byte) (int, error) {
	began := time.Now()
	n, err := w.pacedWriter.Write(p)
	w.took += time.Since(began)
	w.bytes += int64(n)
	if err == nil && w.took > archiveStart && float64(w.bytes) < archiveRate*w.took.Seconds() && w.slots.full() {
		err = &writeError{errArchiveSlow}
	}
	return n, err
}

var errArchiveSlow = errors.New("server: others wait for an archive, and the client reads this one slowly")

// sendArchive sends the objects to w as an archive. It needs the same memory whatever their
// sizes.
func (x *exchange) sendArchive(w io.Writer, dir vfs.Name, objects []vfs.Entry) error {
	chunk := largeChunks.Get().(*[largeChunkBytes]byte)
	defer largeChunks.Put(chunk)
	out := bufio.NewWriterSize(w, largeChunkBytes)
	z := zip.NewWriter(out)
	for i := range objects {
		if err := x.addToArchive(z, dir, objects, i, chunk[:]); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// addToArchive sends the i-th of the objects, and records that as a GET of it.
func (x *exchange) addToArchive(z *zip.Writer, dir vfs.Name, objects []vfs.Entry, i int, chunk []byte) (err error) {
	e := &objects[i]
	below, err := vfs.ParseName(e.Elem)
	if err != nil {
		return err
	}
	n, err := dir.Join(below)
	if err != nil {
		return err
	}
	part := audit.Attempt{Method: http.MethodGet, Name: n, Verdict: audit.Allowed, Status: http.StatusOK}
	defer func() {
		if err != nil {
			part.Reason, part.Aborted = failureReason(err), true
		}
		x.recordPart(&part)
	}()
	obj, err := x.openListed(x.answered(), n, e)
	if err != nil {
		return err
	}
	defer obj.Body.Close()
	part.Rule = obj.Info.Rule
	suffix := codingSuffix(e.Elem, obj.Info.Encoding)
	if suffix != "" && isTakenIn(objects, e.Elem+suffix) {
		return fmt.Errorf("%q is stored with a content coding, and there is an object with the name of what is coded, %q", e.Elem, e.Elem+suffix)
	}
	w, err := z.CreateHeader(zipHeader(e, suffix))
	if err != nil {
		return err
	}
	held := &heldBody{body: obj.Body, left: obj.Span.Length}
	for held.left > 0 {
		m, err := held.next(chunk)
		if m > 0 {
			if _, err := w.Write(chunk[:m]); err != nil {
				return err
			}
			part.Bytes += int64(m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// openListed opens the object in the version that was listed. Listings are the store's, but a
// cache may have an older version, so it is told to ask.
func (x *exchange) openListed(ctx context.Context, n vfs.Name, e *vfs.Entry) (*vfs.Object, error) {
	for _, ctx := range [...]context.Context{ctx, driver.WithRevalidation(ctx)} {
		obj, err := x.jail.Get(ctx, n, vfs.Request{})
		switch {
		case err == nil && obj.Info.Size == e.Size && sameTime(obj.Info.ModTime, e.ModTime):
			return obj, nil
		case err == nil:
			obj.Body.Close()
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return nil, vfs.ErrChanged
}

// codingSuffix returns what the name of an object that is stored with a content coding lacks:
// without a header, only the name can tell that its bytes are not those of what it is called.
func codingSuffix(path, coding string) string {
	for i := range encodings {
		if strings.EqualFold(coding, encodings[i].name) && !strings.HasSuffix(strings.ToLower(path), encodings[i].suffix) {
			return encodings[i].suffix
		}
	}
	return ""
}

// isTakenIn reports whether one of the objects, which are in byte order, has a path or is below
// it.
func isTakenIn(objects []vfs.Entry, path string) bool {
	byPath := func(e vfs.Entry, path string) int { return strings.Compare(e.Elem, path) }
	_, found := slices.BinarySearchFunc(objects, path, byPath)
	below, _ := slices.BinarySearchFunc(objects, path+"/", byPath)
	return found || below < len(objects) && strings.HasPrefix(objects[below].Elem, path+"/")
}

// sameTime reports whether two times of an object can be of one version. Some stores report
// whole seconds in one call and fractions in another.
func sameTime(a, b time.Time) bool {
	return a.IsZero() || b.IsZero() || a.Truncate(time.Second).Equal(b.Truncate(time.Second))
}

// zipHeader returns the header of an object in an archive, with a suffix of its name. Its length
// is the same with each of them.
func zipHeader(e *vfs.Entry, suffix string) *zip.FileHeader {
	fh := &zip.FileHeader{Name: zipName(e.Elem) + suffix, Method: zip.Store, Flags: zipUTF8, Extra: zipGrowth(len(suffix))}
	if t := e.ModTime.UTC(); zipHasTime(t) {
		fh.Modified = t
	}
	return fh
}

// zipGrowth returns an extra field of zipSpare bytes that a header has grown into by some of them:
// a growth hint of the Open Packaging Conventions, whose content is zeros. The length of an
// archive is sent before it is known which objects are stored with a content coding.
func zipGrowth(grown int) []byte {
	b := make([]byte, zipSpare-grown)
	binary.LittleEndian.PutUint16(b, 0xa220)
	binary.LittleEndian.PutUint16(b[2:], uint16(len(b)-4))
	binary.LittleEndian.PutUint16(b[4:], 0xa028)
	binary.LittleEndian.PutUint16(b[6:], uint16(len(b)-8))
	return b
}

// zipUTF8 is the flag of names in UTF-8.
const zipUTF8 = 0x800

// zipHasTime reports whether both forms of a time in an archive can hold t: from 1980 on, and
// in 32 bits of seconds.
func zipHasTime(t time.Time) bool { return t.Year() >= 1980 && t.Year() < 2106 }

// zipName returns the name of the object with that path in an archive. A path is a vfs.Name,
// so it is relative and has no "..", no backslash and no control character. On Windows, a
// letter and a colon would still begin an absolute path.
func zipName(path string) string {
	if len(path) > 1 && path[1] == ':' && 'a' <= path[0]|0x20 && path[0]|0x20 <= 'z' {
		return "./" + path
	}
	return path
}
