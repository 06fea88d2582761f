package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFiguresAreMeasured looks for every figure in the file that it is said to
// stand in.
func TestFiguresAreMeasured(t *testing.T) {
	for file, figures := range map[string][]string{
		"throughput.md": {"| 62.8 µs | 93.7 µs |", "244.0 µs", "| 0.19 µs, ", "68.2 KiB"},
		"endtoend.md":   {"| a16 | 73.5 |"},
		"provenance.md": {"sign, ES256 | 0.72 ms | 0.22 ms"},
		"ledger.md":     {"64 writers | SQLite | 25497/s", "| SQLite | 1.9 / "},
		"bulk.md":       {"3168 bytes"},
	} {
		text, err := os.ReadFile(filepath.Join("..", "results", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range figures {
			if !strings.Contains(string(text), f) {
				t.Errorf("%s has no %q any more: adapt figures.go and docs/scale.md", file, f)
			}
		}
	}
}

func TestErlangC(t *testing.T) {
	for _, c := range []struct {
		servers  int
		load, is float64
	}{{1, 0.5, 0.5}, {1, 0.9, 0.9}, {2, 1, 1.0 / 3}, {10, 8, 0.4092}} { // M/M/1: the load itself; 10, 8: tables
		if got := ErlangC(c.servers, c.load); math.Abs(got-c.is) > 1e-4 {
			t.Errorf("ErlangC(%d, %g) = %.5f, want %.4f", c.servers, c.load, got, c.is)
		}
	}
	if w := WaitQuantile(0.99, 11, 0.1, 1); !math.IsInf(w, 1) {
		t.Errorf("an overloaded station: %g", w)
	}
	if w := WaitQuantile(0.99, 0.1, 0.01, 4); w != 0 {
		t.Errorf("an idle station: %g", w)
	}
}

// TestModelAgreesWithSimulation is a small case of each kind; the seed makes it
// the same every time.
func TestModelAgreesWithSimulation(t *testing.T) {
	s := Station{Servers: 2, Rate: 14, Service: 0.1, Arrivals: 400_000}
	o := s.Simulate(1)
	c := Commit{Fixed: 0.002, Each: 0.0001}
	batch, wait := SimulateCommit(c, 5000, 50_000, 1)
	for _, c := range []check{
		{"share busy", 0.7, o.Utilisation, 0.02, 0},
		{"p99 of the wait", WaitQuantile(0.99, s.Rate, s.Service, 2), o.WaitP99, 0.1, 0},
		{"rows a transaction", c.Batch(5000), batch, 0.1, 0},
		{"wait until durable", c.Wait(5000), wait, 0.1, 0},
	} {
		if !c.ok() {
			t.Errorf("%s: %g, simulated %g", c.what, c.predicted, c.observed)
		}
	}
	s.Servers, s.FailAfter, s.FailLosing, s.Rate = 4, 30_000, 1, 20
	if o := s.Simulate(1); math.Abs(o.Utilisation-2.0/3) > 0.02 {
		t.Errorf("after a failure %g busy, want 2/3", o.Utilisation)
	}
}

func TestPlanKeepsItsLimits(t *testing.T) {
	for _, n := range rates {
		p := PlanFor(n, Default)
		if p.Replicas < 2 || p.Degraded > busy || p.Writers < 1 || p.RowsPerSec/float64(p.Writers) > rowsPerSecond/2 {
			t.Errorf("%+v", p)
		}
	}
	if PlanFor(2e5, Default).Cores < 1.99*PlanFor(1e5, Default).Cores {
		t.Error("twice the outputs do not take twice the cores")
	}
}
