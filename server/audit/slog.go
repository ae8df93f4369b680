package audit

import (
	"context"
	"log/slog"
	"time"
)

// SlogRecorder returns a Recorder that passes each attempt to logger, at level Info, with
// the keys of a [Log]. It does so in the goroutine of the request: a slow slog.Handler
// slows the service.
func SlogRecorder(logger *slog.Logger) Recorder { return slogRecorder{logger} }

type slogRecorder struct{ logger *slog.Logger }

func (s slogRecorder) Record(a *Attempt) {
	ctx := context.Background()
	if !s.logger.Enabled(ctx, slog.LevelInfo) {
		return
	}
	r := slog.NewRecord(a.Time, slog.LevelInfo, "request", 0)
	r.AddAttrs(
		slog.String("request_id", a.RequestID.String()),
		slog.String("remote", a.Remote),
		slog.String("method", cut(a.Method, maxShort)),
		slog.String("raw", cut(a.Raw, maxRaw)),
		slog.String("name", a.Name.String()),
		slog.String("principal", cut(a.Principal, maxPrincipal)),
		slog.String("verdict", string(a.Verdict)),
		slog.String("reason", string(a.Reason)),
		slog.String("rule", cut(a.Rule, maxRule)),
		slog.String("backend", a.Backend),
		slog.Int("status", a.Status),
		slog.Int64("bytes", a.Bytes),
		slog.Bool("aborted", a.Aborted),
		slog.Float64("duration_ms", float64(a.Duration)/float64(time.Millisecond)),
	)
	if !a.To.IsZero() {
		r.AddAttrs(slog.String("to", a.To.String()))
	}
	if a.Received > 0 {
		r.AddAttrs(slog.Int64("received", a.Received))
	}
	if a.Share != "" {
		r.AddAttrs(slog.String("share", a.Share))
	}
	if a.Cache != "" {
		r.AddAttrs(slog.String("cache", string(a.Cache)))
	}
	if a.Part {
		r.AddAttrs(slog.Bool("part", true))
	}
	if a.Archive {
		r.AddAttrs(slog.Bool("archive", true))
	}
	// A Recorder cannot report that the slog.Handler failed.
	_ = s.logger.Handler().Handle(ctx, r)
}

func cut(s string, limit int) string { return s[:min(len(s), limit)] }
