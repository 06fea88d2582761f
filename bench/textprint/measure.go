package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose/fingerprint"
)

// A measure holds the passages and their fingerprints.
type measure struct {
	s      *fingerprint.Shingler
	all    []passage
	prints []fingerprint.Text
	with   map[uint64][]int32 // passages by hash
	r      *rand.Rand
}

func newMeasure(all []passage) *measure {
	m := &measure{s: fingerprint.NewShingler([32]byte{1}), all: all, with: map[uint64][]int32{}, r: rand.New(rand.NewPCG(1, 2))}
	for i, p := range all {
		t := m.s.Text(p.text)
		m.prints = append(m.prints, t)
		for _, h := range t {
			m.with[h] = append(m.with[h], int32(i))
		}
	}
	return m
}

// An edit changes the words of a text.
type edit struct {
	name string
	do   func(m *measure, words []string) string
}

var edits = []edit{
	{"unchanged", func(_ *measure, w []string) string { return strings.Join(w, " ") }},
	{"upper-cased, punctuation removed", func(_ *measure, w []string) string {
		return strings.ToUpper(strings.Map(func(r rune) rune {
			if strings.ContainsRune(".,;:!?'\"()*_`-", r) {
				return -1
			}
			return r
		}, strings.Join(w, " ")))
	}},
	{"15-word excerpt", func(m *measure, w []string) string { return m.excerpt(w, 15) }},
	{"40-word excerpt", func(m *measure, w []string) string { return m.excerpt(w, 40) }},
	{"10 % words substituted", func(m *measure, w []string) string { return m.substitute(w, 10) }},
	{"25 % substituted", func(m *measure, w []string) string { return m.substitute(w, 25) }},
	{"40 % substituted", func(m *measure, w []string) string { return m.substitute(w, 40) }},
	{"40-word excerpt + 10 % substituted", func(m *measure, w []string) string { return m.substitute(strings.Fields(m.excerpt(w, 40)), 10) }},
	{"half of it, behind as much foreign text", func(m *measure, w []string) string {
		other := strings.Fields(m.all[m.r.IntN(len(m.all))].text)
		return strings.Join(other[:min(len(other), len(w)/2)], " ") + " " + strings.Join(w[len(w)/2:], " ")
	}},
}

func (m *measure) excerpt(w []string, n int) string {
	at := m.r.IntN(max(1, len(w)-n))
	return strings.Join(w[at:min(len(w), at+n)], " ")
}

// substitute puts words of other passages in the place of some.
func (m *measure) substitute(w []string, percent int) string {
	out := slices.Clone(w)
	for i := range out {
		if m.r.IntN(100) < percent {
			other := strings.Fields(m.all[m.r.IntN(len(m.all))].text)
			out[i] = other[m.r.IntN(len(other))]
		}
	}
	return strings.Join(out, " ")
}

const probes = 2000

// edits measures how many edited passages still match their own record.
func (m *measure) edits() {
	fmt.Printf("Edited passages and their own record, %d probes each; in percent of the probes.\n\n", probes)
	fmt.Print("| probe | ≥ 1 hash | ≥ 2 | ≥ 3 | as a whole (≥ 2, ≥ ½) | without a mark (≥ 4, ≥ ¼) |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, e := range edits {
		var found [5]int
		for range probes {
			i := m.r.IntN(len(m.all))
			n, of := m.s.Text(e.do(m, strings.Fields(m.all[i].text))).In(m.prints[i])
			for j, ok := range []bool{n >= 1, n >= 2, n >= 3, n >= 2 && 2*n >= of, n >= 4 && 4*n >= of} {
				if ok {
					found[j]++
				}
			}
		}
		fmt.Printf("| %s |", e.name)
		for _, n := range found {
			fmt.Printf(" %.1f |", 100*float64(n)/probes)
		}
		fmt.Println()
	}
	fmt.Println()
}

// costs prints size and time.
func (m *measure) costs(chars int) error {
	hashes, bytes := 0, 0
	var all strings.Builder
	for i, t := range m.prints {
		hashes, bytes = hashes+len(t), bytes+8*len(t)+1
		if all.Len() < 1<<20 {
			all.WriteString(m.all[i].text)
		}
	}
	text := all.String()
	res := testing.Benchmark(func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			m.s.Text(text)
		}
	})
	fmt.Printf("%.1f hashes and %.0f bytes in 1,000 characters; %.1f µs for 2 KiB of text.\n",
		1000*float64(hashes)/float64(chars), 1000*float64(bytes)/float64(chars), float64(res.NsPerOp())/float64(len(text))*2048/1e3)
	return nil
}
