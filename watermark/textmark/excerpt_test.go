package textmark

import (
	"fmt"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/avowai/avow/watermark"
)

// excerpts returns the share of the excerpts of n characters that hold a whole
// frame, over every position from character from on. A selection goes by what is
// seen, so a frame goes with the character before it.
func excerpts(marked string, k watermark.Key, from, n int) (held, all int) {
	at := points(marked, Detect(marked, k))
	length := utf8.RuneCountInString(Strip(marked, k))
	for start := from; start+n <= length; start++ {
		all++
		i, _ := slices.BinarySearch(at, start+1) // behind at least one of its characters
		if i < len(at) && at[i] <= start+n {
			held++
		}
	}
	return held, all
}

// blind is the same for excerpts that are cut at any code point and whose frames
// count towards their length.
func blind(marked string, k watermark.Key, from, n int) float64 {
	at := points(marked, Detect(marked, k))
	for i := range at {
		at[i] += i * FrameRunes // where it starts in the marked text
	}
	held, all := 0, 0
	for start, length := from, utf8.RuneCountInString(marked); start+n <= length; start++ {
		all++
		i, _ := slices.BinarySearch(at, start)
		if i < len(at) && at[i]+FrameRunes <= start+n {
			held++
		}
	}
	return float64(held) / float64(all)
}

// TestExcerpts: how often a copied piece of long free prose carries a frame.
func TestExcerpts(t *testing.T) {
	k := testKey(t)
	for _, c := range []struct {
		name   string
		stream bool
		dense  bool
		n      int
		want   float64
	}{
		{"held", false, false, 500, 0.99}, {"held-dense", false, true, 200, 0.97},
		{"stream", true, false, 500, 0.99}, {"stream-dense", true, true, 200, 0.97},
		{"held-dense", false, true, 300, 0.99},
	} {
		t.Run(fmt.Sprintf("%s-%d", c.name, c.n), func(t *testing.T) {
			o, from := Options{}, 0
			if c.dense {
				o.Distance = DenseDistance
			}
			if c.stream {
				from = Threshold
			}
			var held, all, added, characters int
			cut := 0.0
			for seed := range uint64(10) {
				text := prose(seed+100, 300)
				marked, _ := Embed(text, idA, k, o)
				if c.stream {
					marked = streamed(NewPlacer(idA, k, o), cutWords(text))
				}
				added += len(marked) - len(text)
				characters += utf8.RuneCountInString(text) - from
				cut += blind(marked, k, from, c.n) / 10
				h, a := excerpts(marked, k, from, c.n)
				held, all = held+h, all+a
			}
			share := float64(held) / float64(all)
			t.Logf("%d of %d excerpts hold a frame: %.4f (cut blindly: %.4f); %d bytes added per 1,000 characters", held, all, share, cut, added*1000/characters)
			if all < 100000 || share < c.want {
				t.Fatalf("share %.4f of %d excerpts, want at least %.2f", share, all, c.want)
			}
		})
	}
}
