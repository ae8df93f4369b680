package metrics

import (
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
)

// caches collects the metrics of the open caches. Their label is the directory, as it is
// configured.
type caches struct {
	mu   sync.Mutex
	open map[string]*observedCache
}

type observedCache struct {
	limit int64
	stats func() cache.Stats
}

// ObserveCache measures the cache in the directory dir, which has the given limit in bytes,
// until forget is called.
func (m *Metrics) ObserveCache(dir string, limit int64, stats func() cache.Stats) (forget func()) {
	if m == nil {
		return func() {}
	}
	if !utf8.ValidString(dir) {
		dir = strconv.Quote(dir) // a label that is not UTF-8 would end the process
	}
	o := &observedCache{limit, stats}
	m.caches.mu.Lock()
	defer m.caches.mu.Unlock()
	m.caches.open[dir] = o
	return func() {
		m.caches.mu.Lock()
		defer m.caches.mu.Unlock()
		if m.caches.open[dir] == o {
			delete(m.caches.open, dir)
		}
	}
}

func cacheMetric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bailiwick_cache_"+name, help, append([]string{"dir"}, labels...), nil)
}

var (
	cacheRequests = cacheMetric("requests_total", "Objects that were opened or described, by how the cache answered: hit, miss, revalidated, stale or bypass.", "outcome")
	cacheBytes    = cacheMetric("bytes_total", "Bytes read from the cache's directory, and from the source to be kept.", "from")
	cacheEvicted  = cacheMetric("evicted_blocks_total", "Blocks of up to 1 MiB that were removed to make room.")
	cacheDamaged  = cacheMetric("damaged_blocks_total", "Blocks whose checksum was wrong. They were read from the source again.")
	cacheFailures = cacheMetric("failures_total", "Failures of the cache's directory, such as a full disk. Objects are then not kept for a minute.")
	cacheSize     = cacheMetric("size_bytes", "Bytes of the file system that the cache takes.")
	cacheLimit    = cacheMetric("size_limit_bytes", "The configured size of the cache.")
	cacheObjects  = cacheMetric("objects", "Objects that the cache knows, whole or in part.")
	cacheMissing  = cacheMetric("missing_names", "Names that the cache knows to be missing from the source.")
)

// Describe implements prometheus.Collector.
func (c *caches) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{cacheRequests, cacheBytes, cacheEvicted, cacheDamaged, cacheFailures, cacheSize, cacheLimit, cacheObjects, cacheMissing} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *caches) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for dir, o := range c.open {
		s := o.stats()
		count := func(d *prometheus.Desc, n uint64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{dir}, labels...)...)
		}
		gauge := func(d *prometheus.Desc, n int64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), dir)
		}
		count(cacheRequests, s.Hits, "hit")
		count(cacheRequests, s.Misses, "miss")
		count(cacheRequests, s.Revalidations, "revalidated")
		count(cacheRequests, s.Stale, "stale")
		count(cacheRequests, s.Bypassed, "bypass")
		count(cacheBytes, s.BytesFromCache, "cache")
		count(cacheBytes, s.BytesFromSource, "source")
		count(cacheEvicted, s.Evictions)
		count(cacheDamaged, s.Damaged)
		count(cacheFailures, s.Failures)
		gauge(cacheSize, s.Size)
		gauge(cacheLimit, o.limit)
		gauge(cacheObjects, int64(s.Objects))
		gauge(cacheMissing, int64(s.Negative))
	}
}
