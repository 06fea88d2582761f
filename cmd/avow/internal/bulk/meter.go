package bulk

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	redrawEvery = 100 * time.Millisecond // on a terminal
	lineEvery   = 10 * time.Second       // elsewhere, where lines are asked for
	longEvery   = time.Minute            // elsewhere, where they are not
	lineFiles   = 10_000                 // a line at least so often
	samples     = 20                     // the rate is that of the last so many seconds
)

// A Meter says how many files are done, how fast that goes and how long it takes
// still: in a bar on a terminal, in a line now and then elsewhere. It is safe for
// concurrent use.
type Meter struct {
	w        io.Writer
	terminal bool
	every    time.Duration
	now      func() time.Time
	total    atomic.Int64 // 0 while it is not known

	mu      sync.Mutex
	count   int64
	shown   time.Time
	listed  int64 // count at the last line
	window  []sample
	visible bool
}

// A sample is how many were done at a time.
type sample struct {
	at    time.Time
	count int64
}

// NewMeter returns a Meter that writes to w. Without a terminal it prints a line
// every 10 seconds or 10,000 files where lines is true, and every minute or 10,000
// files where it is not. now is the clock; nil means time.Now.
func NewMeter(w io.Writer, terminal, lines bool, now func() time.Time) *Meter {
	if now == nil {
		now = time.Now
	}
	m := &Meter{w: w, terminal: terminal, every: longEvery, now: now}
	if lines {
		m.every = lineEvery
	}
	m.shown = now()
	m.window = []sample{{m.shown, 0}}
	return m
}

// SetTotal tells how many files there are in all.
func (m *Meter) SetTotal(n int64) { m.total.Store(n) }

// Step counts a file.
func (m *Meter) Step() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	now := m.now()
	if last := m.window[len(m.window)-1]; now.Sub(last.at) >= time.Second {
		m.window = append(m.window, sample{now, m.count})
		m.window = m.window[max(0, len(m.window)-samples):]
	}
	since := now.Sub(m.shown)
	switch {
	case m.terminal && since >= redrawEvery:
		m.shown, m.visible = now, true
		_, _ = fmt.Fprint(m.w, "\r\x1b[K"+m.bar()+m.text(now))
	case !m.terminal && (since >= m.every || m.count-m.listed >= lineFiles):
		m.shown, m.listed = now, m.count
		_, _ = fmt.Fprintln(m.w, "avow: "+m.text(now))
	}
}

// bar is the share that is done, as a picture; nothing while it is not known.
func (m *Meter) bar() string {
	const width = 30
	total := m.total.Load()
	if total <= 0 {
		return ""
	}
	full := int(min(width, width*m.count/total))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "] "
}

// text is for example "1200 of 5000 files, 310/s, 12s left".
func (m *Meter) text(now time.Time) string {
	total := m.total.Load()
	text := fmt.Sprintf("%d files", m.count)
	if total >= m.count {
		text = fmt.Sprintf("%d of %d files", m.count, total)
	}
	first := m.window[0]
	took := now.Sub(first.at).Seconds()
	if took < 1 || m.count == first.count {
		return text
	}
	rate := float64(m.count-first.count) / took
	text += fmt.Sprintf(", %.3g/s", rate)
	if rest := total - m.count; rest > 0 {
		text += ", " + about(time.Duration(float64(rest)/rate*float64(time.Second))) + " left"
	}
	return text
}

// about is a duration in words for people, in seconds at the least.
func about(d time.Duration) string {
	if d < time.Hour {
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// Aside prints something else, with the bar out of the way.
func (m *Meter) Aside(fn func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	return fn()
}

// Done takes the bar away.
func (m *Meter) Done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
}

func (m *Meter) clear() {
	if m.visible {
		m.visible = false
		_, _ = fmt.Fprint(m.w, "\r\x1b[K")
	}
}
