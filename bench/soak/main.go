// Command soak runs avow for a long time under mixed load, with a fault every half
// minute, and says whether it stayed what it was: its memory, goroutines and
// descriptors, the order of events, the marks on answers, and a record of every
// answer that left. Client, backend and avow are three processes on this machine.
//
//	go run ./bench/soak > bench/results/soak.md
//
// The exit code is 1 where a promise was broken, which the document then names.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/avowai/avow/internal/loadtest"
)

// config holds the sizes of one run.
type config struct {
	minutes    float64
	rate       float64       // answers asked for a second
	every      time.Duration // between two events of a stream
	side       int           // of a picture, in pixels
	between    time.Duration // faults
	sample     time.Duration
	slope      float64 // MiB an hour
	descriptor float64 // goroutines, and descriptors, more than at the start
}

func main() {
	var c config
	role := flag.String("role", "", "internal: run as the `upstream`")
	flag.Float64Var(&c.minutes, "minutes", 20, "how long, in minutes")
	flag.Float64Var(&c.rate, "rate", 120, "answers asked for a second: 70 % streams, 25 % JSON, 5 % pictures")
	flag.DurationVar(&c.every, "every", 50*time.Millisecond, "between two events of a stream")
	flag.IntVar(&c.side, "side", 512, "side of a picture, in pixels")
	flag.DurationVar(&c.between, "faults", 30*time.Second, "between two faults")
	flag.DurationVar(&c.sample, "sample", 10*time.Second, "between two samples")
	flag.Float64Var(&c.slope, "slope", 60, "growth of memory in the second half that counts as a leak, in MiB an hour")
	flag.Float64Var(&c.descriptor, "grown", 10, "goroutines or descriptors more than at the start that count as a leak")
	flag.Parse()
	log.SetFlags(0)
	if *role == "upstream" {
		log.Fatal(loadtest.Serve(os.Stdout, upstream(c)))
	}
	s, err := run(c)
	if err != nil {
		log.Fatal("soak: ", err)
	}
	s.print(os.Stdout)
	if len(s.broken) > 0 {
		os.Exit(1)
	}
}

// A soak is one run, and what came of it.
type soak struct {
	c              config
	dir, program   string
	upstream, avow *loadtest.Process
	client         *http.Client
	began          time.Time
	took           time.Duration

	mu      sync.Mutex
	counts  map[string]int
	answers map[string]bool // ids of answers that came whole
	picture [][]byte        // some marked pictures, for questions
	broken  []string        // promises, each once
	faults  []string
	samples []sample
	before  sample
	after   sample
	ledger  ledgerCheck
	metrics map[string]float64
}

func run(c config) (*soak, error) {
	dir, err := os.MkdirTemp("", "avow-soak")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := &soak{c: c, dir: dir, counts: map[string]int{}, answers: map[string]bool{},
		client: &http.Client{Timeout: patience, Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256}}}
	if s.program, err = loadtest.Build(dir); err != nil {
		return nil, err
	}
	s.upstream, err = loadtest.Self("upstream", "-role", "upstream", "-every", c.every.String(), "-side", fmt.Sprint(c.side))
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.upstream.Stop() }()
	if s.avow, err = loadtest.Avow(s.program, dir, s.upstream.URL); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		_ = s.avow.Stop()
		return nil, err
	}
	if err := s.avow.Stop(); err != nil {
		s.broke("avow did not end by itself: %v", err)
	}
	return s, s.checkLedger()
}

// load is the run itself, from rest to rest.
func (s *soak) load() (err error) {
	s.warmUp()
	if s.before, err = s.atRest(nil); err != nil {
		return err
	}
	s.began = time.Now()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, part := range []func(<-chan struct{}){s.keepAsking, s.keepSampling, s.keepFailing} {
		wg.Go(func() { part(stop) })
	}
	time.Sleep(time.Duration(s.c.minutes * float64(time.Minute)))
	close(stop)
	wg.Wait()
	s.took = time.Since(s.began)
	resp, err := http.Get(s.upstream.URL + "/rest")
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if s.after, err = s.atRest(&s.before); err != nil {
		return err
	}
	s.judge()
	return nil
}

// broke notes a promise that was not kept; only the first few of a kind.
func (s *soak) broke(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, _, _ := strings.Cut(format, "%")
	if s.counts["broken: "+kind]++; s.counts["broken: "+kind] <= 3 {
		s.broken = append(s.broken, fmt.Sprintf(format, args...))
	}
}

func (s *soak) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
}
