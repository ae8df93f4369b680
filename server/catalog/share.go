package catalog

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// A Share is a link that its issuer gave out. Its holder may do, below one path, some of what
// the issuer may do. The link contains a random token; only its hash is stored, so that a copy
// of the store opens no share.
type Share struct {
	ID    uuid.UUID // version 4; it opens nothing
	Token [32]byte  // SHA-256 of the token
	// Issuer is the name of the principal that issued it, and Way says which source vouched
	// for that name. Groups and claims are not stored: they would go on counting after the
	// issuer has lost them.
	Issuer, Way string
	Host        string // of the mount, "" for a mount of all hosts
	Path        string // the whole path, with the mount's: "/docs/report.pdf"; no slash at its end
	Dir         bool   // Path is a directory
	Upload      bool   // the share adds files below Path, and shows nothing
	Password    string // a bcrypt hash, "" for none
	Limit       int64  // how many uses it has; 0 for no limit
	Used        int64  // uses so far
	MaxBytes    int64  // of one uploaded file; 0 is the mount's limit
	Received    int64  // bytes of the files that it has received
	Note        string // the issuer's own words, never shown through the share
	Created     time.Time
	Expires     time.Time // both in whole microseconds, UTC
}

// ShownPath returns Path as people read it: with a slash at its end for a directory.
func (s *Share) ShownPath() string {
	if s.Dir && s.Path != "/" {
		return s.Path + "/"
	}
	return s.Path
}

// ErrTooMany is the error of AddShare if the issuer has too many shares.
var ErrTooMany = errors.New("catalog: too many shares")

// Limits of the texts of a Share, in bytes.
const (
	MaxShareNote = 1024
	MaxSharePath = 4096
)

// Shares stores shares. Package sqlite and package postgres implement it, in the same store
// as a Catalog; shares belong to no source. It is safe for concurrent use, even by several
// processes. Errors are those of a Catalog.
type Shares interface {
	// AddShare adds a share, whose Used and Received are ignored. It returns ErrTooMany if the
	// issuer already has most (or more) shares that have not expired by Created. Of concurrent
	// callers, in any process, exactly as many succeed as the issuer may have. It returns an
	// error, and changes nothing, if the ID or the token is taken, if ID is not a version 4
	// UUID, if there is no issuer, path or expiry, or if a text is too long or has invalid
	// UTF-8 or NUL. Once AddShare returned nil, the share survives a power failure.
	AddShare(ctx context.Context, s Share, most int) error

	// ShareByToken returns the share whose token has this hash, or ErrNotFound. It is one
	// look-up in an index. The share may have expired or be used up.
	ShareByToken(ctx context.Context, token [32]byte) (Share, error)

	// UseShare counts one use, and reports whether the share exists, has not expired by now
	// and had a use left. Of concurrent callers, in any process, exactly as many succeed as
	// there are uses. Once it returned true, the use survives a power failure. After an
	// error, the use may have been counted.
	UseShare(ctx context.Context, id uuid.UUID, now time.Time) (bool, error)

	// ReceiveFile is UseShare for a share that receives a file of size bytes. It also reports
	// false if the share would then have received more bytes than most.
	ReceiveFile(ctx context.Context, id uuid.UUID, size, most int64, now time.Time) (bool, error)

	// ReturnFile takes back what a ReceiveFile that returned true has counted: the file was not
	// stored. It does nothing if the share is gone.
	ReturnFile(ctx context.Context, id uuid.UUID, size int64) error

	// NoteUse counts a use of a share without a limit, and does not wait for the store: the count is
	// stored about a second later, with those of other uses, and when the store is closed. While
	// the store is full or unavailable, it is kept in memory. A crash loses it.
	NoteUse(id uuid.UUID)

	// SharesOf returns up to limit shares of an issuer, or with "" of all issuers, latest
	// first: those that follow the share with the ID after, or with the zero UUID the first
	// ones. After an ID without a share there are none. Expired shares are included until they
	// are removed.
	SharesOf(ctx context.Context, issuer string, after uuid.UUID, limit int) ([]Share, error)

	// RevokeShare removes the share of an issuer, or with "" of any, or returns ErrNotFound.
	// Once it returned nil, neither ShareByToken nor UseShare finds the share.
	RevokeShare(ctx context.Context, issuer string, id uuid.UUID) error
}
