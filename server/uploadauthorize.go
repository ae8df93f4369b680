package server

import (
	"context"
	"errors"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An UploadAuthorizer authorizes operations on uploads. It is like an [access.Authorizer],
// but knows the record of the object, and so its owner. Its methods are called
// concurrently.
//
// [OwnersDelete] is the default. [UploadRules] makes an UploadAuthorizer from access rules,
// and [UploadFunc] from a function.
type UploadAuthorizer interface {
	// Authorize decides whether the caller may perform op. For OpUpload, rec has only an
	// Owner; for OpRead and OpDelete, it is the record of the object. Any error refuses;
	// the client sees a missing name. The context carries the principal, and [auth.Granted]
	// reports whether a signed link grants op on [catalog.ObjectName](rec.ID).
	Authorize(ctx context.Context, op vfs.Op, rec catalog.Record) error

	// Open reports whether anonymous callers may perform op on some object. If not,
	// anonymous requests get 401.
	Open(op vfs.Op) bool

	// OpenTo reports whether anonymous callers may perform op on the object of rec. If it
	// is false for OpRead, responses about the object are kept out of caches.
	OpenTo(op vfs.Op, rec catalog.Record) bool
}

var (
	_ UploadAuthorizer = uploadRules{}
	_ UploadAuthorizer = ownersDelete{}
	_ UploadAuthorizer = UploadFunc(nil)
)

// UploadRules returns the UploadAuthorizer that decides by access rules and the owner in
// the record. Like the zero List, a nil List allows nothing.
func UploadRules(l *access.List) UploadAuthorizer { return uploadRules{l} }

type uploadRules struct{ list *access.List }

func (u uploadRules) Authorize(ctx context.Context, op vfs.Op, rec catalog.Record) error {
	name := catalog.ObjectName(rec.ID)
	if auth.Granted(ctx, op, name) {
		return nil
	}
	if _, ok := u.list.Decide(auth.FromContext(ctx), op, name, &rec.Owner); !ok {
		return access.ErrDenied
	}
	return nil
}

func (u uploadRules) Open(op vfs.Op) bool { return u.list.Open(op) }

func (u uploadRules) OpenTo(op vfs.Op, rec catalog.Record) bool {
	_, ok := u.list.Decide(auth.Principal{}, op, catalog.ObjectName(rec.ID), &rec.Owner)
	return ok
}

// OwnersDelete returns the UploadAuthorizer that allows anyone to upload, anyone who knows
// an ID to read, and only the owner to delete. An object without an owner may be deleted by
// anyone who knows its ID.
func OwnersDelete() UploadAuthorizer { return ownersDelete{} }

type ownersDelete struct{}

func (ownersDelete) Authorize(ctx context.Context, op vfs.Op, rec catalog.Record) error {
	if op == vfs.OpDelete && rec.Owner != "" && rec.Owner != auth.FromContext(ctx).Name && !auth.Granted(ctx, op, catalog.ObjectName(rec.ID)) {
		return errNotOwner
	}
	return nil
}

func (ownersDelete) Open(vfs.Op) bool { return true }

func (ownersDelete) OpenTo(op vfs.Op, rec catalog.Record) bool {
	return op != vfs.OpDelete || rec.Owner == ""
}

var errNotOwner = errors.New("server: not the owner")

// An UploadFunc is an [UploadAuthorizer] whose Authorize is the function. It does not tell
// what is open to anonymous callers: all responses are kept out of caches, and no anonymous
// request gets 401. A nil UploadFunc refuses everything.
type UploadFunc func(ctx context.Context, op vfs.Op, rec catalog.Record) error

// Authorize calls f.
func (f UploadFunc) Authorize(ctx context.Context, op vfs.Op, rec catalog.Record) error {
	if f == nil {
		return access.ErrDenied
	}
	return f(ctx, op, rec)
}

// Open returns true.
func (UploadFunc) Open(vfs.Op) bool { return true }

// OpenTo returns false.
func (UploadFunc) OpenTo(vfs.Op, catalog.Record) bool { return false }
