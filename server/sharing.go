package server

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A sharing is a request that uses the link of a share. The handler of the share's mount
// answers it as it answers its issuer, with names relative to what is shared: nothing that it
// sends has a name above that. Its jail has the Authorizer of access.Shared, which decides
// what the share covers; a sharing only translates names.
type sharing struct {
	id      uuid.UUID
	path    vfs.Name // in the mount
	dir     bool
	upload  bool     // it receives files, and shows nothing
	at      vfs.Name // the last element of the link to path: the token, for a directory
	limited bool     // it has a limit of uses
	store   catalog.Shares
	now     time.Time
	used    bool
}

// newSharing returns the sharing of a request for s. path is the path of s in its mount.
func newSharing(s *catalog.Share, path, at vfs.Name, store catalog.Shares, now time.Time) *sharing {
	return &sharing{id: s.ID, path: path, dir: s.Dir, upload: s.Upload, at: at, limited: s.Limit > 0, store: store, now: now}
}

// sharePrefix precedes the ID of a share in records.
const sharePrefix = "share:"

type sharingKey struct{}

func withSharing(ctx context.Context, s *sharing) context.Context {
	return context.WithValue(ctx, sharingKey{}, s)
}

// enterShare makes the exchange one of the share that its request uses. It comes before anything
// can fail: the record has the share.
func (x *exchange) enterShare() {
	if s, ok := x.ctx.Value(sharingKey{}).(*sharing); ok {
		x.share = s
		x.attempt.Share = sharePrefix + s.id.String()
		x.attempt.Principal = auth.FromContext(x.ctx).String()
	}
}

// locate returns the name in the mount for the path of u. name, isDir and err are the result of
// parsing that path. itself is true for the path of a shared directory without its slash. A
// shared object has its own name below the link, and is also at the link itself.
func (s *sharing) locate(u *url.URL, name vfs.Name, isDir bool, err error) (_ vfs.Name, _, itself bool, _ error) {
	switch bare := spelled(u) == ""; {
	case bare && s.dir:
		return s.path, true, true, nil
	case bare, err == nil && name.IsRoot() && !s.dir:
		return s.path, false, false, nil
	case err != nil:
		return vfs.Name{}, isDir, false, err
	case s.dir:
		name, err = s.path.Join(name)
		return name, isDir, false, err
	case name.String() == s.path.Base() && !isDir:
		return s.path, false, false, nil
	}
	return vfs.Name{}, isDir, false, refusal(name.String(), reason.AuthDenied)
}

// shown returns name as clients see it: relative to the shared directory, if the request uses
// a share.
func (x *exchange) shown(name vfs.Name) vfs.Name {
	if x.share == nil {
		return name
	}
	if below, ok := name.Within(x.share.path); ok {
		return below
	}
	return vfs.Root
}

// hideReferrer makes browsers send the URL of a share to nobody: it is the secret.
func (x *exchange) hideReferrer() {
	if x.share != nil {
		x.Header()["Referrer-Policy"] = noReferrer
	}
}

// useShare counts a use of the share and returns an error if none is left. It counts once
// per request, before anything is sent: if the process ends in between, a use is lost, never
// gained. Without a limit, it is counted later: a read should neither wait for a sync of the
// store, nor fail because that is full.
func (x *exchange) useShare() error {
	s := x.share
	if s == nil || s.used || x.r.Method == http.MethodHead {
		return nil
	}
	if s.limited {
		ok, err := s.store.UseShare(x.ctx, s.id, s.now)
		if err != nil {
			return &catalogError{err}
		}
		if !ok {
			return refusal("", audit.ReasonShareUsed)
		}
	} else {
		s.store.NoteUse(s.id)
	}
	s.used = true
	return nil
}
