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
)

// crashVariable has the test binary write records: into the file, or the database,
// on its first line, from the number on its second, as many as its third says, 0 for
// until it is killed. roundsVariable says how often that is done.
const (
	crashVariable  = "AVOW_TEST_LEDGER_CRASH"
	roundsVariable = "AVOW_TEST_LEDGER_ROUNDS"
)

// crashWriters is how many goroutines write in a process that is killed.
const crashWriters = 64

// crashWriter writes records and prints the number of each one that was
// acknowledged.
func crashWriter() {
	lines := strings.Split(os.Getenv(crashVariable), "\n")
	target := lines[0]
	next, err := strconv.Atoi(lines[1])
	if err != nil {
		panic(err)
	}
	count, err := strconv.Atoi(lines[2])
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
	for range 50 { // whoever starts it would start it again
		if err != nil {
			l, err = Open(context.Background(), o)
		}
	}
	if err != nil {
		panic(err)
	}
	var number atomic.Int64
	number.Store(int64(next))
	var wg sync.WaitGroup
	for range crashWriters {
		wg.Go(func() {
			for {
				i := int(number.Add(1))
				if count > 0 && i > next+count {
					return
				}
				for l.Put(context.Background(), full(i)) != nil { // as the spool does
					time.Sleep(time.Millisecond)
				}
				fmt.Println(i) // one write, so that lines stay whole
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "close:", err) // what was acknowledged is on disk all the same
	}
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
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s%s\n%d\n0", crashVariable, p.o.File, p.o.URL, first))
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
