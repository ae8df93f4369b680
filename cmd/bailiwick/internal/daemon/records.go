package daemon

import (
	"sync/atomic"

	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// recorder returns what records all requests, nil if nothing does.
func (s *service) recorder(l *accessLog) audit.Recorder {
	all := s.recorders(l)
	if len(all) == 0 {
		return nil
	}
	return unlessEnded{&s.ended, all}
}

func (s *service) recorders(l *accessLog) recorders {
	var all recorders
	if l.Log != nil {
		all = append(all, l.Log)
	}
	if s.metrics != nil {
		all = append(all, s.metrics)
	}
	return all
}

// unlessEnded drops records once ended is set: by then the unfinished requests were recorded.
type unlessEnded struct {
	ended *atomic.Bool
	recorders
}

// Record implements audit.Recorder.
func (u unlessEnded) Record(a *audit.Attempt) {
	if !u.ended.Load() {
		u.recorders.Record(a)
	}
}

// recorders pass each record to all of them.
type recorders []audit.Recorder

// Record implements audit.Recorder.
func (rs recorders) Record(a *audit.Attempt) {
	for _, r := range rs {
		r.Record(a)
	}
}
