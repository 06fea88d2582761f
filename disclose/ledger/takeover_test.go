package ledger

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
)

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

// Many short programs under one name take turns, or the next free name.
func TestYieldingWritersTakeFreeNames(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		p = p.with(func(o *Options) { o.Writer, o.Yield = "mark", true })
		for range 2 {
			open := []*Ledger{p.open(), p.open(), p.open()}
			for i, l := range open {
				mustPut(t, l, full(i))
			}
			for _, l := range open {
				mustClose(t, l)
			}
		}
		v := intact(t, place{readOnly(p.o), t}.open())
		if len(v.Chains) != 3 || v.Chains[0].Writer != "mark" || v.Chains[2].Writer != "mark-3" {
			t.Fatalf("%+v", v.Chains)
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
