package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/cmd/avow/internal/signing"
)

const (
	// pollEvery is how often files are looked at. A change counts once two looks in a
	// row saw the same, so that a file that is being written is left alone.
	pollEvery = 2 * time.Second
	// retryEnded is how long a key or certificate that has ended, with nothing to take
	// its place, is not tried again.
	retryEnded = time.Hour
)

// A source is where a configuration comes from: a file, the environment over it, and
// flags over both.
type source struct {
	file string
	over func(*config.Config) error // flags; nil for none
	seen fileStates                 // of the files that the last read was about
}

// read reads it anew. The files are looked at first: what changes while they are read
// is then seen as a change.
func (f *source) read(a *app) (config.Config, error) {
	states := f.seen.again(f.file)
	f.seen = states // one that cannot be read is not read again until it changes
	c, err := loadConfig(f.file)
	if err != nil {
		return c, err
	}
	if f.over != nil {
		if err := f.over(&c); err != nil {
			return c, err
		}
		if err := c.Check(); err != nil {
			return c, err
		}
	}
	f.seen = states.of(a.filesOf(f.file, c))
	return c, nil
}

// filesOf are the files that make a generation: the configuration's, and those that
// it names. Where the ledger is does not change while it runs.
func (a *app) filesOf(file string, c config.Config) []string {
	paths := []string{file, c.Verify.TokensFile}
	if ring, err := a.keyFile(c.Keys.File); err == nil {
		paths = append(paths, ring)
	}
	if c.Signer.Chain != "" {
		paths = append(paths, c.Signer.Chain, c.Signer.Key)
	} else if dir, err := a.dataDir(); err == nil {
		paths = append(paths, filepath.Join(dir, signing.ChainFile), filepath.Join(dir, signing.KeyFile))
	}
	paths = append(append(paths, c.Trust.Roots...), c.Trust.TSARoots...)
	for _, m := range c.Backend.Marks {
		paths = append(paths, m.KeyFile)
	}
	return paths
}

// reloadMetrics count reloads.
type reloadMetrics struct {
	total   *prometheus.CounterVec
	success prometheus.Gauge
}

func newReloadMetrics(reg prometheus.Registerer) (reloadMetrics, error) {
	m := reloadMetrics{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "avow_config_reloads_total",
			Help: "Reloads of configuration, keys and certificates."}, []string{"outcome"}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{Name: "avow_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration in use was read."}),
	}
	for _, outcome := range []string{"success", "failure"} {
		m.total.WithLabelValues(outcome)
	}
	m.success.SetToCurrentTime()
	return m, errors.Join(reg.Register(m.total), reg.Register(m.success))
}

func (m reloadMetrics) count(err error) {
	if err != nil {
		m.total.WithLabelValues("failure").Inc()
		return
	}
	m.total.WithLabelValues("success").Inc()
	m.success.SetToCurrentTime()
}

// follow reads the configuration again on SIGHUP and when a file has changed, until
// ctx ends or stop is called.
func (s *service) follow(ctx context.Context, from *source) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	ticks := time.NewTicker(pollEvery)
	done := make(chan struct{})
	w := newWatcher(s, from)
	go func() {
		defer close(done)
		w.run(ctx, hup, ticks.C)
	}()
	return func() {
		cancel()
		<-done
		ticks.Stop()
		signal.Stop(hup)
	}
}

// A watcher notices that something has changed.
type watcher struct {
	s       *service
	from    *source
	pending fileStates // as the last look saw them, where they have changed
	waits   time.Time  // before then what has ended is not tried again
}

// newWatcher takes what the first start has made as known.
func newWatcher(s *service, from *source) *watcher {
	now := from.seen.again()
	for path, state := range from.seen {
		if !state.there {
			from.seen[path] = now[path]
		}
	}
	return &watcher{s: s, from: from}
}

func (w *watcher) run(ctx context.Context, hup <-chan os.Signal, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			_ = w.reload("SIGHUP")
		case now := <-ticks:
			w.poll(now)
		}
	}
}

// poll looks at the files once.
func (w *watcher) poll(now time.Time) {
	now = now.Round(0) // by the calendar: a machine may have slept
	states := w.from.seen.again()
	changed := !states.same(w.from.seen)
	settled := changed && w.pending != nil && states.same(w.pending)
	w.pending = nil
	ends := w.s.current.Load().ends()
	switch {
	case settled:
		_ = w.reload("a file has changed")
	case changed:
		w.pending = states
	case !ends.IsZero() && !now.Before(ends) && !now.Before(w.waits):
		_ = w.reload("the key or certificate ends")
		w.waits = now.Add(retryEnded)
	default:
		w.from.seen = states // the same, under newer times
	}
}

// reload reads everything again. What cannot be used changes nothing, and is said.
func (w *watcher) reload(cause string) error {
	w.pending = nil
	c, err := w.from.read(w.s.a)
	if err == nil {
		err = w.s.reload(c)
	}
	w.s.reloads.count(err)
	if err == nil {
		w.s.log.Info("configuration reloaded", "cause", cause, "key", w.s.current.Load().key.ID)
		return nil
	}
	attrs := []any{slog.String("cause", cause), slog.String("error", err.Error())}
	var h *hinted
	if errors.As(err, &h) {
		attrs = append(attrs, slog.String("hint", h.hint))
	}
	w.s.log.Error("configuration not reloaded: the one before stays in use", attrs...)
	return err
}

// reload has new requests served under a configuration, or changes nothing.
func (s *service) reload(c config.Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.current.Load()
	s.keep(&c, before.c)
	path, err := s.a.keyFile(c.Keys.File)
	if err != nil {
		return err
	}
	ring, err := keyring.Load(path) // one that is gone is no reason to make another
	if err != nil {
		return keyHint(path, err)
	}
	next, err := s.build(c, ring, before)
	if err != nil {
		return err
	}
	s.install(next)
	return nil
}

// keep leaves what cannot change while avow runs as it is, and says so.
func (s *service) keep(c *config.Config, was config.Config) {
	stays := func(key string, changed bool, restore func()) {
		if changed {
			restore()
			s.log.Warn("this change waits for the next start", "key", key)
		}
	}
	stays("listen", c.Listen != was.Listen, func() { c.Listen = was.Listen })
	stays("admin", c.Admin != was.Admin, func() { c.Admin = was.Admin })
	stays("ledger.url", c.Ledger.URL != was.Ledger.URL || c.Ledger.URLFile != was.Ledger.URLFile, func() {
		c.Ledger.URL, c.Ledger.URLFile = was.Ledger.URL, was.Ledger.URLFile
	})
	stays("ledger.retention", c.Ledger.Retention != was.Ledger.Retention, func() { c.Ledger.Retention = was.Ledger.Retention })
}
