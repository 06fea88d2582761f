// Command throughput measures what avow adds to a response on its way through,
// against a bare httputil.ReverseProxy in the same run. Rounds alternate between
// the two, so that a machine that slows down slows both. Latency is taken with
// client, backend and proxies in one process, where it repeats within a
// microsecond or two; memory with each proxy in a process of its own.
//
//	go run ./bench/throughput
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
)

// config holds the sizes of one run.
type config struct {
	rounds, requests, streams int
}

func main() {
	var c config
	serve := flag.String("serve", "", "internal: run as the proxy `bare` or `avow`")
	upstream := flag.String("upstream", "", "internal: the proxy's upstream")
	flag.IntVar(&c.rounds, "rounds", 11, "alternating rounds of each latency measurement")
	flag.IntVar(&c.requests, "requests", 1500, "requests per round")
	flag.IntVar(&c.streams, "streams", 1000, "open streams of the memory measurement")
	flag.Parse()
	log.SetFlags(0)
	var err error
	if *serve != "" {
		err = serveProxy(*serve, *upstream, os.Stdout)
	} else {
		err = measure(c)
	}
	if err != nil {
		log.Fatal("throughput: ", err)
	}
}

// measure starts the upstream and both proxies and prints one table.
func measure(c config) error {
	up := httptest.NewServer(upstreamHandler())
	defer up.Close()
	printMachine(c)
	for _, m := range []func(config, string) error{latencies, memory} {
		if err := m(c, up.URL); err != nil {
			return err
		}
	}
	if err := perEvent(); err != nil {
		return err
	}
	fmt.Println("\np50 per round, then the median over rounds; added = median over rounds of (avow - bare).")
	return nil
}

// latencies serves both proxies from this process.
func latencies(c config, upstream string) error {
	bare, err := startHere("bare", upstream)
	if err != nil {
		return err
	}
	defer bare.stop()
	avow, err := startHere("avow", upstream)
	if err != nil {
		return err
	}
	defer avow.stop()
	for _, m := range []func(config, *child, *child) error{jsonLatency, firstEvent} {
		if err := m(c, bare, avow); err != nil {
			return err
		}
	}
	return nil
}

// memory gives each proxy a process of its own.
func memory(c config, upstream string) error {
	bare, err := startChild("bare", upstream)
	if err != nil {
		return err
	}
	defer bare.stop()
	avow, err := startChild("avow", upstream)
	if err != nil {
		return err
	}
	defer avow.stop()
	return streamMemory(c, bare, avow)
}
