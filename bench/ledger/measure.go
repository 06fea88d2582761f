package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/watermark"
)

// A measurement is that of one database.
type measurement struct {
	c    config
	name string
	l    *ledger.Ledger
	o    ledger.Options
	next atomic.Int64 // number of the next record
}

func (m *measurement) all() error {
	for _, do := range []func() error{m.load, m.fill, m.verify, m.rebuild, m.search} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// write has goroutines write records until enough says so, and returns how long
// each record waited.
func (m *measurement) write(writers int, enough func() bool) ([]time.Duration, error) {
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			var mine []time.Duration
			var err error
			for err == nil && !enough() {
				r, start := recordOf(uint64(m.next.Add(1))), time.Now()
				err = m.l.Put(context.Background(), r)
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, mine...), errors.Join(failed, err)
		})
	}
	wg.Wait()
	slices.Sort(all)
	return all, failed
}

// load is what the ledger takes while many write at one time.
func (m *measurement) load() error {
	start := time.Now()
	waits, err := m.write(m.c.writers, func() bool { return time.Since(start) >= m.c.load })
	if err != nil {
		return err
	}
	rate := float64(len(waits)) / time.Since(start).Seconds()
	m.row(fmt.Sprintf("records acknowledged, %d writers", m.c.writers), fmt.Sprintf("%.0f/s", rate), ">= 5000/s")
	m.row("wait for an acknowledgement, p50 / p99 / longest",
		fmt.Sprintf("%.1f / %.1f / %.1f ms", ms(quantile(waits, 0.5)), ms(quantile(waits, 0.99)), ms(quantile(waits, 1))), "p99 <= 50 ms")
	return nil
}

// fill writes the rest of the records.
func (m *measurement) fill() error {
	start, from := time.Now(), m.next.Load()
	waits, err := m.write(512, func() bool { return m.next.Load() >= int64(m.c.records) })
	if err != nil || len(waits) == 0 {
		return err
	}
	m.row(fmt.Sprintf("records acknowledged, 512 writers, from %d to %d records", from, m.c.records),
		fmt.Sprintf("%.0f/s, p99 %.1f ms", float64(len(waits))/time.Since(start).Seconds(), ms(quantile(waits, 0.99))), "")
	return nil
}

// runs is how often verifying and building are measured; the best run counts, as
// the one that other work on the machine disturbed least.
const runs = 3

// best runs do and returns the shortest time, and the least processor time.
func best(do func() error) (took, used time.Duration, err error) {
	for i := range runs {
		start, before := time.Now(), cpu()
		if err := do(); err != nil {
			return 0, 0, err
		}
		t, u := time.Since(start), cpu()-before
		if i == 0 {
			took, used = t, u
		}
		took, used = min(took, t), min(used, u)
	}
	return took, used, nil
}

func (m *measurement) verify() error {
	var v ledger.Verification
	took, used, err := best(func() (err error) {
		if v, err = m.l.Verify(context.Background()); err == nil && !v.Intact() {
			err = fmt.Errorf("the chain is not intact: %v", v.Problems)
		}
		return err
	})
	if err != nil {
		return err
	}
	m.row(fmt.Sprintf("chain verified, %d rows, best of %d", v.Rows, runs),
		fmt.Sprintf("%.0f rows/s, %.1f µs of processor time each", float64(v.Rows)/took.Seconds(), each(used, v.Rows)), ">= 200,000/s")
	return nil
}

// rebuild opens the ledger anew each time, so that it has no index yet.
func (m *measurement) rebuild() error {
	before := heap()
	var l *ledger.Ledger
	took, used, err := best(func() (err error) {
		if l != nil {
			if err := l.Close(); err != nil {
				return err
			}
		}
		o := m.o
		o.ReadOnly = true
		if l, err = ledger.Open(context.Background(), o); err != nil {
			return err
		}
		_, err = l.Similar(context.Background(), recordOf(1).Fingerprint)
		return err
	})
	if l == nil || err != nil {
		return err
	}
	m.row(fmt.Sprintf("index built from the rows, best of %d", runs), fmt.Sprintf("%.0f records/s, %.1f µs of processor time each, %d MiB",
		float64(m.next.Load())/took.Seconds(), each(used, m.next.Load()), (heap()-before)>>20), ">= 100,000/s")
	if err := l.Close(); err != nil {
		return err
	}
	_, err = m.l.Similar(context.Background(), recordOf(1).Fingerprint)
	return err
}

// each is a share of a time in microseconds.
func each(d time.Duration, n int64) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// search looks for pictures and texts that are there, changed, and for ones that
// are not.
func (m *measurement) search() error {
	for _, s := range []struct {
		what string
		of   func(rng *rand.Rand) (disclose.Fingerprint, bool)
	}{
		{"a picture, 20 bits of it changed", func(rng *rand.Rand) (disclose.Fingerprint, bool) {
			f := recordOf(2 * (1 + rng.Uint64N(uint64(m.c.records/2-1)))).Fingerprint
			for range 20 {
				f.Image.Global[rng.IntN(len(f.Image.Global))] ^= 1 << rng.IntN(64)
			}
			return f, true
		}},
		{"a picture that is not there", func(rng *rand.Rand) (disclose.Fingerprint, bool) {
			return recordOf(1<<40 + 2*rng.Uint64N(1<<30)).Fingerprint, false
		}},
		{"a text, half of its hashes", func(rng *rand.Rand) (disclose.Fingerprint, bool) {
			f := recordOf(1 + 2*rng.Uint64N(uint64(m.c.records/2-1))).Fingerprint
			f.Text = f.Text[:len(f.Text)/2]
			return f, true
		}},
		{"a long text of 2000 hashes that is not there", func(rng *rand.Rand) (disclose.Fingerprint, bool) {
			return disclose.Fingerprint{KeyID: benchKey, Text: hashes(rng, 2000)}, false
		}},
	} {
		var waits []time.Duration
		rng := rand.New(rand.NewPCG(1, 2))
		for range m.c.searches {
			f, there := s.of(rng)
			start := time.Now()
			found, err := m.l.Similar(context.Background(), f)
			waits = append(waits, time.Since(start))
			if err != nil {
				return err
			}
			if there != (len(found) > 0) {
				return fmt.Errorf("%s: %d records found", s.what, len(found))
			}
		}
		slices.Sort(waits)
		m.row("search among all: "+s.what, fmt.Sprintf("p50 %.1f, p99 %.1f ms", ms(quantile(waits, 0.5)), ms(quantile(waits, 0.99))), "<= 50 ms")
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// benchKey stands for the key of all fingerprints here.
const benchKey = "k-0000000b"

// aPicture is the fingerprint of a picture of noise, as long as they get.
var aPicture = sync.OnceValue(func() fingerprint.Image {
	img, rng := image.NewGray(image.Rect(0, 0, 1024, 1024)), rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = byte(rng.Uint32())
	}
	return fingerprint.NewImager([32]byte{1}).Image(img)
})

// recordOf is a record as the proxy makes them: even ones of pictures, odd ones of
// texts.
func recordOf(i uint64) disclose.Record {
	rng := rand.New(rand.NewPCG(i, 3))
	var id watermark.Payload
	binary.BigEndian.PutUint64(id[:], rng.Uint64())
	now := time.Now().UTC()
	r := disclose.Record{
		Label: disclose.Label{
			ID: id, Source: disclose.TrainedAlgorithmicMedia, Involvement: disclose.MachineGenerated,
			Provider: "Example GmbH", System: "assistant", Version: "1.4", Generator: "model-7b-instruct", Time: now,
		},
		MediaType: "image/png", Shape: disclose.ShapeOpenAIImages, Route: "/images/generations", Outcome: disclose.OutcomeMarked,
		Carriers: []disclose.Carrier{disclose.CarrierHeader, disclose.CarrierField, disclose.CarrierImageMark, disclose.CarrierMetadata},
		SHA256:   [32]byte{byte(i)}, Size: 1 << 20, Recorded: now, Session: disclose.SessionID{byte(i)},
		Fingerprint: disclose.Fingerprint{KeyID: benchKey},
	}
	if i%2 == 0 {
		r.Fingerprint.Image = aPicture()
		for j := range r.Fingerprint.Image.Global {
			r.Fingerprint.Image.Global[j] = rng.Uint64()
		}
		return r
	}
	r.MediaType, r.Shape, r.Route = "application/json", disclose.ShapeOpenAIChat, "/chat/completions"
	r.Response, r.Notices, r.Language, r.NoticeHash = fmt.Sprintf("chatcmpl-%016x", rng.Uint64()), []string{"ai"}, "en", [32]byte{7}
	r.Fingerprint.Text = hashes(rng, 60)
	return r
}

// hashes are n hashes, ascending.
func hashes(rng *rand.Rand, n int) fingerprint.Text {
	out := make(fingerprint.Text, n)
	for i := range out {
		out[i] = rng.Uint64()
	}
	slices.Sort(out)
	return slices.Compact(out)
}
