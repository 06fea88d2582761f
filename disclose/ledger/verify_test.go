package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

func mustVerify(t *testing.T, l *Ledger) Verification {
	t.Helper()
	v, err := l.Verify(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// intact fails the test where Verify finds anything.
func intact(t *testing.T, l *Ledger) Verification {
	t.Helper()
	v := mustVerify(t, l)
	if !v.Intact() {
		t.Fatalf("%d problems: %v", v.Found, v.Problems)
	}
	return v
}

// filled writes ten records and a head, twice, and closes the ledger.
func filled(t *testing.T, p place) {
	t.Helper()
	for round := range 2 {
		l := p.open()
		var records []disclose.Record
		for i := range 10 {
			records = append(records, full(10*round+i))
		}
		mustPut(t, l, records...)
		mustClose(t, l)
	}
}

func TestVerify(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		p = p.with(func(o *Options) { o.Writer = "w" })
		filled(t, p)
		l := p.open()
		v := intact(t, l)
		if v.Rows != 22 || len(v.Chains) != 1 {
			t.Fatalf("%+v", v)
		}
		c := v.Chains[0]
		if c.Writer != "w" || c.First != 1 || c.Last != 22 || c.Heads != 2 || c.Signed != 21 || c.SignedAt.IsZero() || len(c.Link) != 64 {
			t.Fatalf("%+v", c)
		}
	})
}

// Who can write to the database can change anything in it. Each change shows, at
// the row where it was made.
func TestTamperingIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		statement string
		seq       int64
		what      string
	}{
		"a body":           {`UPDATE avow_records SET body = (SELECT body FROM avow_records WHERE n = base + 4) WHERE n = base + 3`, 3, "was changed"},
		"a time":           {`UPDATE avow_records SET at = at - 1 WHERE n = base + 3`, 3, "was changed"},
		"a kind":           {`UPDATE avow_records SET kind = 2 WHERE n = base + 3`, 3, "was changed"},
		"an unknown kind":  {`UPDATE avow_records SET kind = 9 WHERE n = base + 3`, 3, "was changed"},
		"a link":           {`UPDATE avow_records SET link = (SELECT link FROM avow_records WHERE n = base + 4) WHERE n = base + 3`, 3, "was changed"},
		"an id":            {`UPDATE avow_records SET id = (SELECT id FROM avow_records WHERE n = base + 4) WHERE n = base + 3`, 3, "columns"},
		"a response":       {`UPDATE avow_records SET response = NULL WHERE n = base + 3`, 3, "columns"},
		"a fingerprint":    {`UPDATE avow_records SET print = (SELECT print FROM avow_records WHERE n = base + 4) WHERE n = base + 3`, 3, "fingerprint"},
		"no fingerprint":   {`UPDATE avow_records SET print = NULL WHERE n = base + 3`, 3, "fingerprint"},
		"a salt":           {`UPDATE avow_records SET salt = (SELECT salt FROM avow_records WHERE n = base + 4) WHERE n = base + 3`, 3, "fingerprint"},
		"erased quietly":   {`UPDATE avow_records SET salt = NULL, print = NULL WHERE n = base + 3`, 3, "no note"},
		"erased, they say": {`UPDATE avow_records SET salt = NULL, print = NULL, erased = base + 5 WHERE n = base + 3`, 3, "still there"},
		"marked as erased": {`UPDATE avow_records SET erased = base + 5 WHERE n = base + 3`, 3, "still there"},
		"a manifest":       {`UPDATE avow_manifests SET store = id WHERE n = base + 3`, 3, "manifest"},
		"a manifest's id":  {`UPDATE avow_manifests SET id = (SELECT id FROM avow_records WHERE n = base + 4) WHERE n = base + 3`, 3, "manifest"},
		"no manifest":      {`DELETE FROM avow_manifests WHERE n = base + 3`, 3, "manifest"},
		"a manifest moved": {`UPDATE avow_manifests SET n = base + 11 WHERE n = base + 3`, 3, "manifest"},
		"a row":            {`DELETE FROM avow_records WHERE n = base + 3`, 4, "rows 3 to 3"},
		"the first rows":   {`DELETE FROM avow_records WHERE n < base + 3`, 3, "rows 1 to 2"},
		"the end":          {`DELETE FROM avow_records WHERE n > base + 19`, 20, "rows 20 to 22"},
		"the last head":    {`DELETE FROM avow_records WHERE n = base + 22`, 22, "missing"},
		"where it ends":    {`UPDATE avow_chains SET seq = 21`, 22, "behind the end"},
		"how it ends":      {`UPDATE avow_chains SET link = (SELECT link FROM avow_records WHERE n = base + 4)`, 22, "end of the chain"},
		"a cut":            {`UPDATE avow_chains SET cut = writer`, 0, "cannot be read"},
		"a whole chain":    {`DELETE FROM avow_chains`, 0, "no chain"},
		"a negative row":   {`UPDATE avow_records SET n = -n WHERE n = base + 3`, 0, "no chain"},
		"a row far behind": {`UPDATE avow_records SET n = 4611686018427387905 WHERE n = base + 3`, 0, "no chain"},
		"a head":           {`UPDATE avow_records SET body = (SELECT body FROM avow_records WHERE n = base + 22) WHERE n = base + 11`, 11, "was changed"},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, p place) {
				filled(t, p)
				p.exec(strings.ReplaceAll(c.statement, "base", fmt.Sprint(rowNumber(1, 0))))
				l := place{readOnly(p.o), t}.open()
				v := mustVerify(t, l)
				if v.Intact() || v.Problems[0].Seq != c.seq && !hasProblem(v, c.seq, c.what) || !hasProblem(v, c.seq, c.what) {
					t.Fatalf("problems %v, want row %d: %s", v.Problems, c.seq, c.what)
				}
			})
		})
	}
}

func readOnly(o Options) Options {
	o.ReadOnly = true
	return o
}

func hasProblem(v Verification, seq int64, what string) bool {
	for _, p := range v.Problems {
		if p.Seq == seq && strings.Contains(p.What, what) {
			return true
		}
	}
	return false
}

func TestHeadsOfStrangers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		filled(t, p)
		for _, c := range []struct {
			change func(*Options)
			intact bool
		}{
			{func(*Options) {}, true},
			{func(o *Options) { o.Key, o.VerifyKeys = testKey(2), []watermark.Key{testKey(1)} }, true},
			{func(o *Options) { o.Key = watermark.Key{} }, true}, // nobody to compare with
			{func(o *Options) { o.Key = testKey(2) }, false},
		} {
			o := readOnly(p.o)
			c.change(&o)
			v := mustVerify(t, place{o, t}.open())
			if v.Intact() != c.intact || !c.intact && !hasProblem(v, 11, "not known") {
				t.Errorf("%v, want intact %v", v.Problems, c.intact)
			}
		}
	})
}

// Who takes out the end of a chain with all that names it leaves a chain that
// verifies, but for a link that was kept elsewhere.
func TestKeptLinks(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		ctx := context.Background()
		filled(t, p)
		l := p.open()
		last := intact(t, l).Chains[0].Link
		mustPut(t, l, full(50))
		mustClose(t, l)
		reading := place{readOnly(p.o), t}
		if v, err := reading.open().Verify(ctx, last, last); err != nil || !v.Intact() {
			t.Fatalf("%v %v", v.Problems, err)
		}
		p.exec(`DELETE FROM avow_records WHERE n > ?1`, rowNumber(1, 11))
		p.exec(`DELETE FROM avow_manifests WHERE n > ?1`, rowNumber(1, 11))
		p.exec(`UPDATE avow_chains SET seq = 11, head = 11, link = (SELECT link FROM avow_records WHERE n = ?1)`, rowNumber(1, 11))
		intact(t, reading.open())
		if v, err := reading.open().Verify(ctx, last); err != nil || !hasProblem(v, 0, last) {
			t.Fatalf("%v %v", v.Problems, err)
		}
		if _, err := reading.open().Verify(ctx, "xyz"); !errors.Is(err, ErrLink) {
			t.Fatal("what is no link was taken for one")
		}
	})
}

// A chain can be written anew from some row on, but for its heads.
func TestARewrittenChainHasNoHeads(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		clock := handClock()
		p = p.with(func(o *Options) { o.Writer, o.Now = "w", clock.now })
		l := p.open()
		mustPut(t, l, full(1))
		mustClose(t, l)
		unsigned := p.with(func(o *Options) { o.Key = watermark.Key{} }).open()
		for i := range 4 {
			clock.move(4 * time.Minute)
			mustPut(t, unsigned, full(10+i))
		}
		mustClose(t, unsigned)
		v := mustVerify(t, place{readOnly(p.with(func(o *Options) { o.Key = testKey(1) }).o), t}.open())
		if !hasProblem(v, 6, "no signed head") {
			t.Fatalf("%v", v.Problems)
		}
	})
}

// A chain that was written anew as a whole has no head at all.
func TestAChainWithoutAnyHead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		clock := handClock()
		p = p.with(func(o *Options) { o.Writer, o.Now = "w", clock.now })
		unsigned := p.with(func(o *Options) { o.Key = watermark.Key{} }).open()
		for i := range 4 {
			mustPut(t, unsigned, full(10+i))
			clock.move(4 * time.Minute)
		}
		mustClose(t, unsigned)
		if v := mustVerify(t, place{readOnly(p.o), t}.open()); !hasProblem(v, 1, "not one signed head") {
			t.Errorf("with a key: %v", v.Problems)
		}
		intact(t, place{readOnly(p.with(func(o *Options) { o.Key = watermark.Key{} }).o), t}.open())
		l := p.open()
		mustPut(t, l, full(20))
		mustClose(t, l)
		intact(t, p.open()) // a key was given later
	})
}

// No note about a row can be older than the row: rows deleted for their age do not
// cover up an erasure.
func TestErasureThatPointsBeforeTheCut(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		clock := handClock()
		p = p.with(func(o *Options) { o.Writer, o.Now, o.Retention = "w", clock.now, 48*time.Hour })
		filled(t, p) // 22 rows
		clock.move(36 * time.Hour)
		l := p.open()
		mustPut(t, l, full(100)) // row 23
		clock.move(36 * time.Hour)
		expireNow(t, l)
		intact(t, l)
		p.exec(fmt.Sprintf(`UPDATE avow_records SET salt = NULL, print = NULL, erased = %d WHERE n = %d`, rowNumber(1, 5), rowNumber(1, 23)))
		p.exec(fmt.Sprintf(`DELETE FROM avow_manifests WHERE n = %d`, rowNumber(1, 23)))
		if v := mustVerify(t, l); !hasProblem(v, 23, "no note") {
			t.Fatalf("%v", v.Problems)
		}
	})
}

// Heads are signed with the records once they are due, so that a clock that jumps
// between two records does not make it look as if heads were missing.
func TestHeadsKeepUpWithAJumpingClock(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		clock := handClock()
		l := p.with(func(o *Options) { o.Now = clock.now }).open()
		for i, jump := range []time.Duration{0, 24 * time.Hour, -48 * time.Hour, time.Minute} {
			clock.move(jump)
			mustPut(t, l, full(2*i), full(2*i+1))
		}
		if v := intact(t, l); v.Chains[0].Heads == 0 {
			t.Fatalf("%+v", v)
		}
	})
}

func TestForget(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		ctx := context.Background()
		l := p.open()
		changed := full(1)
		changed.Size++
		mustPut(t, l, full(0), full(1), bare(2))
		mustPut(t, l, changed)
		if got, err := l.Similar(ctx, full(1).Fingerprint); err != nil || len(got) != 2 {
			t.Fatalf("Similar: %d records, %v", len(got), err)
		}
		for range 2 {
			if err := l.Forget(ctx, idOf(1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Forget(ctx, idOf(2)); err != nil {
			t.Fatal(err)
		}
		if err := l.Forget(ctx, idOf(9)); !errors.Is(err, disclose.ErrNoRecord) {
			t.Fatalf("Forget of an unknown id: %v", err)
		}
		for _, id := range []int{1, 2} {
			if r, err := l.ByID(ctx, idOf(id)); err != nil || !r.Erased || !r.Fingerprint.IsZero() || id == 1 && r.SHA256 != changed.SHA256 {
				t.Fatalf("ByID: %+v, %v", r, err)
			}
		}
		if _, err := l.Manifest(ctx, idOf(1).String()); !errors.Is(err, disclose.ErrNoManifest) {
			t.Fatalf("Manifest: %v", err)
		}
		if got, err := l.Similar(ctx, full(1).Fingerprint); err != nil || len(got) != 0 {
			t.Fatalf("Similar finds what was forgotten: %v, %v", got, err)
		}
		intact(t, l)
		mustPut(t, l, full(3))
		mustClose(t, l)
		intact(t, p.open())
	})
}

// What was forgotten is not left over in the files.
func TestForgottenBytesAreGone(t *testing.T) {
	p := sqlitePlace(t)
	l := p.open()
	secret := []byte("a manifest that nobody is to find again")
	r := full(1)
	r.Manifest = bytes.Repeat(secret, 300)
	mustPut(t, l, r, full(2))
	if err := l.Forget(context.Background(), idOf(1)); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		if bytes.Contains(readFile(t, p.o.File+suffix), secret) {
			t.Errorf("%s holds it still", p.o.File+suffix)
		}
	}
}

func TestRetention(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		ctx, clock := context.Background(), handClock()
		p = p.with(func(o *Options) { o.Writer, o.Now, o.Retention = "w", clock.now, 48*time.Hour })
		filled(t, p) // 22 rows
		l := p.open()
		if err := l.Forget(ctx, idOf(3)); err != nil {
			t.Fatal(err)
		}
		clock.move(24 * time.Hour)
		mustPut(t, l, full(100))
		mustClose(t, l)
		clock.move(36 * time.Hour)
		l = p.open()
		expireNow(t, l)
		v := intact(t, l)
		if c := v.Chains[0]; c.First < 23 || c.Last < c.First {
			t.Fatalf("%+v", c)
		}
		if _, err := l.ByID(ctx, idOf(1)); !errors.Is(err, disclose.ErrNoRecord) {
			t.Fatalf("an old record: %v", err)
		}
		if _, err := l.Manifest(ctx, idOf(1).String()); !errors.Is(err, disclose.ErrNoManifest) {
			t.Fatalf("an old manifest: %v", err)
		}
		if _, err := l.ByID(ctx, idOf(100)); err != nil {
			t.Fatal(err)
		}
		clock.move(48 * time.Hour)
		expireNow(t, l)
		if v := intact(t, l); v.Rows != 0 {
			t.Fatalf("%d rows are left", v.Rows)
		}
		mustClose(t, l)
		l = p.open() // goes on with a chain of which no row is left
		mustPut(t, l, full(200))
		if v := intact(t, l); len(v.Chains) != 1 || v.Chains[0].First < 25 {
			t.Fatalf("%+v", v)
		}
		p.exec(`UPDATE avow_chains SET cut = NULL`)
		if v := mustVerify(t, l); v.Intact() {
			t.Fatal("rows are gone, and nothing says that they were too old")
		}
	})
}

// expireNow does what the writer does every hour.
func expireNow(t *testing.T, l *Ledger) {
	t.Helper()
	err := l.w.do(context.Background(), func(context.Context) error {
		for l.w.retain() < retainEvery {
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
