package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"time"

	"github.com/avowai/avow/disclose/ledger"
)

// A sample is what avow's metrics say of itself at one moment.
type sample struct {
	at                   time.Duration // since the load began
	resident, live       float64       // MiB: of the process; of the heap after its last collection
	goroutines, opened   float64
	processor            float64 // seconds so far
	streams, held, queue float64
}

func (s *soak) take() (sample, error) {
	m, err := s.avow.Metrics()
	if err != nil {
		return sample{}, fmt.Errorf("metrics: %w", err)
	}
	return sample{
		at: time.Since(s.began), resident: m["process_resident_memory_bytes"] / (1 << 20),
		live:       m["go_memstats_next_gc_bytes"] / 2 / (1 << 20), // collected at twice what was left, GOGC=100
		goroutines: m["go_goroutines"], opened: m["process_open_fds"], processor: m["process_cpu_seconds_total"],
		streams: m["avow_inflight_streams"], held: m["avow_held_bytes"], queue: m["avow_image_queue_depth"],
	}, nil
}

func (s *soak) keepSampling(stop <-chan struct{}) {
	tick := time.NewTicker(s.c.sample)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		m, err := s.take()
		if err != nil {
			s.broke("avow did not tell of itself: %v", err)
			continue
		}
		s.mu.Lock()
		s.samples = append(s.samples, m)
		s.mu.Unlock()
	}
}

// atRest closes what the client keeps open and waits until avow is back where it
// was, for half a minute at most.
func (s *soak) atRest(before *sample) (m sample, err error) {
	for range 30 {
		s.client.CloseIdleConnections()
		time.Sleep(time.Second)
		if m, err = s.take(); err != nil {
			return m, err
		}
		if before != nil && !s.grown(*before, m) {
			break
		}
		if before == nil && m.at > 0 && m.streams == 0 {
			time.Sleep(2 * time.Second)
			return s.take()
		}
	}
	return m, nil
}

func (s *soak) grown(from, to sample) bool {
	return to.goroutines > from.goroutines+s.c.descriptor || to.opened > from.opened+s.c.descriptor
}

// judge compares the end with the beginning.
func (s *soak) judge() {
	if s.grown(s.before, s.after) {
		s.broke("goroutines %.0f, then %.0f at rest; descriptors %.0f, then %.0f", s.before.goroutines, s.after.goroutines, s.before.opened, s.after.opened)
	}
	if s.after.streams != 0 || s.after.held != 0 || s.after.queue != 0 {
		s.broke("at rest %.0f streams, %.0f bytes held, %.0f pictures waiting", s.after.streams, s.after.held, s.after.queue)
	}
	if slope, sure := s.slope(func(m sample) float64 { return m.resident }); slope-2*sure > s.c.slope {
		s.broke("memory grew by %.0f MiB an hour, give or take %.0f", slope, 2*sure)
	}
	m, err := s.avow.Metrics()
	if err != nil {
		s.broke("no metrics: %v", err)
	}
	s.metrics = m
}

// slope is the growth in the second half by least squares, in units an hour, and its
// standard error.
func (s *soak) slope(of func(sample) float64) (slope, deviation float64) {
	second := s.samples[len(s.samples)/2:]
	n := float64(len(second))
	var mx, my float64
	for _, m := range second {
		mx, my = mx+m.at.Hours()/n, my+of(m)/n
	}
	var xx, xy, rest float64
	for _, m := range second {
		xx, xy = xx+(m.at.Hours()-mx)*(m.at.Hours()-mx), xy+(m.at.Hours()-mx)*(of(m)-my)
	}
	if n < 3 || xx == 0 {
		return 0, math.Inf(1)
	}
	slope = xy / xx
	for _, m := range second {
		e := of(m) - my - slope*(m.at.Hours()-mx)
		rest += e * e
	}
	return slope, math.Sqrt(rest / (n - 2) / xx)
}

// ledgerCheck is what the ledger says afterwards.
type ledgerCheck struct {
	verdict string // the last line of avow ledger verify
	records map[string]int
	missing int
}

// checkLedger verifies the ledger that avow left behind, and looks for every answer
// in it.
func (s *soak) checkLedger() error {
	out, err := exec.Command(s.program, "ledger", "verify", "--data", s.avow.Data).Output()
	s.ledger = ledgerCheck{verdict: lastLine(out), records: map[string]int{}}
	if err != nil {
		s.broke("avow ledger verify: %v: %s", err, s.ledger.verdict)
	}
	recorded, err := s.recorded()
	if err != nil {
		return err
	}
	for id := range s.answers {
		if !recorded[id] {
			s.ledger.missing++
			s.broke("no record of an answer that left: %s", id)
		}
	}
	return nil
}

// recorded are the ids in an export.
func (s *soak) recorded() (map[string]bool, error) {
	export := exec.Command(s.program, "ledger", "export", "--data", s.avow.Data)
	out, err := export.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := export.Start(); err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	lines := json.NewDecoder(bufio.NewReaderSize(out, 1<<20))
	for lines.More() {
		var row ledger.ExportedRow
		if err := lines.Decode(&row); err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
		if row.Record == nil {
			continue
		}
		if ids[row.Record.ID] {
			s.broke("two records of one answer: %s", row.Record.ID)
		}
		ids[row.Record.ID] = true
		s.ledger.records[row.Record.Outcome]++
	}
	return ids, export.Wait()
}
