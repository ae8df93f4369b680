package metrics

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// The metrics follow Prometheus's conventions.
func TestMetricsLint(t *testing.T) {
	m := New(func() uint64 { return 0 }, func() int64 { return 0 })
	m.Record(&audit.Attempt{Method: "BREW", Status: 404, Verdict: audit.Refused, Reason: reason.NameDotDot, Aborted: true})
	m.logins.WithLabelValues("basic", "ok").Inc()
	m.linkUses.WithLabelValues("ok").Inc()
	m.catalog.WithLabelValues("commit", "ok").Observe(1)
	m.ObserveCache("/cache", 1<<30, func() cache.Stats { return cache.Stats{} })
	if _, err := m.Observe(mem.New()).Stat(t.Context(), vfs.Root, vfs.Request{}); err == nil {
		t.Fatal("no error of an empty backend")
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
