package cli

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/avowai/avow/cmd/avow/internal/tracing"
	"github.com/avowai/avow/middleware"
)

const (
	// reservedFiles are descriptors for all but answers in progress: listeners, the
	// ledger, the admin address, what passes unmarked.
	reservedFiles = 256
	// fewStreams is less than a service should bear; its operator hears of it.
	fewStreams = 1000
	// lastSpans bounds how long the end of the program waits for them.
	lastSpans = 5 * time.Second
)

// An observing is what watches a proxy for as long as the process lasts, whatever
// its configuration becomes.
type observing struct {
	tracer  middleware.Tracer // nil unless the environment asks for traces
	streams *middleware.StreamLimit
	// stop sends the last spans.
	stop func()
}

// newObserving starts tracing where the environment asks for it, and takes the bound
// on answers from the limit of open files. The caller calls stop at the end.
func newObserving(reg prometheus.Registerer, log *slog.Logger) (*observing, error) {
	files := openFileLimit()
	n := maxStreams(files)
	bound := prometheus.NewGauge(prometheus.GaugeOpts{Name: "avow_max_streams",
		Help: "Answers on AI routes that may be in progress at one time; 0 for no limit."})
	bound.Set(float64(n))
	if err := reg.Register(bound); err != nil {
		return nil, err
	}
	tracer, shutdown, err := tracing.Start(context.Background(), buildVersion(), log)
	if err != nil {
		return nil, hint(err, "unset OTEL_EXPORTER_OTLP_PROTOCOL and OTEL_TRACES_EXPORTER, or set them to http/protobuf and otlp; collectors take that at port 4318")
	}
	level := slog.LevelDebug // avow_max_streams tells too
	if n > 0 && n < fewStreams {
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "answers in progress are bounded by the limit of open files", "max_streams", n, "open_files", files, "tracing", tracer != nil)
	return &observing{tracer, middleware.LimitStreams(n), func() {
		ctx, cancel := context.WithTimeout(context.Background(), lastSpans)
		defer cancel()
		_ = shutdown(ctx) // the log has said what could not be sent
	}}, nil
}

// into adds it to a proxy's options.
func (w *observing) into(o *middleware.Options) { o.Tracer, o.Streams = w.tracer, w.streams }

// maxStreams is how many answers may be in progress at one time with so many open
// files: each takes one for the client and one for the upstream. 0 means no limit.
func maxStreams(files uint64) int {
	const plenty = 1 << 30
	switch {
	case files == 0 || files > plenty:
		return 0
	case files < reservedFiles+2:
		return 1
	}
	return int(files-reservedFiles) / 2
}
