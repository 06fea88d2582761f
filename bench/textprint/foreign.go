package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/fingerprint"
)

// A rule is how far two texts have to agree.
type rule struct {
	name string
	ok   func(n, of int) bool
}

var rules = []rule{
	{"≥ 1 hash", func(n, _ int) bool { return n >= 1 }},
	{"≥ 2", func(n, _ int) bool { return n >= 2 }},
	{"≥ 2, ½ of the text", func(n, of int) bool { return n >= 2 && 2*n >= of }},
	{"≥ 4", func(n, _ int) bool { return n >= 4 }},
	{"≥ 4, ¼ of the text", func(n, of int) bool { return n >= 4 && 4*n >= of }},
	{"≥ 4, ½ of the text", func(n, of int) bool { return n >= 4 && 2*n >= of }},
	{"≥ 8", func(n, _ int) bool { return n >= 8 }},
	{"≥ 8, ¼ of the text", func(n, of int) bool { return n >= 8 && 4*n >= of }},
	{"**Alike**: ≥ 4 and ½, or ≥ 8 and ¼", fingerprint.Alike},
}

// copied words in a row, the same in two texts, are no coincidence: one was taken
// from the other, or both from a third.
const copied = 20

// counts are pairs that agree, and passages that agree with any other, by rule.
type counts struct{ pairs, searches [16]int }

func (c *counts) add(agree []agreement) {
	for k, r := range rules {
		hit := false
		for _, a := range agree {
			if r.ok(a.n, a.of) {
				c.pairs[k]++
				hit = true
			}
		}
		if hit {
			c.searches[k]++
		}
	}
}

// An agreement is what a passage shares with one of another owner.
type agreement struct {
	with  int32
	n, of int
	copy  bool
}

// agreements returns what passage i shares with those of other owners.
func (m *measure) agreements(i int, common bool) []agreement {
	shared, of := m.sharing(i), len(m.prints[i])
	if !common {
		shared, of = m.withoutCommon(i)
	}
	var out []agreement
	for j, n := range shared {
		if n > 0 {
			out = append(out, agreement{j, n, of, commonRun(m.all[i].text, m.all[j].text) >= copied})
		}
	}
	return out
}

func isCopy(a agreement) bool { return a.copy }

// foreign measures how many passages agree with one of another owner.
func (m *measure) foreign(common bool) {
	var all, own counts
	records := newSubsets(m)
	for i := range m.all {
		agree := m.agreements(i, common)
		all.add(agree)
		records.add(agree, false)
		agree = slices.DeleteFunc(agree, isCopy)
		own.add(agree)
		records.add(agree, true)
	}
	counted := map[bool]string{true: "counted", false: "left out, as a detector does"}
	fmt.Printf("Phrases common to %d texts or more of those that a search returns are %s.\n\n", fingerprint.CommonIn, counted[common])
	fmt.Print("| rule | pairs | searches | pairs, no copies | searches, no copies |\n| --- | --- | --- | --- | --- |\n")
	pairs, searches := m.pairs(), float64(len(m.all))
	for k, r := range rules {
		fmt.Printf("| %s | %s | %s | %s | %s |\n", r.name, rate(all.pairs[k], pairs), rate(all.searches[k], searches),
			rate(own.pairs[k], pairs), rate(own.searches[k], searches))
	}
	fmt.Println()
	if !common {
		records.print(m)
	}
}

// pairs is the number of pairs of passages of different owners.
func (m *measure) pairs() (n float64) {
	size := map[string]int{}
	for _, p := range m.all {
		size[p.group]++
	}
	for _, p := range m.all {
		n += float64(len(m.all) - size[p.group])
	}
	return n
}

// subsets tell how the searches depend on the number of records: each passage has
// a random rank, and the first so many are the records.
type subsets struct {
	rank  []float64
	first [2][]float64 // the lowest rank of those that a search finds, 1 for none
}

func newSubsets(m *measure) *subsets {
	s := &subsets{rank: make([]float64, len(m.all))}
	for i := range s.rank {
		s.rank[i] = m.r.Float64()
	}
	return s
}

func (s *subsets) add(agree []agreement, own bool) {
	first, k := 1.0, 0
	for _, a := range agree {
		if fingerprint.Alike(a.n, a.of) {
			first = min(first, s.rank[a.with])
		}
	}
	if own {
		k = 1
	}
	s.first[k] = append(s.first[k], first)
}

func (s *subsets) print(m *measure) {
	others := m.pairs() / float64(len(m.all))
	fmt.Print("Texts that are Alike to a record, by the number of records:\n\n| records | searches | no copies |\n| --- | --- | --- |\n")
	for _, n := range []float64{500, 1000, 2000, 4000, others} {
		fmt.Printf("| %.0f |", n)
		for _, first := range s.first {
			hits := 0
			for _, rank := range first {
				if rank < n/others && rank < 1 {
					hits++
				}
			}
			fmt.Printf(" %s |", rate(hits, float64(len(first))))
		}
		fmt.Println()
	}
	fmt.Println()
}

// rate is a share and its count; of none, the bound that it is below with 95 %
// confidence (rule of three).
func rate(n int, of float64) string {
	if n == 0 {
		return fmt.Sprintf("< %.1g (0)", 3/of)
	}
	return fmt.Sprintf("%.2g (%d)", float64(n)/of, n)
}

// sharing returns the passages of other owners that have hashes of passage i, and
// how many.
func (m *measure) sharing(i int) map[int32]int {
	shared := map[int32]int{}
	for _, h := range m.prints[i] {
		for _, j := range m.with[h] {
			if m.all[j].group != m.all[i].group {
				shared[j]++
			}
		}
	}
	return shared
}

// withoutCommon returns what sharing does, of the passages that a search returns
// and with common phrases left out, and the number of hashes that are left.
func (m *measure) withoutCommon(i int) (map[int32]int, int) {
	shared := m.sharing(i)
	found := slices.Collect(maps.Keys(shared))
	slices.SortFunc(found, func(a, b int32) int { return cmp.Or(shared[b]-shared[a], int(a-b)) })
	found = found[:min(len(found), disclose.MaxSimilar)]
	texts := make([]fingerprint.Text, len(found))
	for k, j := range found {
		texts[k] = m.prints[j]
	}
	rest := m.prints[i].Without(fingerprint.Common(texts...))
	out := map[int32]int{}
	for k, j := range found {
		out[j] = rest.Shared(texts[k])
	}
	return out, len(rest)
}

// commonRun is the longest run of words that two texts have in common.
func commonRun(a, b string) int {
	x, y := plainWords(a), plainWords(b)
	before, row, most := make([]int, len(y)+1), make([]int, len(y)+1), 0
	for _, w := range x {
		for j, v := range y {
			row[j+1] = 0
			if w == v {
				row[j+1] = before[j] + 1
				most = max(most, row[j+1])
			}
		}
		before, row = row, before
	}
	return most
}

func plainWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
