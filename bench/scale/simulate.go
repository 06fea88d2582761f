package main

import (
	"math/rand/v2"
	"slices"
)

// A Station is c servers with one queue, first come, first served.
type Station struct {
	Servers    int
	Rate       float64 // arrivals a second
	Service    float64 // seconds on average, exponentially distributed
	Arrivals   int
	FailAfter  int // so many arrivals; 0 for never
	FailLosing int // servers
}

// An Observed is what happened at a station.
type Observed struct {
	Utilisation float64 // after the failure, where there was one
	WaitP99     float64
}

// Simulate lets arrivals come at random times (Poisson) and be served. The first
// tenth, and after a failure as many again, warm up and do not count.
func (s Station) Simulate(seed uint64) Observed {
	rng := rand.New(rand.NewPCG(seed, 3))
	free := make([]float64, s.Servers) // when each server is next free
	warm := max(s.Arrivals/10, s.FailAfter*11/10)
	var now, from, work float64
	waits := make([]float64, 0, s.Arrivals)
	for i := range s.Arrivals {
		now += rng.ExpFloat64() / s.Rate
		if s.FailAfter > 0 && i == s.FailAfter {
			free = free[:len(free)-s.FailLosing] // what they had begun is asked for again elsewhere
		}
		first := 0
		for j, t := range free {
			if t < free[first] {
				first = j
			}
		}
		begin := max(now, free[first])
		service := rng.ExpFloat64() * s.Service
		free[first] = begin + service
		switch {
		case i == warm:
			from = now
		case i > warm:
			waits = append(waits, begin-now)
			work += service
		}
	}
	slices.Sort(waits)
	return Observed{Utilisation: work / (now - from) / float64(len(free)), WaitP99: waits[len(waits)*99/100]}
}

// SimulateCommit lets rows come at random times into a group commit, and returns
// how many shared a transaction and how long each waited, on average over rows.
func SimulateCommit(c Commit, rate float64, rows int, seed uint64) (batch, wait float64) {
	rng := rand.New(rand.NewPCG(seed, 4))
	next := rng.ExpFloat64() / rate
	var now float64
	var waiting []float64
	transactions := 0
	for done := 0; done < rows; transactions++ {
		if len(waiting) == 0 {
			now = max(now, next)
		}
		for next <= now {
			waiting = append(waiting, next)
			next += rng.ExpFloat64() / rate
		}
		now += c.Fixed + float64(len(waiting))*c.Each
		for _, t := range waiting {
			wait += now - t
		}
		done += len(waiting)
		batch += float64(len(waiting))
		waiting = waiting[:0]
	}
	return batch / float64(transactions), wait / batch
}
