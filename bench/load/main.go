// Command load puts avow under load beside a bare httputil.ReverseProxy: thousands
// of open streams, chat answers as fast as they go, and more pictures than the pool
// has room for. Client, backend and proxy are three processes on this machine. avow
// is the program itself, with its ledger in a directory of its own.
//
//	go run ./bench/load
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/avowai/avow/internal/loadtest"
)

// config holds the sizes of one run.
type config struct {
	streams        int
	events         int
	every, ramp    time.Duration
	rounds         int
	round          time.Duration
	clients        int
	pictures, side int
}

func main() {
	var c config
	role := flag.String("role", "", "internal: run as the `upstream`, or as the bare or lean proxy")
	upstream := flag.String("upstream", "", "internal: the proxy's upstream")
	flag.IntVar(&c.streams, "streams", 9500, "streams open at one time; each takes two descriptors of the proxy")
	flag.IntVar(&c.events, "events", 20, "events of a stream")
	flag.DurationVar(&c.every, "every", 1900*time.Millisecond, "between two events of a stream")
	flag.DurationVar(&c.ramp, "ramp", 20*time.Second, "time in which the streams are opened")
	flag.IntVar(&c.rounds, "rounds", 5, "alternating rounds of chat answers")
	flag.DurationVar(&c.round, "round", 4*time.Second, "length of a round")
	flag.IntVar(&c.clients, "clients", 16, "clients that ask for chat answers")
	flag.IntVar(&c.pictures, "pictures", 120, "pictures asked for at one time")
	flag.IntVar(&c.side, "side", 1024, "side of a picture, in pixels")
	flag.Parse()
	log.SetFlags(0)
	var err error
	switch *role {
	case "upstream":
		err = loadtest.Serve(os.Stdout, &http.Server{Handler: upstreamHandler(c)})
	case "bare", "lean":
		err = serveBare(os.Stdout, *upstream, *role == "lean")
	default:
		err = measure(c)
	}
	if err != nil {
		log.Fatal("load: ", err)
	}
}

// measure runs everything and prints one document.
func measure(c config) error {
	b, err := newBench(c)
	if err != nil {
		return err
	}
	defer b.stop()
	fmt.Printf("`go run ./bench/load -streams %d -events %d -every %v -rounds %d -clients %d`: %s, %s/%s, %d cores\n",
		c.streams, c.events, c.every, c.rounds, c.clients, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, m := range []func(*bench) error{openStreams, chatAnswers, tooManyPictures} {
		if err := m(b); err != nil {
			return err
		}
	}
	return nil
}

// A bench is what runs beside this process.
type bench struct {
	c        config
	dir      string
	avow     string // the program
	upstream *loadtest.Process
}

func newBench(c config) (*bench, error) {
	dir, err := os.MkdirTemp("", "avow-load")
	if err != nil {
		return nil, err
	}
	b := &bench{c: c, dir: dir}
	if b.avow, err = loadtest.Build(dir); err == nil {
		b.upstream, err = loadtest.Self("upstream", "-role", "upstream", "-events", fmt.Sprint(c.events), "-every", c.every.String(), "-side", fmt.Sprint(c.side))
	}
	if err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

func (b *bench) stop() {
	if b.upstream != nil {
		_ = b.upstream.Stop()
	}
	_ = os.RemoveAll(b.dir)
}

// proxy starts a bare proxy or avow, each time anew.
func (b *bench) proxy(kind string, flags ...string) (*loadtest.Process, error) {
	if kind != "avow" {
		return loadtest.Self(kind, "-role", kind, "-upstream", b.upstream.URL)
	}
	return loadtest.Avow(b.avow, b.dir, b.upstream.URL, flags...)
}
