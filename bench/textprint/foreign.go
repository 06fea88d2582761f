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
	shared   int
	coverage float64
}

var rules = []rule{{1, 0}, {2, 0}, {2, 0.5}, {3, 0.25}, {4, 0}, {4, 0.25}, {4, 1. / 3}, {4, 0.5}, {6, 0.25}, {6, 1. / 3}, {8, 0.25}, {8, 0.5}}

// aRule is the one without a mark.
const aRule = 5

// copied words in a row, the same in two texts, are no coincidence: one was taken
// from the other, or both from a third.
const copied = 20

// counts are, by rule, pairs that agree and passages that agree with any other.
type counts struct{ pairs, searches [16]int }

func (c *counts) add(n, of int, hit *[16]bool) {
	for k, r := range rules {
		if n >= r.shared && float64(n) >= r.coverage*float64(of) {
			c.pairs[k]++
			if !hit[k] {
				hit[k] = true
				c.searches[k]++
			}
		}
	}
}

// foreign measures how many passages agree with one of another owner.
func (m *measure) foreign(show int, common bool) {
	var all, coincidence counts
	total := 0.0
	size := map[string]int{}
	for _, p := range m.all {
		size[p.group]++
	}
	for i, t := range m.prints {
		total += float64(len(m.all) - size[m.all[i].group])
		var hit, hitOwn [16]bool
		shared, of := m.sharing(i), len(t)
		if !common {
			shared, of = m.withoutCommon(i)
		}
		for j, n := range shared {
			all.add(n, of, &hit)
			if run := commonRun(m.all[i].text, m.all[j].text); run < copied {
				coincidence.add(n, of, &hitOwn)
				if n >= 4 && 4*n >= of && show > 0 {
					show--
					fmt.Printf("%d of %d, %d words: %s | %s\n%.300q\n%.300q\n", n, of, run, m.all[i].file, m.all[j].file, m.all[i].text, m.all[j].text)
				}
			}
		}
	}
	fmt.Printf("Passages and those of other owners: %.3g pairs; %d searches among %.0f records on average. On the right without pairs that have %d words in a row in common: of those one is a copy.\n\n",
		total, len(m.all), total/float64(len(m.all)), copied)
	fmt.Print("| hashes | part of the text | pairs | searches | pairs, no copies | searches, no copies |\n| --- | --- | --- | --- | --- | --- |\n")
	for k, r := range rules {
		fmt.Printf("| ≥ %d | ≥ %g | %s | %s | %s | %s |\n", r.shared, r.coverage, rate(all.pairs[k], total), rate(all.searches[k], float64(len(m.all))),
			rate(coincidence.pairs[k], total), rate(coincidence.searches[k], float64(len(m.all))))
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
