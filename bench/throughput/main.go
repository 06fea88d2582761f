// Command throughput measures what avow adds to a response on its way through,
// against a bare httputil.ReverseProxy in the same run. Both proxies are
// processes of their own, so that memory can be told apart, and rounds
// alternate between them, so that a machine that slows down slows both.
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
	bare, err := startChild("bare", up.URL)
	if err != nil {
		return err
	}
	defer bare.stop()
	avow, err := startChild("avow", up.URL)
	if err != nil {
		return err
	}
	defer avow.stop()
	printMachine(c)
	for _, m := range []func(config, *child, *child) error{jsonLatency, firstEvent, perEvent, streamMemory} {
		if err := m(c, bare, avow); err != nil {
			return err
		}
	}
	fmt.Println("\np50 per round, then the median over rounds; added = median over rounds of (avow - bare).")
	return nil
}
