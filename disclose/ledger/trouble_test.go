package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// A database that cannot be written acknowledges nothing, and is written again
// without a restart once it can.
func TestFullDisk(t *testing.T) {
	p := sqlitePlace(t)
	l := p.open()
	mustPut(t, l, full(0))
	limit := func(pages int) {
		t.Helper()
		full := func(ctx context.Context) error {
			_, err := l.w.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		}
		if err := l.w.do(context.Background(), full); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // what it has, and no more
	acknowledged, failed := map[int]bool{0: true}, 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := 1; i <= 200; i++ {
		wg.Go(func() {
			r := full(i)
			r.Manifest = make([]byte, 20_000)
			err := l.Put(context.Background(), r)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				acknowledged[i] = true
			} else {
				failed++
			}
		})
	}
	wg.Wait()
	if failed == 0 {
		t.Fatal("a full database took everything")
	}
	eventually(t, l) // the connection that was opened anew has no limit
	missing(t, l, acknowledged)
	v := intact(t, l)
	if v.Chains[0].Last < int64(len(acknowledged)) || len(v.Chains) != 1 {
		t.Fatalf("%d acknowledged, %+v", len(acknowledged), v)
	}
}

// eventually waits until the ledger can be written again.
func eventually(t *testing.T, l *Ledger) {
	t.Helper()
	var err error
	for range 1000 {
		if err = l.Put(context.Background(), bare(1<<24)); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err == nil {
		err = l.Writable()
	}
	if err != nil {
		t.Fatalf("it cannot be written yet: %v", err)
	}
}

// A record whose caller gave up while another program held the database is written
// once, however often it is handed over.
func TestALockedDatabase(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		l := p.open()
		mustPut(t, l, full(0))
		db, d := p.raw()
		defer db.Close()
		tx, err := db.Begin()
		if err == nil && d.postgres {
			_, err = tx.Exec(`LOCK TABLE avow_chains IN ACCESS EXCLUSIVE MODE`)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			if err := l.Put(ctx, full(1)); !errors.Is(err, ErrDown) {
				t.Errorf("Put into a locked database: %v", err)
			}
			cancel()
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		for l.Put(context.Background(), full(1)) != nil {
			time.Sleep(time.Millisecond)
		}
		if n := p.count(`SELECT count(*) FROM avow_records WHERE kind = 0`); n != 2 {
			t.Fatalf("%d rows, want 2", n)
		}
		intact(t, l)
	})
}

// controlVariable names a program that stops and starts the database that
// postgresVariable names, with its own arguments, such as ".ci/postgres % DIR": %
// becomes stop or start.
const controlVariable = "AVOW_TEST_POSTGRES_CONTROL"

func control(t *testing.T, verb string) {
	t.Helper()
	words := strings.Fields(os.Getenv(controlVariable))
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "%", verb)
	}
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", words, err, out)
	}
}

// A server that is stopped under load, and started again.
func TestStoppedPostgreSQL(t *testing.T) {
	if os.Getenv(controlVariable) == "" {
		t.Skipf("stopping PostgreSQL was skipped: set %s to what does it", controlVariable)
	}
	p := postgresPlace(t)
	l := p.open()
	ctx, cancel := context.WithCancel(context.Background())
	acknowledged, lost := map[int]bool{}, []disclose.Record{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var number atomic.Int64
	for range 16 {
		wg.Go(func() {
			for ctx.Err() == nil {
				r := full(int(number.Add(1)))
				err := l.Put(context.Background(), r)
				mu.Lock()
				if err == nil {
					acknowledged[int(r.Size)] = true
				} else {
					lost = append(lost, r)
				}
				mu.Unlock()
				if err != nil {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	for range 2 {
		time.Sleep(200 * time.Millisecond)
		control(t, "stop")
		if err := l.Put(context.Background(), bare(1<<25)); err == nil {
			t.Error("a stopped server acknowledged a record")
		}
		control(t, "start")
		eventually(t, l)
	}
	cancel()
	wg.Wait()
	for _, r := range lost[:min(len(lost), 200)] { // as the spool does
		mustPut(t, l, r)
		acknowledged[int(r.Size)] = true
	}
	missing(t, l, acknowledged)
	if v := intact(t, l); len(v.Chains) != 1 {
		t.Fatalf("%+v", v)
	}
	t.Logf("%d acknowledged, %d refused while it was down", len(acknowledged), len(lost))
}

// smallDiskVariable names a directory on a file system of 16 megabytes, which
// the test fills.
const smallDiskVariable = "AVOW_TEST_SMALL_DISK"

func TestFullFileSystem(t *testing.T) {
	dir := os.Getenv(smallDiskVariable)
	if dir == "" {
		t.Skipf("a file system that is full was skipped: set %s to a directory on a small one", smallDiskVariable)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 9<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	p := place{Options{File: filepath.Join(dir, "ledger.db"), Key: testKey(1), Logger: testLogger(t)}, t}
	l := p.open()
	acknowledged := map[int]bool{}
	for i := range 100_000 {
		r := full(i)
		r.Manifest = make([]byte, 50_000)
		if err := l.Put(context.Background(), r); err != nil {
			break
		}
		acknowledged[i] = true
	}
	if len(acknowledged) == 100_000 {
		t.Fatal("the disk never was full")
	}
	missing(t, l, acknowledged) // it can still be read
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, l)
	missing(t, l, acknowledged)
	if v := intact(t, l); len(v.Chains) != 1 {
		t.Fatalf("%+v", v)
	}
	t.Logf("%d records until it was full", len(acknowledged))
}
