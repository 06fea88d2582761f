package ledger

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/fingerprint"
)

// flipped is f with n bits of its global part changed.
func flipped(f disclose.Fingerprint, n int) disclose.Fingerprint {
	for i := range n {
		f.Image.Global[i/64] ^= 1 << (i % 64)
	}
	return f
}

// textPrint is the fingerprint of a made-up text.
func textPrint(seed uint64, hashes int) disclose.Fingerprint {
	rng := rand.New(rand.NewPCG(seed, 11))
	out := make(fingerprint.Text, hashes)
	for i := range out {
		out[i] = rng.Uint64()
	}
	slices.Sort(out)
	return disclose.Fingerprint{KeyID: "k-1", Text: out}
}

// mixed are a text's hashes of which the first are those of another.
func mixed(from disclose.Fingerprint, shared int, seed uint64) disclose.Fingerprint {
	f := textPrint(seed, len(from.Text)-shared)
	f.Text = append(f.Text, from.Text[:shared]...)
	slices.Sort(f.Text)
	return f
}

func withPrint(i int, f disclose.Fingerprint) disclose.Record {
	r := bare(i)
	r.Fingerprint = f
	return r
}

// The ledger finds what MemoryRecords find, in the same order.
func TestSimilarIsThatOfMemoryRecords(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		ctx := context.Background()
		l, memory := p.open(), disclose.NewMemoryRecords(0)
		picture, text := picturePrint(1), textPrint(1, 40)
		other := picturePrint(1)
		other.KeyID = "k-2"
		records := []disclose.Record{
			withPrint(0, picture), withPrint(1, flipped(picture, 3)), withPrint(2, flipped(picture, fingerprint.SearchDistance)),
			withPrint(3, flipped(picture, fingerprint.SearchDistance+1)), withPrint(4, picturePrint(2)), withPrint(5, other),
			withPrint(6, text), withPrint(7, mixed(text, 10, 2)), withPrint(8, mixed(text, fingerprint.SearchShared, 3)),
			withPrint(9, mixed(text, fingerprint.SearchShared-1, 4)), withPrint(10, textPrint(5, 40)), bare(11), full(12),
		}
		for i := range 2 * disclose.MaxSimilar {
			records = append(records, withPrint(100+i, flipped(picturePrint(77), i)))
		}
		for _, r := range records {
			mustPut(t, l, r)
			if err := memory.Put(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		for name, f := range map[string]disclose.Fingerprint{
			"picture": picture, "text": text, "many": picturePrint(77), "key": other, "none": {}, "foreign": picturePrint(999),
			"foreign text": textPrint(999, 40), "unknown key": {KeyID: "k-9", Text: text.Text},
		} {
			want, _ := memory.Similar(ctx, f)
			got, err := l.Similar(ctx, f)
			if err != nil || len(got) != len(want) {
				t.Fatalf("%s: %d found, %v, want %d", name, len(got), err, len(want))
			}
			for i := range got {
				want[i].Record.Manifest = nil
				if !reflect.DeepEqual(got[i], want[i]) {
					t.Fatalf("%s, %d:\n got %+v\nwant %+v", name, i, got[i], want[i])
				}
			}
		}
	})
}

// Rows of other processes are seen, those of every chain.
func TestSimilarSeesWhatOthersWrite(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		a := p.with(func(o *Options) { o.Writer = "a" }).open()
		b := p.with(func(o *Options) { o.Writer = "b" }).open()
		for i := range 6 {
			mustPut(t, []*Ledger{a, b}[i%2], withPrint(i, flipped(picturePrint(1), i)))
			if got, err := a.Similar(context.Background(), picturePrint(1)); err != nil || len(got) != i+1 {
				t.Fatalf("%d found after %d were written: %v", len(got), i+1, err)
			}
		}
	})
}

func TestSimilarGoesOnWhereItsCallerLeft(t *testing.T) {
	l := sqlitePlace(t).open()
	mustPut(t, l, withPrint(1, picturePrint(1)))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Similar(ctx, picturePrint(1)); err == nil {
		t.Fatal("a call that was cancelled has an answer")
	}
	if got, err := l.Similar(context.Background(), picturePrint(1)); err != nil || len(got) != 1 {
		t.Fatalf("%d found, %v", len(got), err)
	}
}

// Within its budget the index keeps every hash; beyond it a share of them, and
// texts that share many are still found.
func TestTextIndexKeepsToItsBudget(t *testing.T) {
	const texts, hashes = 60, 400
	for _, budget := range []int64{16 * texts * hashes, 16 * texts * hashes / 8} {
		var x textIndex
		for i := range texts {
			x = x.with([]newText{{int64(i), textPrint(uint64(i), hashes).Text}}, budget)
		}
		if n := x.postings(); n > budget/16 || n == 0 {
			t.Errorf("budget %d: %d postings", budget, n)
		}
		for i := range texts {
			if got := x.near(textPrint(uint64(i), hashes).Text); len(got) == 0 || got[0] != int64(i) {
				t.Errorf("budget %d: text %d finds %v", budget, i, got)
			}
		}
	}
}

// A phrase that many texts have does not make them similar.
func TestCommonHashesDoNotCount(t *testing.T) {
	var x textIndex
	phrase := textPrint(1, 8).Text
	for i := range 2 * commonAtMin {
		f := textPrint(uint64(100+i), 20)
		f.Text = append(f.Text, phrase...)
		slices.Sort(f.Text)
		x = x.with([]newText{{int64(i), f.Text}}, 1<<30)
	}
	if got := x.near(phrase); len(got) != 0 {
		t.Fatalf("a phrase of all texts finds %d of them", len(got))
	}
	own := textPrint(105, 20)
	own.Text = append(own.Text, phrase...)
	slices.Sort(own.Text)
	if got := x.near(own.Text); len(got) != 1 || got[0] != 5 {
		t.Fatalf("a text finds %v, want itself", got)
	}
}

func TestIndexDropsDeletedRows(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		ctx, clock := context.Background(), handClock()
		l := p.with(func(o *Options) { o.Now, o.Retention = clock.now, time.Hour }).open()
		find := func(want int) {
			t.Helper()
			for _, f := range []disclose.Fingerprint{picturePrint(1), textPrint(1, 30)} {
				if got, err := l.Similar(ctx, f); err != nil || len(got) != want {
					t.Fatalf("%d found, %v, want %d", len(got), err, want)
				}
			}
		}
		mustPut(t, l, withPrint(1, picturePrint(1)), withPrint(2, textPrint(1, 30)))
		find(1)
		clock.move(30 * time.Minute)
		mustPut(t, l, withPrint(3, picturePrint(1)), withPrint(4, textPrint(1, 30)))
		find(2)
		clock.move(45 * time.Minute)
		expireNow(t, l)
		find(1)
		k := l.index.byKey["k-1"]
		if len(k.pictures.rows) != 1 || len(k.texts.rows) != 1 || k.texts.postings() != 30 {
			t.Fatalf("the index holds %d pictures, %d texts, %d postings", len(k.pictures.rows), len(k.texts.rows), k.texts.postings())
		}
	})
}
