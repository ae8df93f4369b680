package s3

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"

	"github.com/minio/crc64nvme"
)

// A checksum is a checksum of an object as S3 sends it: base64 of the big-endian sum.
type checksum struct {
	algorithm string // as in the name of the header field
	value     string
}

// known reports whether hash returns a hash for c. The SDK knows more algorithms, but S3
// sends them only for objects that were stored with them.
func (c checksum) known() bool {
	switch c.algorithm {
	case "Crc64nvme", "Crc32", "Crc32c", "Sha1", "Sha256":
		return true
	}
	return false
}

// checkable reports whether c is the checksum of the object's bytes. That of a multipart
// upload can be one of the parts' checksums, and then ends in a hyphen and their number.
func (c checksum) checkable() bool {
	return c.value != "" && !strings.Contains(c.value, "-")
}

func (c checksum) hash() hash.Hash {
	switch c.algorithm {
	case "Crc64nvme":
		return crc64nvme.New()
	case "Crc32":
		return crc32.NewIEEE()
	case "Crc32c":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "Sha1":
		return sha1.New()
	case "Sha256":
		return sha256.New()
	}
	return nil
}

// A checkedBody returns another error than io.EOF if the checksum of its bytes differs.
type checkedBody struct {
	io.ReadCloser
	sum  hash.Hash
	want checksum
}

func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.sum.Write(p[:n])
	if err == io.EOF {
		if got := base64.StdEncoding.EncodeToString(b.sum.Sum(nil)); got != b.want.value {
			// The SDK's text, which operators know.
			err = fmt.Errorf("checksum did not match: algorithm %s, expect %s, actual %s", strings.ToUpper(b.want.algorithm), b.want.value, got)
		}
	}
	return n, err
}
