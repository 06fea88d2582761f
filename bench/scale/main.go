// Command scale says what a rate of outputs takes, by formulas over the figures of
// bench/results, and checks the formulas with a simulation. It prints Markdown
// tables; docs/scale.md explains them.
//
//	go run ./bench/scale
package main

import (
	"fmt"
	"math"
	"os"
)

const seed = 7

func main() {
	fmt.Printf("`go run ./bench/scale`: %.0f %% chat JSON, %.0f %% streams of %.0f events and %.0f s, %.0f %% pictures of a megapixel; replicas of %d cores, at most %.0f %% busy with one down\n\n",
		100*Default.JSON, 100*Default.SSE, Default.Events, Default.StreamSeconds, 100*Default.Images, coresPer, 100*busy)
	plans()
	if !checks() {
		os.Exit(1)
	}
}

var rates = []float64{1e3, 1e5, 1e7}

func plans() {
	fmt.Println("| outputs a minute | cores busy | replicas | busy, all / one down | a picture waits, p99 | open streams | rows a second | share of one SQLite writer | writers | database a day | after two years | index |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, n := range rates {
		p := PlanFor(n, Default)
		fmt.Printf("| %.0f | %.2f | %d | %.0f %% / %.0f %% | %.3g ms | %s | %.0f | %.1f %% | %d | %s | %s | %s |\n", n, p.Cores, p.Replicas,
			100*p.Utilisation, 100*p.Degraded, 1000*p.WaitP99, size(p.StreamBytes), p.RowsPerSec, 100*p.SQLite, p.Writers, size(p.GrowthDay), size(p.Kept), size(p.Index))
	}
}

// A check is one prediction beside what the simulation found.
type check struct {
	what                string
	predicted, observed float64
	tolerance           float64 // share of the prediction
	floor               float64 // differences below it do not count
}

func (c check) ok() bool {
	return math.Abs(c.predicted-c.observed) <= max(c.tolerance*c.predicted, c.floor)
}

func checks() bool {
	fmt.Println("\n| checked | model | simulation | tolerance | |\n| --- | --- | --- | --- | --- |")
	all := true
	for _, c := range append(stationChecks(), commitChecks()...) {
		verdict := "ok"
		if !c.ok() {
			verdict, all = "DIFFERS", false
		}
		fmt.Printf("| %s | %.4g | %.4g | %.0f %% | %s |\n", c.what, c.predicted, c.observed, 100*c.tolerance, verdict)
	}
	return all
}

// stationChecks compares the queue of pictures at one replica, and all cores when
// one of three replicas fails.
func stationChecks() []check {
	var out []check
	for _, c := range []int{2, 16} {
		for _, rho := range []float64{0.5, 0.7, 0.85} {
			s := Station{Servers: c, Rate: rho * float64(c) / imageSeconds, Service: imageSeconds, Arrivals: 400_000}
			o := s.Simulate(seed)
			name := fmt.Sprintf("pictures, %d cores, %.0f %% busy: ", c, 100*rho)
			out = append(out, check{name + "share busy", rho, o.Utilisation, 0.02, 0},
				check{name + "p99 of the wait, s", WaitQuantile(0.99, s.Rate, s.Service, c), o.WaitP99, 0.1, 0.002})
		}
	}
	load := 3 * 4 * 0.5 // three replicas of four cores, half busy
	s := Station{Servers: 12, Rate: load / imageSeconds, Service: imageSeconds, Arrivals: 400_000, FailAfter: 150_000, FailLosing: 4}
	o := s.Simulate(seed)
	return append(out, check{"one of three replicas fails: share of the rest busy", load / 8, o.Utilisation, 0.02, 0},
		check{"one of three replicas fails: p99 of the wait, s", WaitQuantile(0.99, s.Rate, s.Service, 8), o.WaitP99, 0.1, 0.002},
		replicaCheck())
}

// replicaCheck finds by simulation how many replicas keep the p99 of a picture's
// wait below 50 ms, and compares that with the formula.
func replicaCheck() check {
	const cores, limit = 4, 0.05
	rate := 500.0 // pictures a second
	enough := func(p99 func(r int) float64) float64 {
		r := int(math.Ceil(rate * imageSeconds / cores))
		for p99(r) > limit {
			r++
		}
		return float64(r)
	}
	model := enough(func(r int) float64 { return WaitQuantile(0.99, rate/float64(r), imageSeconds, cores) })
	simulated := enough(func(r int) float64 {
		return Station{Servers: cores, Rate: rate / float64(r), Service: imageSeconds, Arrivals: 200_000}.Simulate(seed).WaitP99
	})
	return check{fmt.Sprintf("replicas of %d cores for %.0f pictures a second, p99 of the wait <= %.0f ms", cores, rate, 1000*limit), model, simulated, 0, 1}
}

func commitChecks() []check {
	c := measuredCommit()
	var out []check
	for _, share := range []float64{0.5, 0.8} {
		rate := share * rowsPerSecond
		batch, wait := SimulateCommit(c, rate, 200_000, seed)
		name := fmt.Sprintf("group commit at %.0f rows/s: ", rate)
		out = append(out, check{name + "rows a transaction", c.Batch(rate), batch, 0.1, 0}, check{name + "wait until durable, s", c.Wait(rate), wait, 0.1, 0})
	}
	return out
}
