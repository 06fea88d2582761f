package textmark

import (
	"io"
	"testing"
)

// BenchmarkDelta places frames in a stream, one token a delta.
func BenchmarkDelta(b *testing.B) {
	pieces := cutWords(prose(1, 2000))
	k := testKey(b)
	b.ReportAllocs()
	p, i := NewPlacer(idA, k, Options{}), 0
	for b.Loop() {
		if i == len(pieces) {
			p, i = NewPlacer(idA, k, Options{}), 0
		}
		if !p.Wait(pieces[i]) {
			p.Next(pieces[i], "")
		}
		i++
	}
}

// BenchmarkDeltaRefused has every point refused by its line, for the worst case.
func BenchmarkDeltaRefused(b *testing.B) {
	k := testKey(b)
	p := NewPlacer(idA, k, Options{})
	p.Next("# ", "")
	for b.Loop() {
		p.Next(" word", "")
	}
}

func BenchmarkWriter(b *testing.B) {
	text := []byte(prose(1, 2000))
	k := testKey(b)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		w := NewWriter(io.Discard, idA, k, Options{})
		_, _ = w.Write(text)
		_ = w.Close()
	}
}

func BenchmarkEmbed(b *testing.B) {
	text := prose(1, 2000)
	k := testKey(b)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Embed(text, idA, k, Options{})
	}
}

func BenchmarkDetect(b *testing.B) {
	k := testKey(b)
	text, _ := Embed(prose(1, 2000), idA, k, Options{})
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Detect(text, k)
	}
}

func BenchmarkOwnRunsNone(b *testing.B) {
	k := testKey(b)
	raw := []byte(`{"content":"` + prose(1, 2000) + `"}`)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		OwnRuns(raw, k)
	}
}
