package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"html"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/avowai/avow/disclose"
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

// An edit changes the words of a text, in Markdown for some.
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
	{"Markdown rendered, tags dropped", nil},
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

var (
	inline = regexp.MustCompile(`</?(a|b|code|del|em|i|strong)\b[^>]*>`)
	tags   = regexp.MustCompile(`<[^>]*>`)
)

// rendered is a passage in Markdown as it reads in a browser.
func (m *measure) rendered() (i int, text string) {
	for i = m.r.IntN(len(m.all)); !strings.HasSuffix(m.all[i].file, ".md"); {
		i = m.r.IntN(len(m.all))
	}
	var b bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(m.all[i].text), &b); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return i, html.UnescapeString(tags.ReplaceAllString(inline.ReplaceAllString(b.String(), ""), "\n"))
}

const probes = 2000

// edits measures how many edited passages still match their own record.
func (m *measure) edits() {
	fmt.Printf("Edited passages and their own record, %d probes each; in percent of the probes.\n\n", probes)
	fmt.Print("| probe | ≥ 1 hash | ≥ 2 | ≥ 3 | ≥ 2, ½ of the text | Alike |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, e := range edits {
		var found [5]int
		for range probes {
			i, text := m.r.IntN(len(m.all)), ""
			if e.do == nil {
				i, text = m.rendered()
			} else {
				text = e.do(m, strings.Fields(m.all[i].text))
			}
			n, of := m.s.Text(text).In(m.prints[i])
			for j, ok := range []bool{n >= 1, n >= 2, n >= 3, n >= 2 && 2*n >= of, fingerprint.Alike(n, of)} {
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
	hashes, size := 0, 0
	for _, t := range m.prints {
		b, err := t.AppendBinary(nil)
		if err != nil {
			return err
		}
		hashes, size = hashes+len(t), size+len(b)
	}
	texts, n := m.answers(), 0
	best := math.Inf(1)
	for range 20 {
		start := time.Now()
		n = 0
		for _, t := range texts {
			m.s.Text(t)
			n += len(t)
		}
		best = min(best, time.Since(start).Seconds())
	}
	fmt.Printf("%.1f hashes and %.0f bytes in 1,000 characters; %.1f µs for a text of 2 KiB, best of 20.\n",
		1000*float64(hashes)/float64(chars), 1000*float64(size)/float64(chars), 1e6*best/float64(n)*2048)
	return m.search()
}

// search times a look for a text among records in memory.
func (m *measure) search() error {
	records := disclose.NewMemoryRecords(len(m.prints))
	for i, t := range m.prints {
		r := disclose.Record{Fingerprint: disclose.Fingerprint{KeyID: "k", Text: t}}
		binary.BigEndian.PutUint32(r.Label.ID[:], uint32(i))
		if err := records.Put(context.Background(), r); err != nil {
			return err
		}
	}
	best := math.Inf(1)
	for i := range 50 {
		start := time.Now()
		if _, err := records.Similar(context.Background(), disclose.Fingerprint{KeyID: "k", Text: m.prints[i]}); err != nil {
			return err
		}
		best = min(best, time.Since(start).Seconds())
	}
	fmt.Printf("%.1f ms for a search among %d records in memory, best of 50.\n", 1e3*best, len(m.prints))
	return nil
}

// answers are texts of 2 KiB or more.
func (m *measure) answers() []string {
	var out []string
	var b strings.Builder
	for _, p := range m.all[:min(len(m.all), 2000)] {
		if b.WriteString(p.text); b.Len() >= 2048 {
			out = append(out, b.String())
			b.Reset()
		}
	}
	return out
}
