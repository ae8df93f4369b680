package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A blockFile holds the blocks of one version in a sparse file: the object's bytes at
// their own offsets, and, from the next page on, a header and a table with the checksum
// of each block:
//
//	magic | length of the description | its CRC32C | description | table
//
// An entry of the table is a checksum and its complement, so that a hole, which reads as
// zeros, is no entry. It is written after the block. Cache.mu guards the fields from
// blocks on; the others do not change.
type blockFile struct {
	dir   *directory
	name  string
	owner *version
	head  []byte // header without table
	table int64  // offset of the table in the file

	// writer is held while the file is written to.
	writer sync.Mutex
	made   bool // the file exists; guarded by writer

	blocks map[int64]*block
	bytes  int64 // of the file system that it takes, including what is reserved
	open   int   // descriptors
	dead   bool  // its blocks are not used any more
	gone   bool  // it has no name any more, if dead

	left    os.FileInfo // how the last writer left the file
	writers int         // at work
	writes  uint64      // that are complete
}

// A block is a block that is in its file.
type block struct {
	file     *blockFile
	index    int64
	crc      uint32
	bytes    int64 // of the file system
	checked  bool  // by this process, and the file is as it was
	pins     int   // readers that must not see a hole
	evicting bool
	node     node[*block]
}

const (
	pageSize = 4096
	magic    = "bwcache\x01"
	headSize = int64(len(magic)) + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func pages(n int64) int64 { return (n + pageSize - 1) / pageSize * pageSize }

func blockCount(size int64) int64 { return (size + blockSize - 1) / blockSize }

// A description is an Info in a file.
type description struct {
	Name, ETag           string
	Size                 int64
	ModTime, ContentTime time.Time
	ContentType          string            `json:",omitempty"`
	Encoding             string            `json:",omitempty"`
	Meta                 map[string]string `json:",omitempty"`
}

// newBlockFile returns the file of v. It is not made until the first block is written.
func newBlockFile(d *directory, serial uint64, v *version) *blockFile {
	i := &v.info
	// A time beyond the year 9999 cannot be written. The file is then not restored.
	text, _ := json.Marshal(description{i.Name.String(), i.ETag, i.Size, i.ModTime, i.ContentTime, i.ContentType, i.Encoding, i.Meta})
	head := append([]byte(magic), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(head[len(magic):], uint32(len(text)))
	binary.LittleEndian.PutUint32(head[len(magic)+4:], crc32.Checksum(text, castagnoli))
	head = append(head, text...)
	for len(head)%8 != 0 {
		head = append(head, 0)
	}
	return &blockFile{dir: d, name: fileName(i, serial), owner: v, head: head, table: pages(i.Size) + int64(len(head)), blocks: map[int64]*block{}}
}

// fileName returns the name of a file: a hash of the version, the object's size, and a
// number that no other file in the directory has, since a version can be dropped and
// come back while the old file is still being removed.
func fileName(i *vfs.Info, serial uint64) string {
	h := sha256.New()
	io.WriteString(h, i.Name.String())
	h.Write([]byte{0})
	io.WriteString(h, i.ETag)
	return fmt.Sprintf("%x-%x-%x", h.Sum(nil)[:16], i.Size, serial)
}

// parseFileName returns the size and number in a name made by fileName.
func parseFileName(name string) (size int64, serial uint64, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 3 || len(parts[0]) != 32 {
		return 0, 0, false
	}
	size, err1 := strconv.ParseInt(parts[1], 16, 64)
	serial, err2 := strconv.ParseUint(parts[2], 16, 64)
	return size, serial, err1 == nil && err2 == nil && size > 0
}

// unlink removes the file's name. The caller holds writer.
func (f *blockFile) unlink() error {
	if !f.made {
		return nil
	}
	if err := f.dir.root.Remove(f.name); err != nil && !isLost(err) {
		return err
	}
	f.made = false
	return nil
}

// overhead returns the bytes of the file system that the file takes without blocks.
func (f *blockFile) overhead() int64 {
	return pages(int64(len(f.head)) + 8*blockCount(f.owner.info.Size))
}

func (f *blockFile) blockBytes(k int64) int64 { return pages(blockLen(f.owner.info.Size, k)) }

// write writes the block k with its checksum. The caller holds writer. It returns how it
// left the file; changed is set if it was not as left says.
func (f *blockFile) write(k int64, data []byte, crc uint32, left os.FileInfo) (now os.FileInfo, changed bool, err error) {
	fresh := !f.made
	file, err := f.openToWrite()
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if left != nil {
		at, err := file.Stat()
		if err != nil {
			return nil, false, err
		}
		changed = !sameState(at, left)
	}
	_, err = file.WriteAt(data, k*blockSize)
	switch {
	case err != nil:
	case fresh:
		err = f.writeHead(file, k, crc)
	default:
		_, err = file.WriteAt(entry(crc), f.table+8*k)
	}
	switch {
	case err == nil:
		now, err = file.Stat()
	case fresh:
		f.unlink()
	default:
		punch(file, k*blockSize, int64(len(data))) // what was written before the disk was full
	}
	return now, changed, err
}

// openToWrite opens the file, and makes it if it is new.
func (f *blockFile) openToWrite() (*os.File, error) {
	if f.made {
		return f.dir.root.OpenFile(f.name, os.O_RDWR, 0)
	}
	file, err := f.dir.root.OpenFile(f.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	makeSparse(file)
	f.made = true
	return file, nil
}

// writeHead writes the header and the table of a new file, whose first block is k. One
// write does for an object of one block.
func (f *blockFile) writeHead(file *os.File, k int64, crc uint32) error {
	if count := blockCount(f.owner.info.Size); count > 1 {
		if err := file.Truncate(f.table + 8*count); err != nil {
			return err
		}
	}
	head := f.head
	if k == 0 {
		head = slices.Concat(head, entry(crc))
	}
	_, err := file.WriteAt(head, f.table-int64(len(f.head)))
	if err == nil && k > 0 {
		_, err = file.WriteAt(entry(crc), f.table+8*k)
	}
	return err
}

// erase makes a hole of the block k. The caller holds writer. It fails with
// errors.ErrUnsupported if the system has no holes.
func (f *blockFile) erase(k int64) (now os.FileInfo, err error) {
	file, err := f.dir.root.OpenFile(f.name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.WriteAt(make([]byte, 8), f.table+8*k); err != nil {
		return nil, err
	}
	if err := punch(file, k*blockSize, blockLen(f.owner.info.Size, k)); err != nil {
		return nil, err
	}
	return file.Stat()
}

func entry(crc uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, crc)
	return binary.LittleEndian.AppendUint32(b, ^crc)
}

// sameState reports whether a file is the same and was not changed.
func sameState(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// readDescription returns the Info in the file for an object of size bytes.
func readDescription(file *os.File, size int64) (vfs.Info, error) {
	head := make([]byte, headSize)
	if err := readFull(file, head, pages(size)); err != nil {
		return vfs.Info{}, err
	}
	n, sum := binary.LittleEndian.Uint32(head[len(magic):]), binary.LittleEndian.Uint32(head[len(magic)+4:])
	if string(head[:len(magic)]) != magic || n > maxDescription {
		return vfs.Info{}, errNoBlockFile
	}
	text := make([]byte, n)
	if err := readFull(file, text, pages(size)+headSize); err != nil {
		return vfs.Info{}, err
	}
	var d description
	if crc32.Checksum(text, castagnoli) != sum || json.Unmarshal(text, &d) != nil || d.Size != size || d.ETag == "" {
		return vfs.Info{}, errNoBlockFile
	}
	name, err := vfs.ParseName(d.Name)
	return vfs.Info{
		Name: name, Size: size, ETag: d.ETag, ModTime: d.ModTime, ContentTime: d.ContentTime,
		ContentType: d.ContentType, Encoding: d.Encoding, Meta: d.Meta,
	}, err
}

// readTable calls present for each block that has a checksum in the table at offset at.
func readTable(file *os.File, at, count int64, present func(k int64, crc uint32) error) error {
	buf := make([]byte, min(64<<10, 8*count))
	for k := int64(0); k < count; {
		p := buf[:min(int64(len(buf)), 8*(count-k))]
		if err := readFull(file, p, at+8*k); err != nil {
			return err
		}
		for ; len(p) > 0; p, k = p[8:], k+1 {
			crc := binary.LittleEndian.Uint32(p)
			if binary.LittleEndian.Uint32(p[4:]) != ^crc {
				continue
			}
			if err := present(k, crc); err != nil {
				return err
			}
		}
	}
	return nil
}

const maxDescription = 1 << 20

var errNoBlockFile = errors.New("cache: not a file of blocks")

// readFull reads len(p) bytes at off.
func readFull(file *os.File, p []byte, off int64) error {
	n, err := file.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// isLost reports that a file, or the directory, has been removed or cut.
func isLost(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF)
}
