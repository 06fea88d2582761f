package middleware

import (
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/avowai/avow/disclose"
)

// Metrics counts what the middleware does. A nil *Metrics counts nothing. All
// label values come from closed sets, so that strangers cannot add series.
type Metrics struct {
	responses     *prometheus.CounterVec
	skipped       *prometheus.CounterVec
	marks         *prometheus.CounterVec
	notices       *prometheus.CounterVec
	overhead      *prometheus.HistogramVec
	firstByteHist prometheus.Histogram
	queue         prometheus.Gauge
	held          prometheus.Gauge
	streams       prometheus.Gauge
	verifications *prometheus.CounterVec
	ledgerWrites  *prometheus.CounterVec
	keyExpiry     prometheus.Gauge
	build         *prometheus.GaugeVec
}

// NewMetrics registers all metrics of this package with reg.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &Metrics{
		responses:     counter("avow_responses_total", "Answers on AI routes, by what became of them.", "route", "shape", "modality", "outcome"),
		skipped:       counter("avow_skipped_total", "Marks left out, by reason.", "reason"),
		marks:         counter("avow_marks_total", "Marks attached or failed, by carrier.", "carrier", "outcome"),
		notices:       counter("avow_notices_total", "Notices written, by language.", "language"),
		overhead:      prometheus.NewHistogramVec(histogram("avow_overhead_seconds", "Time spent on marking, by stage.", 1e-6), []string{"stage"}),
		firstByteHist: prometheus.NewHistogram(histogram("avow_first_byte_delay_seconds", "Time from the backend's first byte to the client's.", 1e-6)),
		queue:         gauge("avow_image_queue_depth", "Images being marked or waiting for it."),
		held:          gauge("avow_held_bytes", "Bytes of outputs held until they are whole."),
		streams:       gauge("avow_inflight_streams", "Requests on AI routes in progress."),
		verifications: counter("avow_verifications_total", "Inputs verified, by verdict.", "modality", "verdict"),
		ledgerWrites:  counter("avow_ledger_writes_total", "Records written.", "outcome"),
		keyExpiry:     gauge("avow_key_expiry_timestamp_seconds", "When the active key ends, in Unix time; 0 where it does not."),
		build:         prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "avow_build_info", Help: "Always 1; the labels say what was built."}, []string{"version", "goversion"}),
	}
	for _, c := range []prometheus.Collector{
		m.responses, m.skipped, m.marks, m.notices, m.overhead, m.firstByteHist, m.queue, m.held,
		m.streams, m.verifications, m.ledgerWrites, m.keyExpiry, m.build,
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		m.build.WithLabelValues(info.Main.Version, info.GoVersion).Set(1)
	}
	for _, r := range disclose.Reasons() {
		m.skipped.WithLabelValues(string(r)) // a counter that starts at 0 can be alerted on
	}
	return m, nil
}

func histogram(name, help string, from float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(from, 4, 12),
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		NativeHistogramMinResetDuration: time.Hour,
	}
}

// SetKeyExpiry tells when the active key ends; the zero time means never.
func (m *Metrics) SetKeyExpiry(t time.Time) {
	if m != nil && !t.IsZero() {
		m.keyExpiry.Set(float64(t.Unix()))
	}
}

// attach has the marker report to m.
func (m *Metrics) attach(o *disclose.Options) {
	if m == nil {
		return
	}
	o.Observe = func(stage string, d time.Duration) { m.overhead.WithLabelValues(stage).Observe(d.Seconds()) }
	o.ObserveQueue = func(n int) { m.queue.Add(float64(n)) }
	o.ObserveHeld = func(n int64) { m.held.Add(float64(n)) }
	o.ObserveRecord = func(err error) {
		outcome := "written"
		if err != nil {
			outcome = "failed"
		}
		m.ledgerWrites.WithLabelValues(outcome).Inc()
	}
}

func (m *Metrics) response(rt route, kind disclose.Kind, outcome disclose.Outcome) {
	if m == nil {
		return
	}
	shape := string(rt.shape)
	if shape == "" {
		shape = "auto"
	}
	modality := kind.Modality()
	if rt.shape == disclose.ShapeOpenAIImages {
		modality = "image"
	}
	m.responses.WithLabelValues(rt.name, shape, modality, string(outcome)).Inc()
}

func (m *Metrics) skip(r disclose.Reason) {
	if m != nil {
		m.skipped.WithLabelValues(string(r)).Inc()
	}
}

func (m *Metrics) result(res disclose.Result) {
	if m == nil {
		return
	}
	for _, r := range res.Skipped {
		m.skip(r)
	}
	m.marks.WithLabelValues(disclose.CarrierHeader.String(), "attached").Inc()
	for _, mark := range res.Marks {
		outcome := "attached"
		if mark.Err != nil || mark.Reason != disclose.ReasonNone {
			outcome = "failed"
		}
		m.marks.WithLabelValues(mark.Carrier.String(), outcome).Inc()
	}
}

func (m *Metrics) notice(lang string) {
	if m != nil {
		m.notices.WithLabelValues(lang).Inc()
	}
}

func (m *Metrics) inflight(n float64) {
	if m != nil {
		m.streams.Add(n)
	}
}

func (m *Metrics) firstByte(d time.Duration) {
	if m != nil {
		m.firstByteHist.Observe(d.Seconds())
	}
}

// CountVerify counts the verdicts of a VerifyHandler.
func (m *Metrics) CountVerify(next http.Handler) http.Handler {
	if m == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if v := w.Header().Get(verdictHeader); v != "" {
			kind := disclose.Classify(r.Header.Get("Content-Type"))
			m.verifications.WithLabelValues(kind.Modality(), v).Inc()
		}
	})
}
