package server

import (
	"log/slog"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Absent returns a handler that answers every request with the 404 of a missing name,
// regardless of method, path and credentials, and records it with reason. Routers use it for
// requests that must not reveal anything, such as those for unknown hosts. It is safe for
// concurrent use. recorder and logger may be nil, as in [Config].
func Absent(reason vfs.Reason, recorder audit.Recorder, logger *slog.Logger) http.Handler {
	lingering := NewSlots(lingerSlots)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := begin(w, r, nil, recorder, logger)
		defer x.end()
		x.lingering = lingering
		x.fail(refusal("", reason), nil)
	})
}
