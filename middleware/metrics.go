package middleware

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/avowai/avow/disclose"
)

// Metrics are what the middleware counts. Every label comes from a closed set:
// a declared route or an endpoint's suffix, a shape, a modality, an outcome, a
// reason, a language of the built-in notices, a carrier, a stage, a verdict, a type
// of problem, a kind of feedback. The zero value counts nothing.
type Metrics struct {
	responses, skipped, marks, notices, verifications, ledgerWrites *prometheus.CounterVec
	backends, refusals, feedbacks                                   *prometheus.CounterVec
	overhead                                                        *prometheus.HistogramVec
	firstByteDelay                                                  prometheus.Histogram
	queue, held, streams, keyExpiry, certExpiry                     prometheus.Gauge
}

// fromMicrosecond are classic buckets beside the native ones, in seconds.
var fromMicrosecond = prometheus.ExponentialBuckets(1e-6, 4, 12)

// NewMetrics registers the metrics with reg, which must not be nil; the
// process-wide registry belongs to the program, not to a library.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &Metrics{
		responses:     counter("avow_responses_total", "Responses on AI routes.", "route", "shape", "modality", "outcome"),
		skipped:       counter("avow_skipped_total", "Outputs, or parts of them, left without a mark.", "reason"),
		marks:         counter("avow_marks_total", "Marks attached, or missing, by carrier.", "carrier", "outcome"),
		notices:       counter("avow_notices_total", "Visible notices given.", "language"),
		overhead:      prometheus.NewHistogramVec(histogram("avow_overhead_seconds", "Time a stage of marking took."), []string{"stage"}),
		queue:         gauge("avow_image_queue_depth", "Images waiting to be marked."),
		held:          gauge("avow_held_bytes", "Bytes of outputs held until they are marked."),
		streams:       gauge("avow_inflight_streams", "Streams being marked."),
		keyExpiry:     gauge("avow_key_expiry_timestamp_seconds", "When the active key expires, 0 for never."),
		certExpiry:    gauge("avow_certificate_expiry_timestamp_seconds", "When the certificate that manifests are signed with expires, 0 for none."),
		verifications: counter("avow_verifications_total", "Questions to the verification service.", "modality", "verdict"),
		ledgerWrites:  counter("avow_ledger_writes_total", "Records written.", "outcome"),
		refusals:      counter("avow_verifications_refused_total", "Questions to the verification service without an answer.", "problem"),
		feedbacks:     counter("avow_feedback_total", "Feedback on reports.", "kind"),
		backends:      counter("avow_backend_requests_total", "Requests changed, or warned about, for the backend's own mark.", "change"),
	}
	m.firstByteDelay = prometheus.NewHistogram(histogram("avow_first_byte_delay_seconds",
		"From the first byte of a response to the first marked byte."))
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "avow_build_info", Help: "What was built; always 1.",
		ConstLabels: prometheus.Labels{"version": buildVersion(), "goversion": runtime.Version()}})
	build.Set(1)
	for _, c := range []prometheus.Collector{m.responses, m.skipped, m.marks, m.notices, m.overhead, m.firstByteDelay,
		m.queue, m.held, m.streams, m.keyExpiry, m.certExpiry, m.verifications, m.ledgerWrites, m.backends, m.refusals, m.feedbacks, build} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	m.prime()
	return m, nil
}

func histogram(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: fromMicrosecond, NativeHistogramBucketFactor: 1.1,
		NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
	}
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// prime lets every reason be seen at 0 before it first happens.
func (m *Metrics) prime() {
	for _, r := range disclose.Reasons() {
		m.skipped.WithLabelValues(string(r))
	}
	for _, c := range disclose.RequestChanges() {
		m.backends.WithLabelValues(string(c))
	}
	for _, k := range feedbackKinds {
		m.feedbacks.WithLabelValues(string(k))
	}
}

// SetKeyExpiry tells when the active key expires; the zero time means never.
func (m *Metrics) SetKeyExpiry(t time.Time) {
	if m.keyExpiry == nil {
		return
	}
	if t.IsZero() {
		m.keyExpiry.Set(0)
		return
	}
	m.keyExpiry.Set(float64(t.Unix()))
}

// SetCertificateExpiry tells when the certificate that manifests are signed with
// expires; the zero time means that there is none.
func (m *Metrics) SetCertificateExpiry(t time.Time) {
	switch {
	case m.certExpiry == nil:
	case t.IsZero():
		m.certExpiry.Set(0)
	default:
		m.certExpiry.Set(float64(t.Unix()))
	}
}

// hook lets the Marker's own observations reach the metrics, beside what the
// caller asked for.
func (m *Metrics) hook(o disclose.Options) disclose.Options {
	if m.responses == nil {
		return o
	}
	stage, queue, held := o.ObserveStage, o.ObserveQueue, o.ObserveHeld
	o.ObserveStage = func(ctx context.Context, name string, d time.Duration) {
		observe(m.overhead.WithLabelValues(name), d, ctx)
		if stage != nil {
			stage(ctx, name, d)
		}
	}
	o.ObserveQueue = func(delta int) {
		m.queue.Add(float64(delta))
		if queue != nil {
			queue(delta)
		}
	}
	o.ObserveHeld = func(delta int64) {
		m.held.Add(float64(delta))
		if held != nil {
			held(delta)
		}
	}
	if o.Records != nil {
		o.Records = countedRecords{o.Records, m.ledgerWrites}
	}
	return o
}

// countedRecords counts what becomes of each Put.
type countedRecords struct {
	disclose.Records
	writes *prometheus.CounterVec
}

func (c countedRecords) Put(ctx context.Context, r disclose.Record) error {
	err := c.Records.Put(ctx, r)
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	c.writes.WithLabelValues(outcome).Inc()
	return err
}

func (m *Metrics) backend(c disclose.RequestChange) {
	if m.backends != nil {
		m.backends.WithLabelValues(string(c)).Inc()
	}
}

func (m *Metrics) skip(r disclose.Reason) {
	if m.skipped != nil {
		m.skipped.WithLabelValues(string(r)).Inc()
	}
}

func (m *Metrics) response(route string, shape disclose.Shape, modality string, o disclose.Outcome) {
	if m.responses == nil {
		return
	}
	m.responses.WithLabelValues(route, shapeName(shape), modality, string(o)).Inc()
}

// outcome counts a response and the marks on it.
func (m *Metrics) outcome(route matched, modality string, res disclose.Result) {
	if m.responses == nil {
		return
	}
	m.response(route.name, route.shape, modality, res.Outcome)
	m.counts(res)
}

// counts counts the marks on an output, and what it was left without.
func (m *Metrics) counts(res disclose.Result) {
	if m.responses == nil {
		return
	}
	for _, r := range res.Skipped {
		m.skip(r)
	}
	for _, mark := range res.Marks {
		outcome := disclose.OutcomeMarked
		switch {
		case mark.Reason == disclose.ReasonNone && mark.Err == nil:
		case res.Outcome == disclose.OutcomeWithheld:
			outcome = disclose.OutcomeWithheld
		default:
			outcome = disclose.OutcomeDegraded
		}
		m.marks.WithLabelValues(mark.Carrier.String(), string(outcome)).Inc()
	}
	if res.Notice {
		m.notices.WithLabelValues(res.Language.String()).Inc()
	}
}

func (m *Metrics) inflight(delta float64) {
	if m.streams != nil {
		m.streams.Add(delta)
	}
}

func (m *Metrics) firstByte(ctx context.Context, d time.Duration) {
	if m.firstByteDelay != nil {
		observe(m.firstByteDelay, d, ctx)
	}
}

func (m *Metrics) verified(modality string, verdict disclose.Status) {
	if m.verifications != nil {
		m.verifications.WithLabelValues(modality, string(verdict)).Inc()
	}
}

// refused counts a problem by its type, of which there is a closed set.
func (m *Metrics) refused(problem string) {
	if m.refusals != nil {
		m.refusals.WithLabelValues(problem).Inc()
	}
}

func (m *Metrics) feedback(k FeedbackKind) {
	if m.feedbacks != nil {
		m.feedbacks.WithLabelValues(string(k)).Inc()
	}
}
