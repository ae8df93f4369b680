package catalogs

import (
	"fmt"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
)

// UploadAge is how long an upload must have been silent to count as abandoned, if its server
// may still run. A running upload reports itself every half minute.
const UploadAge = time.Hour

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
