package main

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/bailiwick-fs/bailiwick/server"
)

// metrics count requests for the admin listener. They are safe for concurrent
// use.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	refusals *prometheus.CounterVec
	bytes    prometheus.Counter
	aborted  prometheus.Counter
	duration prometheus.Histogram
}

var _ server.Recorder = (*metrics)(nil)

// newMetrics returns metrics at zero. dropped tells the number of lost records
// of the access log, running that of requests that are being answered.
func newMetrics(dropped func() uint64, running func() int64) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bailiwick_requests_total",
			Help: "Requests by method, class of the status that was answered, and verdict.",
		}, []string{"method", "status", "verdict"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bailiwick_refusals_total",
			Help: "Requests that were refused, or failed, by reason. A name that is only missing is neither.",
		}, []string{"reason"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bailiwick_response_bytes_total",
			Help: "Bytes of response bodies given to connections.",
		}),
		aborted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bailiwick_responses_aborted_total",
			Help: "Responses that were cut: the source failed in the middle, or the client went away.",
		}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "bailiwick_request_duration_seconds",
			Help:    "Time from a request's header to the end of its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10), // 0.1 ms to 26 s
		}),
	}
	lost := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "bailiwick_access_log_dropped_total",
		Help: "Records of the access log that were lost since it could not keep up.",
	}, func() float64 { return float64(dropped()) })
	inFlight := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "bailiwick_requests_in_flight",
		Help: "Requests that are being answered.",
	}, func() float64 { return float64(running()) })
	m.registry.MustRegister(m.requests, m.refusals, m.bytes, m.aborted, m.duration, lost, inFlight,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Record counts an attempt.
func (m *metrics) Record(a *server.Attempt) {
	m.requests.WithLabelValues(methodLabel(a.Method), statusClass(a.Status), string(a.Verdict)).Inc()
	if a.Verdict != server.Allowed {
		m.refusals.WithLabelValues(string(a.Reason)).Inc()
	}
	if a.Aborted {
		m.aborted.Inc()
	}
	m.bytes.Add(float64(a.Bytes))
	m.duration.Observe(a.Duration.Seconds())
}

// methodLabel bounds the number of labels: a client can send any word.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodPost,
		http.MethodDelete, http.MethodPatch, http.MethodConnect, http.MethodTrace:
		return method
	}
	return "other"
}

// statusClass returns "2xx" for 206; "none" where nothing was answered.
func statusClass(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}
