package textmark

import (
	"math"
	"strings"

	"github.com/avowai/avow/watermark"
)

// windowsMark is the plain mark that the language models of Windows AI APIs
// add: ZERO WIDTH SPACE, COMBINING GRAPHEME JOINER, WORD JOINER, ZERO WIDTH
// SPACE. It has no key and no content.
const windowsMark = "\u200b\u034f\u2060\u200b"

// c2paHead starts the text wrapper of C2PA 2.x, A.8: U+FEFF, then "C2PATXT"
// and a zero byte, each byte one variation selector.
var c2paHead = "\ufeff" + bytesAsSelectors("C2PATXT\x00")

// bytesAsSelectors writes bytes as C2PA A.8 does: 0 to 15 as U+FE00 + b, others
// as U+E0100 + b - 16.
func bytesAsSelectors(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := rune(s[i]); c < 16 {
			b.WriteRune(firstSelector + c)
		} else {
			b.WriteRune('\U000E0100' + c - 16)
		}
	}
	return b.String()
}

// A Found is a frame in a text, or what is left of one.
type Found struct {
	// Valid: the tag holds under the key named KeyID. It vouches for ID alone,
	// not for the text around it, into which anyone may have copied the frame.
	Valid bool
	ID    ID
	KeyID string
	// Index is the frame's number in the text it was written into, modulo 16.
	Index int
	// Start and End are where it stands, in bytes.
	Start, End int
	// WellFormed: pattern and version are those of a frame. With Valid unset,
	// no key held confirms it, and ID and Index are what it says of itself.
	WellFormed bool
	// Damaged: a run of at least two selectors of our alphabet that has not the
	// length of whole frames. Nothing can be read from it.
	Damaged bool
}

// A Detection is the outcome of one search.
type Detection struct {
	// Frames in order of Start: valid, well formed and damaged ones, of the last
	// kind at most 1,024. A run that has the length of frames but neither tag nor
	// form of one is not listed.
	Frames []Found
	// Windows counts the fixed marks of Windows AI, which anyone can write.
	Windows int
	// C2PA: the text carries the head of a C2PA text wrapper, which disclose's
	// manifest reader is to look at.
	C2PA bool
	// Runs is the number of pieces of 22 selectors that were examined.
	Runs int
	// FalsePositiveRate bounds the chance that a frame counts as valid though no
	// key held wrote it: Runs times the number of keys times 2^-32, rounded up
	// to a power of ten. It is 0 where there was nothing to examine.
	FalsePositiveRate float64

	damaged int
}

// maxDamaged bounds the list of damaged runs, which cost a writer 6 bytes each.
const maxDamaged = 1024

// Verified reports whether a frame is valid.
func (d *Detection) Verified() bool {
	for _, f := range d.Frames {
		if f.Valid {
			return true
		}
	}
	return false
}

// Present reports whether text carries anything that says it came from an AI:
// a well-formed frame, the mark of Windows AI, or a C2PA wrapper.
func (d *Detection) Present() bool {
	for _, f := range d.Frames {
		if f.WellFormed {
			return true
		}
	}
	return d.Windows > 0 || d.C2PA
}

// IDs returns the identifiers of the valid frames, each once, by first place.
func (d *Detection) IDs() []ID {
	var out []ID
	seen := map[ID]bool{}
	for _, f := range d.Frames {
		if f.Valid && !seen[f.ID] {
			seen[f.ID] = true
			out = append(out, f.ID)
		}
	}
	return out
}

// Detect says what marks text carries. Tags are tried under every key; zero
// keys are left out. It never fails: absence is an outcome, and proves nothing.
func Detect(text string, keys ...watermark.Key) Detection {
	return detect(text, signers(keys))
}

func detect(text string, s []signer) Detection {
	d := Detection{Windows: strings.Count(text, windowsMark), C2PA: strings.Contains(text, c2paHead)}
	eachRun(text, false, func(r *run) { d.run(r, s) })
	d.FalsePositiveRate = decade(float64(d.Runs) * float64(len(s)) * math.Exp2(-8*tagBytes))
	return d
}

func (d *Detection) run(r *run, s []signer) {
	if !r.frames() {
		if r.pure && len(r.digits) > 1 && d.damaged < maxDamaged {
			d.damaged++
			d.Frames = append(d.Frames, Found{Start: r.start, End: r.end, Damaged: true})
		}
		return
	}
	for k := range len(r.digits) / FrameRunes {
		d.Runs++
		if f, ok := read(r.digits[k*FrameRunes:][:FrameRunes], s); ok {
			f.Start = r.start + k*FrameBytes
			f.End = f.Start + FrameBytes
			d.Frames = append(d.Frames, f)
		}
	}
}

// read reads one frame and looks for its key.
func read(digits []byte, keys []signer) (Found, bool) {
	f, ok := parseFrame(digits)
	if !ok {
		return Found{}, false
	}
	found := Found{ID: f.id, Index: int(f.index), WellFormed: true}
	for i := range keys {
		if keys[i].verifies(f) {
			found.Valid, found.KeyID = true, keys[i].keyID
			break
		}
	}
	return found, true
}

// decade rounds a rate up to a power of ten.
func decade(rate float64) float64 {
	if rate <= 0 {
		return 0
	}
	return math.Pow(10, math.Ceil(math.Log10(rate)))
}
