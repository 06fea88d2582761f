package ledger

import (
	"cmp"
	"slices"

	"github.com/avowai/avow/disclose/fingerprint"
)

// Bounds of a search among texts.
const (
	maxQuery    = 4096    // hashes of a text that are looked for
	maxVisited  = 200_000 // places that are counted
	maxNear     = 256     // texts that are compared in full
	commonAtMin = 64      // a hash that so many texts have may be common
	commonAtMax = 512     // a hash that more texts have is common in any case
	growth      = 4       // a run is merged with one less than so many times as large
)

// A textIndex says which texts have a hash: sorted runs of places, each 32 bits of
// a hash over the number of a text, merged as they grow. Two hashes that agree in
// those bits cost a comparison and no more: the texts' own hashes decide.
//
// Where the places exceed their budget, only hashes with some bits zero are kept,
// more bits as they grow. Short overlaps are then missed.
type textIndex struct {
	runs   [][]uint64
	rows   []int64
	sample uint // how many bits of a hash, from bit 32 up, have to be zero
}

// maxSample leaves one hash in 65,536.
const maxSample = 16

func (t *textIndex) kept(hash uint64) bool { return hash>>32&(1<<t.sample-1) == 0 }

func posting(hash uint64, text int) uint64 { return hash&^(1<<32-1) | uint64(uint32(text)) }

// with returns the index with more texts. What others read of t stays as it is.
func (t *textIndex) with(more []newText, budget int64) textIndex {
	if len(more) == 0 {
		return *t
	}
	out := textIndex{runs: slices.Clone(t.runs), rows: t.rows, sample: t.sample}
	var run []uint64
	for _, text := range more {
		for _, h := range text.hashes {
			if t.kept(h) {
				run = append(run, posting(h, len(out.rows)))
			}
		}
		out.rows = append(out.rows, text.n)
	}
	slices.Sort(run)
	for len(out.runs) > 0 && len(out.runs[len(out.runs)-1]) < growth*len(run) {
		run = mergeRuns(out.runs[len(out.runs)-1], run)
		out.runs = out.runs[:len(out.runs)-1]
	}
	out.runs = append(out.runs, run)
	for out.postings() > budget/16 && out.sample < maxSample { // a merge holds them twice
		out.thin()
	}
	return out
}

func (t *textIndex) postings() (n int64) {
	for _, r := range t.runs {
		n += int64(len(r))
	}
	return n
}

// thin keeps half of the hashes.
func (t *textIndex) thin() {
	t.sample++
	for i, r := range t.runs {
		kept := make([]uint64, 0, len(r)/2+len(r)/16)
		for _, p := range r {
			if t.kept(p) {
				kept = append(kept, p)
			}
		}
		t.runs[i] = kept
	}
}

func mergeRuns(a, b []uint64) []uint64 {
	out := make([]uint64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] <= b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// near returns the rows of the texts that share most hashes with text, those that
// share most first. Hashes that many texts have say little, and are left out.
func (t *textIndex) near(text fingerprint.Text) []int64 {
	counts := t.count(t.find(text))
	least := fingerprint.SearchShared
	if t.sample > 0 {
		least = 1
	}
	type hit struct{ text, shared int }
	var hits []hit
	for i, n := range counts {
		if n >= least {
			hits = append(hits, hit{int(i), n})
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.shared, a.shared), cmp.Compare(a.text, b.text))
	})
	out := make([]int64, 0, min(len(hits), maxNear))
	for _, h := range hits[:min(len(hits), maxNear)] {
		out = append(out, t.rows[h.text])
	}
	return out
}

// A found hash is where it stands in each run.
type foundHash struct {
	spans [][]uint64
	texts int
}

// find looks the hashes of a text up, less the common ones.
func (t *textIndex) find(text fingerprint.Text) []foundHash {
	common := min(max(len(t.rows)/1000, commonAtMin), commonAtMax)
	var out []foundHash
	looked := 0
	for _, h := range text {
		if !t.kept(h) {
			continue
		}
		if looked++; looked > maxQuery {
			break
		}
		var f foundHash
		for _, r := range t.runs {
			low, _ := slices.BinarySearch(r, posting(h, 0))
			high := low
			for high < len(r) && r[high]>>32 == h>>32 && f.texts <= common {
				high, f.texts = high+1, f.texts+1
			}
			if high > low {
				f.spans = append(f.spans, r[low:high])
			}
		}
		if f.texts > 0 && f.texts <= common {
			out = append(out, f)
		}
	}
	return out
}

// count counts the hashes that each text has, rare hashes first.
func (t *textIndex) count(found []foundHash) map[uint32]int {
	slices.SortFunc(found, func(a, b foundHash) int { return cmp.Compare(a.texts, b.texts) })
	counts, visited := map[uint32]int{}, 0
	for _, f := range found {
		if visited += f.texts; visited > maxVisited {
			break
		}
		for _, span := range f.spans {
			for _, p := range span {
				counts[uint32(p)]++
			}
		}
	}
	return counts
}

// without leaves out rows, where they are an eighth or more.
func (t *textIndex) without(gone func(int64) bool) textIndex {
	if stale := count(t.rows, gone); stale == 0 || stale < len(t.rows)/8 {
		return *t
	}
	out := textIndex{sample: t.sample}
	moved := make([]int, len(t.rows))
	for i, n := range t.rows {
		moved[i] = -1
		if !gone(n) {
			moved[i] = len(out.rows)
			out.rows = append(out.rows, n)
		}
	}
	for _, r := range t.runs {
		kept := make([]uint64, 0, len(r))
		for _, p := range r {
			if to := moved[uint32(p)]; to >= 0 {
				kept = append(kept, posting(p, to))
			}
		}
		out.runs = append(out.runs, kept) // still sorted: numbers keep their order
	}
	return out
}
