package main

import (
	"fmt"
	"math"
)

// A Mix is a stream of outputs, in shares that add up to 1.
type Mix struct {
	JSON, SSE, Images float64
	Events            float64 // of a stream
	StreamSeconds     float64 // how long a stream is open
	Retention         float64 // seconds that rows are kept
}

// Default is the mix that docs/scale.md states.
var Default = Mix{JSON: 0.45, SSE: 0.50, Images: 0.05, Events: 200, StreamSeconds: 20, Retention: 2 * 365 * 86400}

// Limits of the plan.
const (
	busy         = 0.6 // share of the cores that may be busy while one replica is down
	coresPer     = 16  // of a replica
	vectorBytes  = 40  // of a picture's fingerprint in the index, docs/ledger.md
	hashesOfText = 60  // of a text in bench/ledger, 8 bytes each
)

// A Plan is what a rate takes.
type Plan struct {
	PerMinute   float64
	Cores       float64 // busy on average
	Replicas    int     // of coresPer cores, one of which may fail
	Utilisation float64 // with all, and with one less
	Degraded    float64
	WaitP99     float64 // seconds that a picture waits for a core, with all replicas
	StreamBytes float64 // memory of open streams, in all
	RowsPerSec  float64
	SQLite      float64 // share of one writer's rate
	Writers     int     // databases, each at half of the measured rate at most
	GrowthDay   float64 // bytes of database a day
	Kept        float64 // bytes after the retention
	Index       float64 // bytes of index at that size
}

// Service is the core time of one output on average, in seconds.
func (m Mix) Service() float64 {
	return m.JSON*jsonSeconds + m.SSE*(firstEventSeconds+m.Events*eventSeconds) + m.Images*imageSeconds
}

// PlanFor is the plan for so many outputs a minute.
func PlanFor(perMinute float64, m Mix) Plan {
	rate := perMinute / 60
	p := Plan{PerMinute: perMinute, Cores: rate * m.Service(), RowsPerSec: rate}
	p.Replicas = 1 + max(1, int(math.Ceil(p.Cores/busy/coresPer)))
	p.Utilisation = p.Cores / float64(p.Replicas*coresPer)
	p.Degraded = p.Cores / float64((p.Replicas-1)*coresPer)
	images := rate * m.Images / float64(p.Replicas)
	share := p.Utilisation - images*imageSeconds/coresPer // what chat takes of each core
	p.WaitP99 = WaitQuantile(0.99, images, imageSeconds/(1-share), coresPer)
	p.StreamBytes = rate * m.SSE * m.StreamSeconds * streamBytes
	p.SQLite = rate / rowsPerSecond
	p.Writers = int(math.Ceil(rate / (rowsPerSecond / 2)))
	p.GrowthDay = rate * 86400 * rowBytes
	p.Kept = p.GrowthDay * m.Retention / 86400
	p.Index = rate * m.Retention * (m.Images*vectorBytes + (1-m.Images)*8*hashesOfText)
	return p
}

// ErlangC is the probability that an arrival waits at c servers under a load of a
// (arrivals a second times seconds of service), a < c. Source: A. K. Erlang, 1917;
// computed by the recurrence of Erlang B, which does not overflow.
func ErlangC(c int, a float64) float64 {
	b := 1.0
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b)
	}
	rho := a / float64(c)
	return b / (1 - rho*(1-b))
}

// WaitQuantile is the q quantile of the wait in M/M/c, in seconds: the wait of those
// who wait is exponential with the rate c/service - rate. 0 where fewer wait.
func WaitQuantile(q, rate, service float64, c int) float64 {
	a := rate * service
	if a >= float64(c) {
		return math.Inf(1)
	}
	waits := ErlangC(c, a)
	if waits <= 1-q {
		return 0
	}
	return math.Log(waits/(1-q)) / (float64(c)/service - rate)
}

// Commit is the model of a group commit: a transaction of n rows takes
// fixed + n*each seconds, and takes all rows that wait when it begins.
type Commit struct{ Fixed, Each float64 }

// Batch is how many rows share a transaction at a rate: n = rate * (fixed + n*each).
func (c Commit) Batch(rate float64) float64 {
	if rate*c.Each >= 1 {
		return math.Inf(1)
	}
	return rate * c.Fixed / (1 - rate*c.Each)
}

// Wait is how long a row waits on average until it is durable: what is left of the
// transaction on its way, half of it, and its own.
func (c Commit) Wait(rate float64) float64 { return 1.5 * (c.Fixed + c.Batch(rate)*c.Each) }

// measuredCommit is a Commit that is no faster than what was measured: at the best
// rate a transaction takes its rows' time alone, and half a transaction and a whole
// one are the median wait of 64 writers.
func measuredCommit() Commit {
	return Commit{Fixed: waitMedian / 1.5, Each: 1.0 / rowsPerSecond}
}

// size is a number of bytes for people.
func size(bytes float64) string {
	for _, u := range []string{"B", "KiB", "MiB", "GiB", "TiB"} {
		if bytes < 1024 {
			return fmt.Sprintf("%.3g %s", bytes, u)
		}
		bytes /= 1024
	}
	return fmt.Sprintf("%.3g PiB", bytes)
}
