package metrics

import (
	"maps"
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

// Each request that uses a share counts once, whatever it reads.
func TestShareRequests(t *testing.T) {
	m := New(func() uint64 { return 0 }, func() int64 { return 0 })
	for _, a := range []audit.Attempt{
		{Share: "share:x", Verdict: audit.Allowed}, {Share: "share:x", Verdict: audit.Allowed, Part: true},
		{Share: "share:x", Verdict: audit.Refused}, {Verdict: audit.Allowed},
	} {
		m.Record(&a)
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "bailiwick_share_requests_total" {
			for _, c := range f.GetMetric() {
				got[c.GetLabel()[0].GetValue()] = c.GetCounter().GetValue()
			}
		}
	}
	if want := map[string]float64{string(audit.Allowed): 1, string(audit.Refused): 1, string(audit.Failed): 0}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Directories whose names are not UTF-8 are told apart, and do not end the process.
func TestCacheDirectories(t *testing.T) {
	m := New(func() uint64 { return 0 }, func() int64 { return 0 })
	for _, dir := range []string{"/cache", "/\xff", "/\xfe"} {
		m.ObserveCache(dir, 1<<30, func() cache.Stats { return cache.Stats{} })
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "bailiwick_cache_objects" && len(f.GetMetric()) != 3 {
			t.Errorf("%v, want 3 caches", f.GetMetric())
		}
	}
}
