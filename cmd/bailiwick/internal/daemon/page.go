package daemon

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// maxPage bounds the page that is sent with every 404.
const maxPage = 256 << 10

// readPage reads the page for refusals from a source. No rules apply: whoever configures
// it means to show it to everyone.
func readPage(ctx context.Context, source vfs.Backend, n vfs.Name) ([]byte, error) {
	name := cli.Printable(n.String())
	obj, err := source.Open(ctx, n, vfs.Request{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cli.Usagef("the source has no file %s to send with every 404; write the page there, or leave out not_found", name)
	}
	if err != nil {
		return nil, cli.Failf("cannot read %s: %s", name, cli.Cause(err))
	}
	defer obj.Body.Close()
	if obj.Info.Size > maxPage {
		return nil, cli.Usagef("%s has %d bytes, and every 404 would send them; at most %d are allowed", name, obj.Info.Size, maxPage)
	}
	page, err := io.ReadAll(obj.Body)
	if err != nil {
		return nil, cli.Failf("cannot read %s: %s", name, cli.Cause(err))
	}
	if len(page) == 0 {
		return nil, cli.Usagef("%s is empty, so every 404 would be; write a page there, or leave out not_found", name)
	}
	return page, nil
}
