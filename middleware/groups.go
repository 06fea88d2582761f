package middleware

import (
	"crypto/rand"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxGroups   = 1 << 14 // of near duplicates remembered at one time
	groupBits   = 10      // of 64 that may differ inside a group
	groupWindow = 24 * time.Hour
	shingle     = 3 // words that are hashed together
)

// groups counts how many versions of nearly the same content were asked about. An
// attack that removes a mark by trial needs thousands of them; whoever asks, and
// from wherever, they count together.
//
// Nearly the same is what has nearly the same hash: of a picture, the signs of
// keyed sums of its low frequencies (see look); of anything else, the bits that most
// of its keyed shingles of words agree on (Charikar's similarity hash, STOC 2002).
// The keys are made when the process starts and last 24 hours, and the hashes stay
// in memory. Mirroring and turning by quarters changes nothing. An attacker who turns the
// picture by a few degrees, or cuts off a tenth of it, begins a new group.
type groups struct {
	limit int // different inputs per group and window; below 0 for no limit

	mu    sync.Mutex
	keys  *groupKeys
	since time.Time
	ring  []group // where it is full, see add
}

// groupKeys are what hashes are made with.
type groupKeys struct {
	seed  maphash.Seed
	signs [64]uint64 // one set of signs of the low frequencies for each bit
}

type contentKind uint8

const (
	ofPicture contentKind = iota + 1
	ofText
)

type group struct {
	kind  contentKind
	hash  uint64 // of its first member
	since time.Time
	seen  []uint64 // keyed hashes of its members' bytes
}

// A nearError refuses one version too many.
type nearError struct{ wait time.Duration }

func (*nearError) Error() string { return "middleware: too many near duplicates" }

func newGroups(limit int) *groups { return &groups{limit: limit} }

// keysAt returns the keys of a time. A day after they were made there are new ones,
// and the hashes of the old mean nothing any more.
func (g *groups) keysAt(now time.Time) *groupKeys {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.keys != nil && now.Sub(g.since) < secretLife && !now.Before(g.since) {
		return g.keys
	}
	g.keys, g.since, g.ring = &groupKeys{seed: maphash.MakeSeed()}, now, nil
	var b [8]byte
	for i := range g.keys.signs {
		_, _ = rand.Read(b[:]) // never fails, see crypto/rand
		g.keys.signs[i] = binary.LittleEndian.Uint64(b[:])
	}
	return g.keys
}

// admit counts an input towards the group that one of its hashes is nearest to, and
// returns a *nearError where that is full. An input whose very bytes were counted
// before is free: its answer tells nothing new.
func (g *groups) admit(kind contentKind, hashes []uint64, exactly uint64, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.limit < 0 {
		return nil
	}
	near := g.nearest(kind, hashes, now)
	switch {
	case near == nil:
		g.add(group{kind, hashes[0], now, []uint64{exactly}})
	case slices.Contains(near.seen, exactly):
	case len(near.seen) >= g.limit:
		return &nearError{near.since.Add(groupWindow).Sub(now)}
	default:
		near.seen = append(near.seen, exactly)
	}
	return nil
}

func (g *groups) nearest(kind contentKind, hashes []uint64, now time.Time) (best *group) {
	least := groupBits + 1
	for i := range g.ring {
		at := &g.ring[i]
		if at.kind != kind || now.Sub(at.since) >= groupWindow {
			continue
		}
		for _, hash := range hashes {
			if d := bits.OnesCount64(at.hash ^ hash); d < least {
				best, least = at, d
			}
		}
	}
	return best
}

// add makes room where there is none by the oldest of the groups with the fewest
// members: a flood of unrelated questions cannot push out the group that an attack
// has filled.
func (g *groups) add(n group) {
	if len(g.ring) < maxGroups {
		g.ring = append(g.ring, n)
		return
	}
	least := 0
	for i := range g.ring {
		at, best := &g.ring[i], &g.ring[least]
		if len(at.seen) < len(best.seen) || len(at.seen) == len(best.seen) && at.since.Before(best.since) {
			least = i
		}
	}
	g.ring[least] = n
}

// exactly is a hash of an input's very bytes.
func (k *groupKeys) exactly(data []byte) uint64 { return maphash.Bytes(k.seed, data) }

// looks are a picture's hashes, in every way that it can lie.
func (k *groupKeys) looks(low lowFrequencies) (hashes []uint64) {
	for _, turned := range low.turns() {
		hashes = append(hashes, k.look(turned))
	}
	return hashes
}

// look is one of them: each bit the sign of a sum of the low frequencies, each added
// or taken away as the key says.
func (k *groupKeys) look(low lowFrequencies) (hash uint64) {
	for bit, signs := range k.signs {
		sum := 0.0
		for i, c := range low {
			if signs>>i&1 == 0 {
				c = -c
			}
			sum += c
		}
		if sum > 0 {
			hash |= 1 << bit
		}
	}
	return hash
}

// maxShingles is about how many shingles of a text are looked at. Of a longer text
// those are taken whose hash ends in zeros, wherever they stand.
const maxShingles = 1 << 16

// words is a text's hash, from its words alone: case, marks between the letters and
// punctuation do not count.
func (k *groupKeys) words(text []byte) (hash uint64) {
	skip := uint64(1)<<bits.Len(uint(len(text)/(8*maxShingles))) - 1
	var votes [64]int
	var last [shingle]uint64
	n := 0
	eachWord(text, func(word []byte) {
		copy(last[:], last[1:])
		last[shingle-1] = maphash.Bytes(k.seed, word)
		if n++; n < shingle {
			return
		}
		h := maphash.Comparable(k.seed, last)
		if h&skip != 0 {
			return
		}
		for bit := range votes {
			votes[bit] += int(h>>bit&1)*2 - 1
		}
	})
	if n < shingle {
		return maphash.Comparable(k.seed, last)
	}
	for bit, v := range votes {
		if v > 0 {
			hash |= 1 << bit
		}
	}
	return hash
}

// eachWord calls fn for every word, in lower case. Scripts without spaces have
// words of one character here.
func eachWord(text []byte, fn func(word []byte)) {
	var word []byte
	end := func() {
		if len(word) > 0 {
			fn(word)
		}
		word = word[:0]
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r): // marks hide there
		case unicode.Is(unicode.Lo, r):
			end()
			word = utf8.AppendRune(word, r)
			end()
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			word = utf8.AppendRune(word, unicode.ToLower(r))
		default:
			end()
		}
	}
	end()
}
