package catalogs

import (
	"context"
	"fmt"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// UploadAge is how long an upload must have been silent to count as abandoned, if its server
// may still run. A running upload reports itself every half minute.
const UploadAge = time.Hour

// Sweep clears the uploads to src that have been silent for longer than silent, and those of
// servers that have ended. Then it aborts multipart uploads without a row that began more
// than rowless ago, and returns their number: no row says who began them. It touches neither
// uploads in progress nor what other programs store in the bucket.
func Sweep(ctx context.Context, src *backends.Source, jail *vfs.Jail, cat catalog.Catalog, silent, rowless time.Duration) (swept reconcile.Swept, parts int, err error) {
	swept, err = reconcile.Sweep(ctx, jail, cat, time.Now().Add(-silent), src)
	parts, partsErr := src.Sweep(ctx, rowless, reconcile.Abandoned(cat))
	if err == nil {
		err = partsErr
	}
	return swept, parts, err
}

// SweepSummary describes in one line what a sweep cleared.
func SweepSummary(swept reconcile.Swept, parts int) string {
	text := "swept: " + cli.Count(swept.Cleared, "upload")
	if parts += swept.Parts; parts > 0 {
		text += fmt.Sprintf(", %s in parts", cli.Count(parts, "upload"))
	}
	if swept.Failed > 0 {
		text += fmt.Sprintf("; not cleared: %d", swept.Failed)
	}
	return text
}
