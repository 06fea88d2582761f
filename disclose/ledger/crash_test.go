package ledger

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// crashVariable has the test binary write records until it is killed: into the
// file, or the database, that it names. roundsVariable says how often.
const (
	crashVariable  = "AVOW_TEST_LEDGER_CRASH"
	roundsVariable = "AVOW_TEST_LEDGER_ROUNDS"
)

// crashWriters is how many goroutines write in a process that is killed.
const crashWriters = 64

// crashWriter writes records and prints the number of each one that was
// acknowledged.
func crashWriter() {
	target, first, _ := strings.Cut(os.Getenv(crashVariable), "\n")
	next, err := strconv.Atoi(first)
	if err != nil {
		panic(err)
	}
	o := Options{Writer: "crash", Key: testKey(1)}
	if strings.HasPrefix(target, "postgres") {
		o.URL = target
	} else {
		o.File = target
	}
	l, err := Open(context.Background(), o)
	if err != nil {
		panic(err)
	}
	var number atomic.Int64
	number.Store(int64(next))
	for range crashWriters {
		go func() {
			for {
				i := int(number.Add(1))
				if err := l.Put(context.Background(), full(i)); err != nil {
					panic(err)
				}
				fmt.Println(i) // one write, so that lines stay whole
			}
		}()
	}
	select {}
}

// A process that is killed at any moment loses nothing that it acknowledged, and
// leaves a chain that verifies and goes on.
func TestKilledProcessesLoseNothing(t *testing.T) {
	rounds := 3
	if s := os.Getenv(roundsVariable); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", roundsVariable, err)
		}
		rounds = n
	}
	eachDatabase(t, func(t *testing.T, p place) {
		p = p.with(func(o *Options) { o.Writer = "crash" })
		acknowledged := map[int]bool{}
		for round := range rounds {
			for _, i := range killedRun(t, p, 1_000_000*round) {
				acknowledged[i] = true
			}
			l := p.open()
			v := mustVerify(t, l)
			for _, problem := range v.Problems {
				if !strings.Contains(problem.What, "not known") { // each process has drawn a key of its own
					t.Fatalf("round %d: %v", round, problem)
				}
			}
			if len(v.Chains) != 1 {
				t.Fatalf("round %d: %d chains, want one that goes on", round, len(v.Chains))
			}
			missing(t, l, acknowledged)
			mustClose(t, l)
		}
		t.Logf("%d rounds, %d acknowledged records", rounds, len(acknowledged))
	})
}

// killedRun runs a writer, kills it after some acknowledgements and returns them.
func killedRun(t *testing.T, p place, first int) []int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s%s\n%d", crashVariable, p.o.File, p.o.URL, first))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	enough := 1 + rand.IntN(2000)
	var got []int
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if i, err := strconv.Atoi(lines.Text()); err == nil {
			got = append(got, i)
		}
		if len(got) == enough {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if len(got) < enough {
		t.Fatalf("the writer ended by itself after %d records", len(got))
	}
	return got
}

// missing fails the test where an acknowledged record is not there.
func missing(t *testing.T, l *Ledger, acknowledged map[int]bool) {
	t.Helper()
	rows, err := l.read.Query(`SELECT id FROM avow_records WHERE kind = 0`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	there := map[string]int{}
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		there[string(id)]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for i := range acknowledged {
		id := idOf(i)
		if there[string(id[:])] != 1 {
			t.Fatalf("record %d was acknowledged and is there %d times", i, there[string(id[:])])
		}
	}
}

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

// Two processes under one name: the younger goes on with the chain, the older one
// under a name of its own, and neither loses a record.
func TestTwoProcessesUnderOneName(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		p = p.with(func(o *Options) { o.Writer = "twin" })
		older := p.open()
		mustPut(t, older, full(1))
		younger := p.open()
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 20 {
				mustPut(t, older, full(100+i))
			}
		})
		for i := range 20 {
			mustPut(t, younger, full(200+i))
		}
		wg.Wait()
		missing(t, younger, map[int]bool{1: true, 100: true, 119: true, 200: true, 219: true})
		v := intact(t, younger)
		if len(v.Chains) != 2 || v.Chains[0].Last != 21 || v.Chains[1].Last != 20 {
			t.Fatalf("%+v", v.Chains)
		}
		if !strings.HasPrefix(v.Chains[1].Writer, "twin-") {
			t.Fatalf("the older process writes as %q", v.Chains[1].Writer)
		}
	})
}

// A chain whose end was tampered with is left for Verify to name, and records go
// on in another.
func TestABrokenEndIsNotGoneOnWith(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		p = p.with(func(o *Options) { o.Writer = "w" })
		filled(t, p)
		p.exec(`UPDATE avow_records SET body = (SELECT body FROM avow_records WHERE n = ?1) WHERE n = ?2`, rowNumber(1, 11), rowNumber(1, 22))
		l := p.open()
		mustPut(t, l, full(99))
		v := mustVerify(t, l)
		if len(v.Chains) != 2 || !hasProblem(v, 22, "was changed") || v.Chains[1].Last != 1 {
			t.Fatalf("%+v", v)
		}
		mustPut(t, l, full(98))
		p.exec(`UPDATE avow_chains SET seq = seq + 1 WHERE chain = 2`) // under its feet
		mustPut(t, l, full(97))
		if v := mustVerify(t, l); len(v.Chains) != 3 {
			t.Fatalf("%+v", v)
		}
	})
}

// Every byte of the file that is changed either shows or changes no row.
func TestFlippedBytes(t *testing.T) {
	p := sqlitePlace(t)
	filled(t, p)
	whole := readFile(t, p.o.File)
	want := exportOf(t, p.o)
	step := 1 + len(whole)/150
	for at := 0; at < len(whole); at += step {
		damaged := sqlitePlace(t)
		data := append([]byte(nil), whole...)
		data[at] ^= 1 << rand.IntN(8)
		if err := os.WriteFile(damaged.o.File, data, 0o600); err != nil {
			t.Fatal(err)
		}
		damaged.o.ReadOnly = true
		l, err := Open(context.Background(), damaged.o)
		if err != nil {
			continue
		}
		v, err := l.Verify(context.Background())
		mustClose(t, l)
		if err == nil && v.Intact() && exportOf(t, damaged.o) != want {
			t.Fatalf("byte %d was changed, rows differ, and it does not show", at)
		}
	}
}

// exportOf is all that a ledger holds.
func exportOf(t *testing.T, o Options) string {
	t.Helper()
	l := place{readOnly(o), t}.open()
	defer mustClose(t, l)
	var out strings.Builder
	if err := l.Export(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
