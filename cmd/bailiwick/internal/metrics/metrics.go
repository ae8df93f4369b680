// Package metrics provides Prometheus metrics of a server.
package metrics

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bailiwick-fs/bailiwick/backends/observe"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Metrics are the metrics of the admin listener. Label values come from small, fixed
// sets, or from the configuration, and are never names, principals or addresses. Metrics are
// safe for concurrent use, and a nil *Metrics measures nothing.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	refusals *prometheus.CounterVec
	bytes    prometheus.Counter
	received prometheus.Counter
	aborted  prometheus.Counter
	fresh    prometheus.Counter
	archives *prometheus.CounterVec
	archived prometheus.Counter
	shares   *prometheus.CounterVec
	duration prometheus.Histogram
	logins   *prometheus.CounterVec
	linkUses *prometheus.CounterVec
	backend  *prometheus.HistogramVec
	catalog  *prometheus.HistogramVec
	reloads  *prometheus.CounterVec
	loaded   prometheus.Gauge

	remembered *prometheus.CounterVec // passwords
	caches     caches
}

var _ audit.Recorder = (*Metrics)(nil)

// New returns zero Metrics for a server whose configuration was just loaded. dropped
// returns the number of lost access log records, running the number of requests in
// progress.
func New(dropped func() uint64, running func() int64) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		caches:   caches{open: map[string]*observedCache{}},
		requests: counters("bailiwick_requests_total", "Requests by method, status class and verdict.",
			"method", "status", "verdict"),
		refusals: counters("bailiwick_refusals_total", "Requests that were refused or failed, by reason. Requests for missing names are not included.",
			"reason"),
		bytes:    counter("bailiwick_response_bytes_total", "Bytes of response bodies written to connections."),
		received: counter("bailiwick_request_bytes_total", "Bytes of request bodies read."),
		aborted:  counter("bailiwick_responses_aborted_total", "Responses that were cut off because the source failed or the client disconnected."),
		fresh:    counter("bailiwick_not_modified_total", "Responses with status 304: the copy in a browser or cache was still valid."),
		archives: counters("bailiwick_archives_total", "Archives of directories by outcome: complete, or aborted because the source changed or failed or the client disconnected.",
			"outcome"),
		archived: counter("bailiwick_archive_objects_total", "Files read for archives of directories."),
		shares: counters("bailiwick_share_requests_total", "Requests that used, made or revoked a share, by verdict. Unknown links are refusals with the reason share.",
			"verdict"),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "bailiwick_request_duration_seconds",
			Help:    "Time from a request's headers to the end of its response.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10), // 0.1 ms to 26 s
		}),
		logins: counters("bailiwick_authentications_total", "Checked credentials by kind and outcome. Invalid signed links count as refusals instead.",
			"kind", "outcome"),
		remembered: counters("bailiwick_password_cache_total", "Passwords that were recently verified (hit) or needed a check against a hash (miss).",
			"outcome"),
		linkUses: counters("bailiwick_link_uses_total", "Uses of signed links with a use limit, by outcome. spent means that the limit was exceeded.",
			"outcome"),
		backend: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "bailiwick_backend_call_duration_seconds",
			Help:    "Duration of source calls by kind of source, operation and outcome. For an open, until the object is available; for a put, including its body.",
			Buckets: prometheus.ExponentialBuckets(0.00001, 10, 7), // 10 µs to 10 s
		}, []string{"kind", "op", "outcome"}),
		catalog: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "bailiwick_catalog_call_duration_seconds",
			Help:    "Duration of catalog calls by operation and outcome. A successful upload is a commit with outcome ok.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 10, 6), // 0.1 ms to 10 s
		}, []string{"op", "outcome"}),
		reloads: counters("bailiwick_config_reloads_total", "Configuration reloads since the start, by outcome. refused means that the previous configuration stays in use.",
			"outcome"),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bailiwick_config_last_success_timestamp_seconds",
			Help: "When the current configuration was loaded, in seconds since 1970.",
		}),
	}
	m.initialize()
	lost := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "bailiwick_access_log_dropped_total",
		Help: "Access log records that were lost because the log could not keep up.",
	}, func() float64 { return float64(dropped()) })
	inFlight := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "bailiwick_requests_in_flight",
		Help: "Requests in progress.",
	}, func() float64 { return float64(running()) })
	m.registry.MustRegister(m.requests, m.refusals, m.bytes, m.received, m.aborted, m.fresh, m.archives, m.archived, m.shares, m.duration, lost, inFlight,
		m.logins, m.remembered, m.linkUses, m.backend, m.catalog, m.reloads, m.loaded, &m.caches,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.loaded.SetToCurrentTime()
	return m
}

// initialize makes counters whose labels are known, so that rate queries see the first increment.
func (m *Metrics) initialize() {
	for _, aborted := range []bool{false, true} {
		m.archives.WithLabelValues(archiveOutcome(aborted))
	}
	for _, v := range []audit.Verdict{audit.Allowed, audit.Refused, audit.Failed} {
		m.shares.WithLabelValues(string(v))
	}
	for _, outcome := range []string{reloaded, reloadRefused} {
		m.reloads.WithLabelValues(outcome)
	}
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// Handler serves the metrics in text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Record counts a request.
func (m *Metrics) Record(a *audit.Attempt) {
	if a.Part {
		// The request has a record of its own, and only an archive reads several objects.
		if a.Method == http.MethodGet {
			m.archived.Inc()
		}
		return
	}
	if a.Archive {
		m.archives.WithLabelValues(archiveOutcome(a.Aborted)).Inc()
	}
	if a.Share != "" {
		m.shares.WithLabelValues(string(a.Verdict)).Inc()
	}
	m.requests.WithLabelValues(methodLabel(a.Method), statusClass(a.Status), string(a.Verdict)).Inc()
	if a.Verdict != audit.Allowed {
		m.refusals.WithLabelValues(string(a.Reason)).Inc()
	}
	if a.Aborted {
		m.aborted.Inc()
	}
	if a.Status == http.StatusNotModified {
		m.fresh.Inc()
	}
	m.bytes.Add(float64(a.Bytes))
	m.received.Add(float64(a.Received))
	m.duration.Observe(a.Duration.Seconds())
}

func archiveOutcome(aborted bool) string {
	if aborted {
		return "aborted"
	}
	return "complete"
}

// Outcomes of a reload.
const (
	reloaded      = "ok"
	reloadRefused = "refused"
)

// Reload counts a reload that ended with err.
func (m *Metrics) Reload(err error) {
	switch {
	case m == nil:
	case err != nil:
		m.reloads.WithLabelValues(reloadRefused).Inc()
	default:
		m.reloads.WithLabelValues(reloaded).Inc()
		m.loaded.SetToCurrentTime()
	}
}

// Observe returns b with measured calls.
func (m *Metrics) Observe(b vfs.Backend) vfs.Backend {
	if m == nil {
		return b
	}
	return observe.New(b, func(c observe.Call) {
		m.backend.WithLabelValues(c.Kind, c.Op, string(c.Outcome)).Observe(c.Duration.Seconds())
	})
}

// Authenticator returns a with counted outcomes.
func (m *Metrics) Authenticator(a auth.Authenticator) auth.Authenticator {
	if m == nil || a == nil {
		return a
	}
	return &countedAuth{a, m.logins}
}

// Uses returns c with counted outcomes.
func (m *Metrics) Uses(c links.Counter) links.Counter {
	if m == nil {
		return c
	}
	return &countedUses{c, m.linkUses}
}

// methodLabel limits the number of label values: a client can send any method.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodPost,
		http.MethodDelete, http.MethodPatch, http.MethodConnect, http.MethodTrace, "COPY", "MOVE":
		return method
	}
	return "other"
}

// statusClass returns "2xx" for 206, and "none" if there was no response.
func statusClass(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}
