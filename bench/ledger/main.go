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
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/url"
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
	flag.StringVar(&c.postgres, "postgres", "", "URL of a PostgreSQL database that is measured too, in a schema made for it")
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
	own, drop, err := ownSchema(c.postgres)
	if err != nil {
		return err
	}
	return errors.Join(measure(c, "PostgreSQL", ledger.Options{URL: own, Key: key}), drop())
}

// ownSchema makes a schema in the database, which drop takes away again.
func ownSchema(raw string) (own string, drop func() error, err error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", nil, errors.New("the URL of the database cannot be read")
	}
	name := fmt.Sprintf("avow_bench_%d", os.Getpid())
	q := u.Query()
	q.Set("search_path", name)
	exec := func(statement string) error {
		db, err := sql.Open("pgx", raw) // package ledger links the driver
		if err != nil {
			return err
		}
		_, err = db.Exec(statement)
		return errors.Join(err, db.Close())
	}
	u.RawQuery = q.Encode()
	return u.String(), func() error { return exec("DROP SCHEMA " + name + " CASCADE") }, exec("CREATE SCHEMA " + name)
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
