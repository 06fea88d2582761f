package fingerprint

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/avowai/avow/watermark"
)

// The fingerprint of a text is a set of hashes of its word sequences, chosen so
// that every stretch that two texts share leaves a hash that both have. Source:
// S. Schleimer, D. Wilkerson, A. Aiken, Winnowing: local algorithms for document
// fingerprinting, SIGMOD 2003.
//
//	words     what is left of the text without case, punctuation, compatibility
//	          forms and invisible characters, see words.go
//	shingles  every run of ShingleWords words, as one keyed 64-bit number
//	winnowing of every Window shingles in a row the one with the smallest number
//	          is kept, the last one of equals
//	hashes    AES-256 of that number, the first 64 bits
//
// So a stretch of ShingleWords + Window - 1 = 8 words that two texts share is
// always noticed, and about two shingles in five are kept. Nobody without the key
// can compute the hashes of a guess: a single block of AES is a pseudo-random
// function, and the numbers it is given are a keyed universal hash of the words.
const (
	// ShingleWords is how many words a hash covers.
	ShingleWords = 5
	// Window is how many shingles in a row leave at least one hash.
	Window = 4
	// MaxTextHashes bounds a Text: of a longer text the smallest hashes are kept,
	// which are the same ones wherever a shingle recurs, so that thinned texts stay
	// comparable (see [Text.In]). English prose gives about 60 hashes in 1,000
	// characters, so that thinning begins at about 70,000 characters.
	MaxTextHashes = 4096
)

// TextKey derives the secret of text fingerprints from a watermark key.
func TextKey(k watermark.Key) [32]byte { return k.Subkey("avow text fingerprint 1") }

// A Shingler makes the fingerprints of texts under one secret. It is safe for
// concurrent use.
type Shingler struct {
	words, join, order uint64 // keys of the numbers: of words, of shingles
	block              cipher.Block
}

// NewShingler returns the Shingler of a secret, see [TextKey].
func NewShingler(secret [32]byte) *Shingler {
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		panic("fingerprint: AES with 32 bytes: " + err.Error()) // cannot happen: a length of AES-256
	}
	// The keys of the numbers are two blocks whose second half no shingle has.
	var b [2 * aes.BlockSize]byte
	block.Encrypt(b[:aes.BlockSize], []byte("numbers\x00keys\x00\x00\x00\x01"))
	block.Encrypt(b[aes.BlockSize:], []byte("numbers\x00keys\x00\x00\x00\x02"))
	key := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) | 1 }
	return &Shingler{words: key(0), join: key(1), order: key(2), block: block}
}

// Text returns the fingerprint of a text that is there as a whole. Fewer than
// ShingleWords words have none.
func (s *Shingler) Text(text string) Text {
	w := s.NewWriter()
	w.Write(text)
	return w.finish()
}

// In compares an examined text with a recorded one: n of its m hashes are those
// of the record. Of a thinned record only the range of hashes that it kept
// counts, so that m may be smaller than len(t).
func (t Text) In(record Text) (n, m int) {
	m = len(t)
	if len(record) >= MaxTextHashes {
		last := record[len(record)-1]
		m, _ = slices.BinarySearch(t, last)
		if m < len(t) && t[m] == last {
			m++
		}
	}
	return t[:m].Shared(record), m
}

// Alike reports whether n of m hashes are enough to take a text for a recorded
// one where no mark names the record: 4 of them and half of the text, or 8 and a
// quarter. Common phrases are to be left out before, see [Common]. AlikeRate says
// how often it takes a foreign text for a recorded one.
func Alike(n, m int) bool { return n >= 4 && 2*n >= m || n >= 8 && 4*n >= m }

// MinAlike hashes are the fewest that Alike takes.
const MinAlike = 4

// AlikeRate is the share of foreign texts that are Alike to any of some 6,000
// records, as measured by bench/textprint (bench/results/textprint.md): 8 of 8,399,
// rounded up to a decade. Texts that take over 20 words in a row are not among
// them: those are found because they should be. With more records it grows.
const AlikeRate = 1e-3

// Without returns the hashes of t that are not in common.
func (t Text) Without(common Text) Text {
	return slices.DeleteFunc(slices.Clone(t), func(h uint64) bool {
		_, ok := slices.BinarySearch(common, h)
		return ok
	})
}

// CommonIn is how many different texts have to share a hash before it counts as a
// common phrase.
const CommonIn = 3

// Common returns the hashes that at least CommonIn of the texts have: phrases of
// licences and other stock. Texts of which four hashes in five are those of an
// earlier one are the same text once more, and do not count.
func Common(texts ...Text) Text {
	var different []Text
	for _, t := range texts {
		if !slices.ContainsFunc(different, t.again) {
			different = append(different, t)
		}
	}
	in := map[uint64]int{}
	var out Text
	for _, t := range different {
		for _, h := range t {
			if in[h]++; in[h] == CommonIn {
				out = append(out, h)
			}
		}
	}
	slices.Sort(out)
	return out
}

// again reports whether t is another text once more.
func (t Text) again(other Text) bool {
	return 5*t.Shared(other) >= 4*min(len(t), len(other))
}

// Join returns the hashes of several texts as one fingerprint, thinned like that
// of one text.
func Join(texts ...Text) Text {
	if len(texts) == 1 {
		return texts[0]
	}
	all := slices.Concat(texts...)
	return thin(all)
}

// thin sorts hashes, and keeps each once and at most MaxTextHashes.
func thin(all []uint64) Text {
	slices.Sort(all)
	all = slices.Compact(all)
	return Text(all[:min(len(all), MaxTextHashes)])
}

// encoding is the version that an encoded Text begins with.
const encoding = 1

// AppendBinary appends a Text: a version byte, then 8 bytes for each hash, most
// significant first. Nothing is appended for an empty one. It never fails.
func (t Text) AppendBinary(b []byte) ([]byte, error) {
	if len(t) == 0 {
		return b, nil
	}
	b = append(slices.Grow(b, 1+8*len(t)), encoding)
	for _, h := range t {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return b, nil
}

var errOrder = errors.New("hashes out of order")

// ParseText reads what [Text.AppendBinary] wrote, at most MaxTextHashes hashes.
// Its errors are ErrEncoding.
func ParseText(b []byte) (Text, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0] != encoding || len(b)%8 != 1 || len(b) == 1 || len(b) > 1+8*MaxTextHashes {
		return nil, ErrEncoding
	}
	t := make(Text, 0, len(b)/8)
	for at := 1; at < len(b); at += 8 {
		h := binary.BigEndian.Uint64(b[at:])
		if n := len(t); n > 0 && h <= t[n-1] {
			return nil, errors.Join(ErrEncoding, errOrder)
		}
		t = append(t, h)
	}
	return t, nil
}
