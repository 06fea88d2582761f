// Command ledger measures the ledger: records acknowledged per second with many
// writers and how long each waits, how fast the chain is verified and the index
// over fingerprints is built, and how long a search among all records takes. It
// prints a Markdown table.
//
//	go run ./bench/ledger [-records 1000000] [-dir DIR] [-postgres URL]
//
// Figures depend on what a flush to disk costs; DIR has to be on the disk that is
// meant, not in memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/watermark"
)

// config holds the sizes of one run.
type config struct {
	writers, records, searches int
	load                       time.Duration
	postgres                   string
}

func main() {
	var c config
	dir := flag.String("dir", "", "where the ledger is made; a temporary directory of its own by default")
	flag.IntVar(&c.writers, "writers", 64, "goroutines that write at one time")
	flag.IntVar(&c.records, "records", 1_000_000, "records that are verified and searched")
	flag.IntVar(&c.searches, "searches", 200, "searches of each kind")
	flag.DurationVar(&c.load, "load", 10*time.Second, "how long the writers write")
	flag.StringVar(&c.postgres, "postgres", "", "also measure this PostgreSQL database; it is left with the tables in it")
	flag.Parse()
	log.SetFlags(0)
	if err := run(c, *dir); err != nil {
		log.Fatal("ledger: ", err)
	}
}

func run(c config, parent string) error {
	dir, err := os.MkdirTemp(parent, "avow-ledger-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	key, err := watermark.GenerateKey()
	if err != nil {
		return err
	}
	fmt.Printf("`go run ./bench/ledger`: %s, %s/%s, %d cores%s; %d records, half of them pictures with 64 local parts, half texts with 60 hashes\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), otherLoad(), c.records)
	fmt.Println("| what | database | figure | asked for |\n| --- | --- | --- | --- |")
	if err := measure(c, "SQLite", ledger.Options{File: filepath.Join(dir, "ledger.db"), Key: key}); err != nil || c.postgres == "" {
		return err
	}
	return measure(c, "PostgreSQL", ledger.Options{URL: c.postgres, Key: key})
}

// otherLoad says how busy the machine is before the run, where that can be read.
func otherLoad() string {
	data, err := os.ReadFile("/proc/loadavg")
	first, _, ok := strings.Cut(string(data), " ")
	if err != nil || !ok {
		return ""
	}
	return ", load average before the run " + first
}

// measure prints the rows of one database.
func measure(c config, name string, o ledger.Options) error {
	o.Writer = fmt.Sprintf("bench-%d", os.Getpid())
	l, err := ledger.Open(context.Background(), o)
	if err != nil {
		return err
	}
	m := &measurement{c: c, name: name, l: l, o: o}
	err = m.all()
	if cerr := l.Close(); err == nil {
		err = cerr
	}
	return err
}

// row prints one line of the table.
func (m *measurement) row(what, figure, asked string) {
	fmt.Printf("| %s | %s | %s | %s |\n", what, m.name, figure, asked)
}
