package server

import (
	"log/slog"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Absent returns a handler that answers every request with the 404 of a missing name,
// whatever its method, its path and its credentials, and records it with reason. A
// router hands it what must not learn anything, such as requests for foreign hosts. It is
// safe for concurrent use; nil as recorder and logger is as in [Config].
func Absent(reason vfs.Reason, recorder audit.Recorder, logger *slog.Logger) http.Handler {
	lingering := NewSlots(lingerSlots)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := begin(w, r, nil, recorder, logger)
		defer x.end()
		x.lingering = lingering
		x.fail(refusal("", reason), nil)
	})
}
