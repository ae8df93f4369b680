package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// List yields the entries of dir, with one ListObjectsV2 per page of 1000 keys. A
// common prefix is a directory. A directory marker, a key that ends in a slash, is not
// an entry, but makes its directory exist. A key with an empty element has no name and
// is left out.
//
// A driver.ListHint bounds the requests, and its Limit reduces the size of a page that
// only checks whether more follows. Its Shows is ignored: skipping hidden entries would
// save no request, and a caller that searches for few names needs to see how far the
// listing has come.
//
// The top always exists, even in an empty bucket; any other directory exists if there
// is a key below it. If nothing follows the key after, finding that out costs one more
// request.
//
// If a service does not list in the order of keys, like directory buckets, List fails
// with vfs.ErrUnavailable as soon as that is detected.
func (b *Backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return b.list(listing{b: b, ctx: ctx, dir: dir, after: after, hint: driver.ListHintOf(ctx)})
}

// Walk yields all objects below dir, with one ListObjectsV2 per page of 1000. It lists
// without a delimiter: with one, some services omit everything below an object with
// dir's name. (MinIO does so in every listing, see Unlisted.) An empty key that ends in
// a slash, a directory marker, is not an object; one with content is yielded.
func (b *Backend) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return b.list(listing{b: b, ctx: ctx, dir: dir, whole: true})
}

func (b *Backend) list(l listing) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		l, ctx, dir := l, l.ctx, l.dir // a listing can be run again
		if dir.IsZero() {
			yield(vfs.Entry{}, driver.Refuse("list", dir, reason.NameEmpty))
			return
		}
		l.prefix = b.prefix
		if !dir.IsRoot() {
			key, err := b.key("list", dir)
			if err != nil {
				yield(vfs.Entry{}, err)
				return
			}
			l.prefix = key + "/"
		}
		for more := true; more; {
			var page []vfs.Entry
			var err error
			page, more, err = l.page()
			if err != nil {
				yield(vfs.Entry{}, failure(ctx, "list", dir, err))
				return
			}
			if !l.found && !more {
				if err := l.exists(); err != nil {
					yield(vfs.Entry{}, err)
					return
				}
			}
			for _, e := range page {
				if err := ctx.Err(); err != nil {
					yield(vfs.Entry{}, failure(ctx, "list", dir, err))
					return
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// A listing is one call of List or Walk.
type listing struct {
	b      *Backend
	ctx    context.Context
	dir    vfs.Name
	prefix string
	after  string // only keys after it are wanted
	hint   driver.ListHint
	whole  bool   // everything below is wanted, by path
	last   string // the key of the last entry
	token  *string
	found  bool // a key below the prefix was found

	requests int // sent so far
	entries  int // listed so far
}

var (
	errOrder = fmt.Errorf("%w: S3 does not list in the order of keys", vfs.ErrUnavailable)
	errToken = fmt.Errorf("%w: S3 says that the listing continues, but not where", vfs.ErrUnavailable)
)

// page requests the next page. more is set if others follow.
func (l *listing) page() (entries []vfs.Entry, more bool, err error) {
	in := l.input(l.pageSize())
	if !l.whole {
		in.Delimiter = aws.String("/")
	}
	in.ContinuationToken = l.token
	if after := keyed.StartAfter(l.after, vfs.MaxNameBytes-len(l.prefix)); l.token == nil && after != "" {
		in.StartAfter = aws.String(l.prefix + after)
	}
	out, err := l.request(in)
	if err != nil {
		return nil, false, err
	}
	l.found = l.found || len(out.Contents)+len(out.CommonPrefixes) > 0
	entries = l.entriesOf(out)
	l.entries += len(entries)
	// One page may mix objects and prefixes, but no page may go back behind the
	// previous one.
	slices.SortFunc(entries, func(a, b vfs.Entry) int { return cmp.Compare(a.Key(), b.Key()) })
	entries = slices.CompactFunc(entries, func(a, b vfs.Entry) bool { return a.Key() == b.Key() })
	entries = slices.DeleteFunc(entries, func(e vfs.Entry) bool { return e.Key() <= l.after || e.Key() == l.last })
	if len(entries) > 0 && entries[0].Key() < l.last {
		return nil, false, errOrder
	}
	if len(entries) > 0 {
		l.last = entries[len(entries)-1].Key()
	}
	if !aws.ToBool(out.IsTruncated) {
		return entries, false, nil
	}
	next := aws.ToString(out.NextContinuationToken)
	if next == "" || next == aws.ToString(l.token) {
		return nil, false, errToken
	}
	l.token = &next
	return entries, true, nil
}

// maxPage is the maximum number of keys that S3 lists at a time.
const maxPage = 1000

// pageSize returns the number of keys to request: no more than the caller will take,
// and one for the directory's own marker. A caller that takes more than it announced is
// skipping unwanted entries, possibly many, and gets full pages.
func (l *listing) pageSize() int32 {
	left := l.hint.Limit - l.entries
	if left <= 0 {
		return maxPage
	}
	return int32(min(left+1, maxPage))
}

// entriesOf converts S3's listing into entries. It trusts nothing: it leaves out keys
// from elsewhere and keys that the delimiter should have grouped.
func (l *listing) entriesOf(out *awss3.ListObjectsV2Output) []vfs.Entry {
	entries := make([]vfs.Entry, 0, len(out.Contents)+len(out.CommonPrefixes))
	for _, p := range out.CommonPrefixes {
		if l.whole { // not requested
			break
		}
		elem, isDir := strings.CutSuffix(l.rest(out.EncodingType, p.Prefix), "/")
		if isDir && elem != "" && !strings.Contains(elem, "/") {
			entries = append(entries, vfs.Entry{Elem: elem, Kind: vfs.KindDir})
		}
	}
	for _, c := range out.Contents {
		elem := l.rest(out.EncodingType, c.Key)
		switch {
		case elem == "", !l.whole && strings.Contains(elem, "/"):
			continue
		case strings.HasSuffix(elem, "/") && aws.ToInt64(c.Size) == 0: // a directory marker
			continue
		}
		e := vfs.Entry{Elem: elem, Size: aws.ToInt64(c.Size)}
		if c.LastModified != nil {
			// A listing has fractions of a second; the object itself does not.
			e.ModTime = c.LastModified.Truncate(time.Second)
		}
		entries = append(entries, e)
	}
	return entries
}

// rest returns the part of a listed key after the prefix, "" if there is none.
func (l *listing) rest(encoding types.EncodingType, key *string) string {
	s, ok := strings.CutPrefix(decoded(encoding, key), l.prefix)
	if !ok {
		return ""
	}
	return s
}

// exists checks a directory for which nothing was listed. It exists even if nothing
// follows a certain key in it.
func (l *listing) exists() error {
	if l.dir.IsRoot() {
		return nil
	}
	if l.after != "" {
		out, err := l.request(l.input(1))
		if err != nil {
			return failure(l.ctx, "list", l.dir, err)
		}
		if len(out.Contents)+len(out.CommonPrefixes) > 0 {
			return nil
		}
	}
	return driver.Refuse("list", l.dir, reason.Missing)
}

// decoded returns a listed key, "" if it cannot be decoded.
func decoded(encoding types.EncodingType, key *string) string {
	if encoding != types.EncodingTypeUrl {
		return aws.ToString(key)
	}
	s, err := url.QueryUnescape(aws.ToString(key))
	if err != nil {
		return ""
	}
	return s
}

func (l *listing) input(limit int32) *awss3.ListObjectsV2Input {
	in := &awss3.ListObjectsV2Input{
		Bucket:              &l.b.bucket,
		ExpectedBucketOwner: l.b.owner,
		MaxKeys:             &limit,
		// XML cannot represent every character of a key: otherwise one such key would
		// make its whole directory unreadable.
		EncodingType: types.EncodingTypeUrl,
	}
	if l.prefix != "" {
		in.Prefix = &l.prefix
	}
	return in
}

// request sends one request. A 404 concerns the bucket, not a directory.
func (l *listing) request(in *awss3.ListObjectsV2Input) (*awss3.ListObjectsV2Output, error) {
	if l.requests++; l.hint.Requests > 0 && l.requests > l.hint.Requests {
		return nil, vfs.ErrListBound
	}
	if err := l.b.acquire(l.ctx); err != nil {
		return nil, err
	}
	defer l.b.release()
	out, err := l.b.api.ListObjectsV2(l.ctx, in)
	if err == nil {
		return out, nil
	}
	if a := answerOf(err); a.kind() == kindMissing || a.kind() == kindUnholdable {
		return nil, describe(a, vfs.ErrUnavailable, errors.New("the bucket cannot be listed"))
	}
	return nil, err
}
